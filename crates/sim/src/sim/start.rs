use std::{
    fs::{self, File, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpListener;

use super::{Builder, Sim};
use crate::{
    blobs::Blobs,
    certificate_chain::CertificateChains,
    door::Door,
    host::Region,
    listener::{Listener, Tasks},
    machine::{Fleet, MachineError},
    service::sts::{Issuers, IssuersError},
    tls::{Authority, Tls},
    trouble::{FaultsError, Trouble},
    world::{ArchiveError, Memory, MemoryError, World},
};

/// Why a simulated AWS did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// [`Builder::data_dir`] was not called.
    #[error("the simulated AWS needs a directory for the layers: call data_dir")]
    NoDataDir,
    /// The directory for the layers cannot be used.
    #[error("the simulated AWS cannot keep layers in {dir}: {error}")]
    DataDir {
        /// The directory that was asked for.
        dir: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The directory is somebody else's: what is in it would be taken for leftovers.
    #[error("{0} is not empty, and no simulated AWS has made it: an empty directory, or a new one, is expected")]
    Foreign(PathBuf),
    /// The directory has the state of an earlier one, which this one was not to go on with.
    #[error("{0} has the state of an earlier simulated AWS: go on with it (keep_state), or choose another directory")]
    Kept(PathBuf),
    /// Another simulated AWS works in the directory.
    #[error("another simulated AWS is using {0}; stop it or choose another directory")]
    InUse(PathBuf),
    /// What an earlier one kept cannot be used.
    #[error("the state of an earlier simulated AWS cannot be used: {0}")]
    State(#[from] ArchiveError),
    /// The address cannot be listened on.
    #[error("the simulated AWS cannot listen on {address}: {error}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        error: io::Error,
    },
    /// A registry of [`Builder::registry`] is in no region of AWS.
    #[error("`{0}` is not a region of the partition aws: a name such as us-east-1 is expected")]
    Region(String),
    /// A machine of [`Builder::machine`] cannot be had.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The address of [`Builder::control`] is not on loopback.
    #[error("the control address {0} is not on loopback: whoever reaches it has the root keys of every account")]
    Control(SocketAddr),
    /// A certificate of [`Builder::trust_pem`] cannot be used.
    #[error("the simulated STS cannot reach out: {0}")]
    Issuers(#[from] IssuersError),
    /// The rules of [`Builder::fault`] cannot be in force together.
    #[error("the simulated AWS cannot have these faults: {0}")]
    Faults(#[from] FaultsError),
    /// The private certificate authority cannot be made.
    #[error("the simulated AWS cannot make its certificate authority: {0}")]
    Authority(String),
}

impl Builder {
    /// Starts it on the current runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(self) -> Result<Sim, StartError> {
        let dir = self.data_dir.ok_or(StartError::NoDataDir)?;
        if let Some(control) = self.control.filter(|control| !control.ip().is_loopback()) {
            return Err(StartError::Control(control));
        }
        let tasks = Tasks::default();
        let trouble = Trouble::new(self.clock.clone(), tasks.ending());
        trouble.set_seed(self.seed);
        trouble.set_faults(self.faults)?;
        self.networks
            .into_iter()
            .for_each(|network| trouble.set_network(network));
        let issuers = Issuers::new(&self.issuers, self.clock.clone(), trouble.clone())?;
        let chains = CertificateChains::new(&self.issuers.hosts).map_err(IssuersError::Root)?;
        let lock = lock(&dir, self.keep_state)?;
        let memory = recall(&dir, self.keep_state)?;
        let tls = Authority::new(&memory.secrets.authority)
            .map_err(|error| error.to_string())
            .and_then(|authority| Arc::new(authority).tls().map_err(|error| error.to_string()))
            .map_err(StartError::Authority)?;
        let unusable = |error| StartError::DataDir {
            dir: dir.clone(),
            error,
        };
        let blobs = Blobs::open(&dir).await.map_err(unusable)?;
        // Layers go after the state that needs them, and a kill may come in between; where nothing was kept, nothing
        // needs what is there.
        blobs.sweep(memory.state.contents()).await.map_err(unusable)?;
        let world = World::new(self.clock, blobs, issuers, chains, trouble, memory, tasks.ending());
        let world = Arc::new(world);
        let fleet = Arc::new(Fleet::new(Arc::clone(&world), tasks.clone(), &dir));

        // Every address is had before anything is answered, so that a start that fails has served nobody.
        let mut entrance = Entrance {
            world: &world,
            tasks: &tasks,
            doors: Vec::new(),
        };
        let address = entrance.open(self.listen, Door::Names, Some(tls)).await?;
        let endpoint = match self.endpoint {
            Some(asked) => Some(entrance.open(asked, Door::Endpoint, None).await?),
            None => None,
        };
        let mut registries = Vec::new();
        for (account, region, asked) in self.registries {
            let region = Region::parse(&region).ok_or(StartError::Region(region))?;
            let door = Door::Registry {
                account,
                region: region.clone(),
            };
            registries.push((account, region, entrance.open(asked, door, None).await?));
        }
        let control = match self.control {
            Some(asked) => Some(entrance.open(asked, Door::Control, None).await?),
            None => None,
        };
        let mut machines = Vec::new();
        for machine in self.machines {
            machines.push(fleet.add(machine).await?);
        }
        let doors = entrance.doors;
        let sim = Sim {
            address,
            endpoint,
            registries,
            control,
            world,
            fleet,
            tasks,
            _lock: lock,
        };
        sim.world.introduce(sim.places(), &sim.fleet);
        for (socket, listener) in doors {
            listener.run(socket);
        }
        for (machine, socket) in machines {
            sim.fleet.run(machine, socket);
        }
        Ok(sim)
    }
}

/// The addresses that are had, and what will be behind them.
struct Entrance<'w> {
    world: &'w Arc<World>,
    tasks: &'w Tasks,
    doors: Vec<(TcpListener, Listener)>,
}

impl Entrance<'_> {
    async fn open(&mut self, asked: SocketAddr, door: Door, tls: Option<Tls>) -> Result<SocketAddr, StartError> {
        let failed = |error| StartError::Listen { address: asked, error };
        let socket = TcpListener::bind(asked).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let listener = Listener {
            world: Arc::clone(self.world),
            door,
            tls,
            tasks: self.tasks.clone(),
        };
        self.doors.push((socket, listener));
        Ok(address)
    }
}

/// The file by which a directory of a simulated AWS is known, and which is locked while one works in it.
const MARK: &str = "simulated-aws.lock";

/// Where the state is kept, below the directory.
const STATE: &str = "state";

/// Makes the directory and takes it for one simulated AWS alone, until the file is closed.
///
/// What lies there and is not needed is removed at the start, so the directory must be new, empty, or an earlier one's.
fn lock(dir: &Path, keep_state: bool) -> Result<File, StartError> {
    let failed = |error| StartError::DataDir {
        dir: dir.to_owned(),
        error,
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let mark = dir.join(MARK);
    if !mark.try_exists().map_err(failed)? && fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(StartError::Foreign(dir.to_owned()));
    }
    if !keep_state && dir.join(STATE).try_exists().map_err(failed)? {
        return Err(StartError::Kept(dir.to_owned()));
    }
    let file = File::create(mark).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn recall(dir: &Path, keep: bool) -> Result<Memory, StartError> {
    let memory = if keep {
        Memory::recall(&dir.join(STATE))
    } else {
        Memory::blank().map_err(MemoryError::Authority)
    };
    memory.map_err(|error| match error {
        MemoryError::Archive(error) => StartError::State(error),
        MemoryError::Authority(error) => StartError::Authority(error.to_string()),
    })
}

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use iam::AccountId;
use tokio::net::TcpListener;

use crate::{
    blobs::Blobs,
    certificate_chain::CertificateChains,
    clock::Clock,
    control::{Places, RegistryPlace},
    credential::AccessKey,
    door::Door,
    host::Region,
    listener::{Listener, Tasks},
    machine::{Fleet, Machine, MachineError, MachineStatus},
    service::sts::{IssuerSettings, Issuers, IssuersError},
    tls::Authority,
    trail::Call,
    trouble::{Fault, FaultStatus, FaultsError, Network, Trouble},
    world::{ArchiveError, Memory, MemoryError, World},
};

/// A simulated AWS that is running. It ends when it is dropped; [`Sim::shutdown`] ends it in good order.
pub struct Sim {
    address: SocketAddr,
    endpoint: Option<SocketAddr>,
    registries: Vec<(AccountId, Region, SocketAddr)>,
    control: Option<SocketAddr>,
    world: Arc<World>,
    pub(crate) fleet: Fleet,
    tasks: Tasks,
    /// Holds the data directory.
    _lock: File,
}

/// How a simulated AWS is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    data_dir: Option<PathBuf>,
    keep_state: bool,
    listen: SocketAddr,
    endpoint: Option<SocketAddr>,
    registries: Vec<(AccountId, String, SocketAddr)>,
    machines: Vec<Machine>,
    control: Option<SocketAddr>,
    issuers: IssuerSettings,
    clock: Clock,
    seed: u64,
    faults: Vec<Fault>,
    networks: Vec<Network>,
}

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

impl Sim {
    /// Begins a description of a simulated AWS.
    pub fn builder() -> Builder {
        Builder {
            data_dir: None,
            keep_state: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            endpoint: None,
            registries: Vec::new(),
            machines: Vec::new(),
            control: None,
            issuers: IssuerSettings::default(),
            clock: Clock::system(),
            seed: 0,
            faults: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// Where all host names of this AWS are to be found.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Where STS, IAM and the ECR API are to be had by plain HTTP, if that was asked for.
    pub fn endpoint_addr(&self) -> Option<SocketAddr> {
        self.endpoint
    }

    /// The registries that have an address of their own: account, region, address.
    pub fn registry_addrs(&self) -> impl Iterator<Item = (AccountId, &str, SocketAddr)> {
        self.registries
            .iter()
            .map(|(account, region, address)| (*account, region.as_str(), *address))
    }

    /// Where the simulator is watched and steered, if that was asked for.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The machines, in the order in which they were added.
    pub fn machines(&self) -> Vec<MachineStatus> {
        self.fleet.statuses()
    }

    /// Adds a machine.
    ///
    /// # Errors
    /// See [`MachineError`].
    pub async fn add_machine(&self, machine: Machine) -> Result<MachineStatus, MachineError> {
        let (machine, socket) = self.fleet.add(machine).await?;
        Ok(self.fleet.run(machine, socket))
    }

    /// The certificate, in PEM, of the private authority that vouches for the host names.
    pub fn ca_pem(&self) -> &str {
        &self.world.ca_pem
    }

    /// The access key of an account's root user, who may do everything in it. An account is born when it is first named
    /// here.
    pub fn root_credentials(&self, account: &AccountId) -> AccessKey {
        self.world.root_key(*account)
    }

    /// The calls that came in since the start, the latest 65,536 of them, in the order in which they came.
    pub fn trail(&self) -> Vec<Call> {
        self.world.trail.calls()
    }

    /// How many calls came in since the start.
    pub fn trail_len(&self) -> u64 {
        self.world.trail.count()
    }

    /// The troubles, to be changed while it runs; what keeps a clone can do so too.
    pub fn trouble(&self) -> &Trouble {
        &self.world.trouble
    }

    /// The fault rules in force, and how far each has come.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.world.trouble.faults()
    }

    /// Replaces the fault rules.
    ///
    /// # Errors
    /// See [`Trouble::set_faults`].
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), FaultsError> {
        self.world.trouble.set_faults(faults)
    }

    /// Adds a fault rule, or replaces the one of the same name.
    ///
    /// # Errors
    /// See [`Trouble::add_fault`].
    pub fn add_fault(&self, fault: Fault) -> Result<(), FaultsError> {
        self.world.trouble.add_fault(fault)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.world.trouble.clear_faults();
    }

    /// Sets the network to all services or to one, for answers that have not begun.
    pub fn set_network(&self, network: Network) {
        self.world.trouble.set_network(network);
    }

    fn places(&self) -> Places {
        let registries = self.registries.iter().map(|(account, region, address)| RegistryPlace {
            account: account.to_string(),
            region: region.to_string(),
            address: address.to_string(),
        });
        Places {
            names: self.address.to_string(),
            endpoint: self.endpoint.map(|address| format!("http://{address}")),
            registries: registries.collect(),
        }
    }

    /// Ends it: nothing more is accepted, what is being answered is answered (for a few seconds at most), and when this
    /// returns no task is left.
    pub async fn shutdown(self) {
        self.tasks.end().await;
    }
}

impl Builder {
    /// Where layers are kept. The directory is made where it is missing and belongs to the caller, who removes it.
    #[must_use]
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Keeps everything that this AWS knows in the data directory, and takes up what an earlier one kept there: accounts,
    /// repositories, the certificate authority; sessions and registry passwords stay good. The trail starts anew.
    #[must_use]
    pub fn keep_state(mut self) -> Self {
        self.keep_state = true;
        self
    }

    /// Where to listen; `127.0.0.1` with a port that is free, where nothing is said.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where to listen with plain HTTP for tools that are given one URL for all of AWS (`AWS_ENDPOINT_URL`). STS, IAM and
    /// the ECR API are told from each other by what is signed.
    #[must_use]
    pub fn endpoint(mut self, address: SocketAddr) -> Self {
        self.endpoint = Some(address);
        self
    }

    /// Gives one registry an address of its own, with plain HTTP, for clients that cannot be told where a host name is.
    #[must_use]
    pub fn registry(mut self, account: AccountId, region: impl Into<String>, address: SocketAddr) -> Self {
        self.registries.push((account, region.into(), address));
        self
    }

    /// Adds a machine that finds instance metadata or container credentials.
    #[must_use]
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machines.push(machine);
        self
    }

    /// Where to listen, on loopback, for those who watch and steer the simulator while it runs.
    #[must_use]
    pub fn control(mut self, address: SocketAddr) -> Self {
        self.control = Some(address);
        self
    }

    /// Where the simulated STS finds the host of an issuer, instead of by DNS. The port stands in for 443.
    #[must_use]
    pub fn resolve(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.issuers.hosts.add(&host.into(), address);
        self
    }

    /// Certificate authorities (PEM) that AWS is to trust beside the public ones. Where any other made the certificate
    /// of an issuer's host, the top certificate that the host sends must be among the thumbprints of the provider.
    #[must_use]
    pub fn trust_pem(mut self, pem: impl Into<String>) -> Self {
        self.issuers.trust.push(pem.into());
        self
    }

    /// How long the simulated STS keeps an issuer's key set; where nothing is said it keeps none, and a key set that is
    /// broken shows at once.
    #[must_use]
    pub fn key_set_lifetime(mut self, lifetime: Duration) -> Self {
        self.issuers.key_set_lifetime = lifetime;
        self
    }

    /// How long the simulated STS waits for an issuer: 5 seconds, as AWS does, where nothing is said.
    #[must_use]
    pub fn issuer_time_limit(mut self, limit: Duration) -> Self {
        self.issuers.time_limit = limit;
        self
    }

    /// The time it goes by; the machine's, where nothing is said.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a rule by which something goes wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// What all that is drawn by chance depends on; 0 where nothing is said.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the network to all services or to one.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

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
        let lock = lock(&dir)?;
        let memory = recall(&dir, self.keep_state)?;
        let authority =
            Authority::new(&memory.secrets.authority).map_err(|error| StartError::Authority(error.to_string()))?;
        let tls = Arc::new(authority)
            .tls()
            .map_err(|error| StartError::Authority(error.to_string()))?;
        let blobs = Blobs::open(&dir).await.map_err(|error| StartError::DataDir {
            dir: dir.clone(),
            error,
        })?;
        let world = World::new(self.clock, blobs, issuers, chains, trouble, memory, tasks.ending());
        let world = Arc::new(world);
        let fleet = Fleet::new(Arc::clone(&world), tasks.clone(), &dir);
        let listener = |door, tls| Listener {
            world: Arc::clone(&world),
            door,
            tls,
            tasks: tasks.clone(),
        };
        // Every address is had before anything is answered, so that a start that fails has served nobody.
        let (socket, address) = bind(self.listen).await?;
        let mut sockets = vec![(socket, listener(Door::Names, Some(tls)))];
        let mut endpoint = None;
        if let Some(asked) = self.endpoint {
            let (socket, address) = bind(asked).await?;
            sockets.push((socket, listener(Door::Endpoint, None)));
            endpoint = Some(address);
        }
        let mut registries = Vec::new();
        for (account, region, asked) in self.registries {
            let region = Region::parse(&region).ok_or(StartError::Region(region))?;
            let (socket, address) = bind(asked).await?;
            let door = Door::Registry {
                account,
                region: region.clone(),
            };
            sockets.push((socket, listener(door, None)));
            registries.push((account, region, address));
        }
        let mut control = None;
        if let Some(asked) = self.control {
            let (socket, address) = bind(asked).await?;
            sockets.push((socket, listener(Door::Control, None)));
            control = Some(address);
        }
        let mut machines = Vec::new();
        for machine in self.machines {
            machines.push(fleet.add(machine).await?);
        }
        let sim = Sim {
            address,
            endpoint,
            registries,
            control,
            world: Arc::clone(&world),
            fleet,
            tasks: tasks.clone(),
            _lock: lock,
        };
        // Nobody else has had this world in hand yet.
        let _ = world.places.set(sim.places());
        for (socket, listener) in sockets {
            listener.run(socket);
        }
        for (machine, socket) in machines {
            sim.fleet.run(machine, socket);
        }
        Ok(sim)
    }
}

/// Makes the directory and takes it for one simulated AWS alone, until the file is closed.
fn lock(dir: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::DataDir {
        dir: dir.to_owned(),
        error,
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let file = File::create(dir.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn recall(dir: &Path, keep: bool) -> Result<Memory, StartError> {
    let memory = if keep {
        Memory::recall(&dir.join("state"))
    } else {
        Memory::blank().map_err(MemoryError::Authority)
    };
    memory.map_err(|error| match error {
        MemoryError::Archive(error) => StartError::State(error),
        MemoryError::Authority(error) => StartError::Authority(error.to_string()),
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen_error = |error| StartError::Listen { address, error };
    let socket = TcpListener::bind(address).await.map_err(listen_error)?;
    let bound = socket.local_addr().map_err(listen_error)?;
    Ok((socket, bound))
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("addr", &self.address)
            .finish_non_exhaustive()
    }
}

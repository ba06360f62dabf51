use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::net::TcpListener;

use super::{Endpoint, Frame, Inside, Machine, MachineKind, MachineStatus, Running, instance, pod, task};
use crate::{
    door::Door,
    host::Region,
    listener::{Listener, Tasks},
    world::World,
};

/// The machines of this AWS.
pub(crate) struct Fleet {
    world: Arc<World>,
    tasks: Tasks,
    /// Below it lies what machines find on their disks.
    dir: PathBuf,
    clusters: Arc<pod::TokenKey>,
    running: Mutex<Vec<Running>>,
}

/// Why a machine cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A name cannot be one, or a number is out of its range.
    #[error("`{value}` cannot be the {what} of a machine: {expected}")]
    Invalid {
        /// What it was to be.
        what: &'static str,
        /// As it was given.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Another machine has the name.
    #[error("there is a machine of the name `{0}` already")]
    Taken(String),
    /// The address cannot be listened on.
    #[error("the machine `{name}` cannot be asked at {address}: {error}")]
    Listen {
        /// The machine's name.
        name: String,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        error: io::Error,
    },
    /// What the machine is to find on its disk cannot be written.
    #[error("{path} cannot be written: {error}", path = path.display())]
    Disk {
        /// What was to be written.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl Fleet {
    pub(crate) fn new(world: Arc<World>, tasks: Tasks, data_dir: &Path) -> Self {
        Self {
            world,
            tasks,
            dir: data_dir.join("machines"),
            clusters: Arc::new(pod::TokenKey::generate()),
            running: Mutex::default(),
        }
    }

    /// Takes a machine in. Nobody is answered before [`Fleet::run`].
    pub(crate) async fn add(&self, machine: Machine) -> Result<(Running, TcpListener), MachineError> {
        let region = check(&machine)?;
        let listen = SocketAddr::from(machine.listen);
        let failed = |error| MachineError::Listen {
            name: machine.name.clone(),
            address: listen,
            error,
        };
        let socket = TcpListener::bind(listen).await.map_err(failed)?;
        let frame = Frame {
            address: socket.local_addr().map_err(failed)?,
            name: machine.name,
            account: machine.account,
            region,
        };
        let mut running = self.running();
        if running.iter().any(|other| other.0.frame.name == frame.name) {
            return Err(MachineError::Taken(frame.name));
        }
        let endpoint = match &machine.kind {
            MachineKind::Instance(instance) => {
                let launched = self.world.clock.now();
                Endpoint::Instance(instance::Metadata::new(instance, &frame, launched)?)
            }
            MachineKind::Task(task) => Endpoint::Task(task::Credentials::new(task, &frame)?),
            MachineKind::Pod(pod) => {
                let dir = self.dir.join(&frame.name);
                let agent = pod::Agent::new(pod, &frame, Arc::clone(&self.clusters), &dir)?;
                agent.project(self.world.clock.now())?;
                Endpoint::Pod(agent)
            }
        };
        let added = Running(Arc::new(Inside {
            frame,
            kind: machine.kind,
            endpoint,
        }));
        running.push(added.clone());
        Ok((added, socket))
    }

    /// Takes a machine in and lets it be asked.
    pub(crate) async fn start(&self, machine: Machine) -> Result<MachineStatus, MachineError> {
        let (machine, socket) = self.add(machine).await?;
        Ok(self.run(machine, socket))
    }

    /// Lets a machine be asked.
    pub(crate) fn run(&self, machine: Running, socket: TcpListener) -> MachineStatus {
        if let Endpoint::Pod(_) = machine.0.endpoint {
            self.tasks.spawn(pod::keep_token(
                machine.clone(),
                Arc::clone(&self.world),
                self.tasks.ending(),
            ));
        }
        let status = machine.status();
        self.listener(machine).run(socket);
        status
    }

    fn listener(&self, machine: Running) -> Listener {
        Listener {
            world: Arc::clone(&self.world),
            door: Door::Machine(machine),
            tls: None,
            tasks: self.tasks.clone(),
        }
    }

    pub(crate) fn statuses(&self) -> Vec<MachineStatus> {
        self.running().iter().map(Running::status).collect()
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name is a directory's too, and a part of session names.
fn check(machine: &Machine) -> Result<Region, MachineError> {
    let invalid = |what, value: &str, expected| MachineError::Invalid {
        what,
        value: value.to_owned(),
        expected,
    };
    let name = &machine.name;
    let is_name = name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_name {
        let expected = "up to 63 letters, digits, `-`, `_` and `.` are expected, the first a letter or a digit";
        return Err(invalid("name", name, expected));
    }
    Region::parse(&machine.region).ok_or_else(|| {
        let expected = "a region of the partition aws such as us-east-1 is expected";
        invalid("region", &machine.region, expected)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Instance, Sim};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    /// The time-to-live on the server's side of a connection after an answer to `request`, and the answer's status.
    async fn hops_after(request: &str) -> (u32, String) {
        let dir = tempfile::tempdir().unwrap();
        let sim = Sim::builder().data_dir(dir.path()).start().await.unwrap();
        let instance = Instance::new().hop_limit(3).imds_v1(true);
        let machine = Machine::new("web", "111122223333".parse().unwrap(), instance);
        let (machine, socket) = sim.fleet.add(machine).await.unwrap();
        let mut client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = socket.accept().await.unwrap();
        let stream = stream.into_std().unwrap();
        let watched = stream.try_clone().unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        // Each answer of the service ends its connection.
        let listener = sim.fleet.listener(machine);
        listener.serve(TcpStream::from_std(stream).unwrap(), peer).await;
        let hops = watched.ttl().unwrap();
        drop(watched);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        (hops, answer.chars().take(12).collect())
    }

    #[tokio::test]
    async fn a_token_goes_no_further_than_the_hop_limit() {
        let put = "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n\
                   X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
        assert_eq!(hops_after(put).await, (3, "HTTP/1.1 200".to_owned()));
    }

    #[tokio::test]
    async fn everything_else_goes_as_far_as_it_will() {
        let get = "GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n";
        let (hops, status) = hops_after(get).await;
        assert_eq!(status, "HTTP/1.1 200");
        assert!(hops > 3, "{hops}");
    }
}

//! What a process on a machine inside AWS finds on its link-local addresses: instance metadata, and the credentials of
//! containers. The machines themselves are not simulated: whoever connects to a machine's address is taken for a
//! process on it.

mod description;
mod fleet;
mod instance;
mod pod;
mod session;
mod task;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
};

use aws_lc_rs::digest;
use iam::AccountId;

pub use description::InvalidMachine;
pub(crate) use fleet::Fleet;
pub use fleet::MachineError;
pub use instance::Instance;
pub(crate) use instance::page::page as metadata_page;
pub use pod::Pod;
pub(crate) use pod::error as pod_error;
pub use task::Task;
pub(crate) use task::error as task_error;

use crate::{
    exchange::{Inbound, Response},
    host::Region,
    trail::{Entry, Service},
    world::World,
};

/// A machine inside AWS, and the address at which the processes on it find what they would find on a link-local one.
#[derive(Clone, Debug)]
pub struct Machine {
    name: String,
    account: AccountId,
    region: String,
    listen: SocketAddrV4,
    kind: MachineKind,
}

/// What a machine is.
#[derive(Clone, Debug)]
pub enum MachineKind {
    /// An EC2 instance.
    Instance(Instance),
    /// An ECS task.
    Task(Task),
    /// A pod of an EKS cluster.
    Pod(Pod),
}

/// A machine that can be asked. As JSON, an object with these members; the environment is an object too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MachineStatus {
    /// The machine's name, which no other has.
    pub name: String,
    /// The account that it belongs to.
    pub account: AccountId,
    /// The region that it is in.
    pub region: String,
    /// What it is.
    pub kind: MachineKind,
    /// Where it is asked, by plain HTTP.
    pub address: SocketAddr,
    /// The environment variables of a process on this machine, by which AWS's SDKs find its credentials.
    pub environment: Vec<(&'static str, String)>,
}

/// A machine that is being asked. Two are the same only if they are one.
#[derive(Clone)]
pub(crate) struct Running(Arc<Inside>);

struct Inside {
    frame: Frame,
    kind: MachineKind,
    endpoint: Endpoint,
}

/// What all kinds of machines have.
struct Frame {
    name: String,
    account: AccountId,
    region: Region,
    address: SocketAddr,
}

/// What answers, for each kind of machine.
enum Endpoint {
    Instance(instance::Metadata),
    Task(task::Credentials),
    Pod(pod::Agent),
}

impl Machine {
    /// A machine of an account, in `us-east-1`, listening on `127.0.0.1` at a port that is free. The name is up to 63
    /// letters, digits, `-`, `_` and `.`.
    pub fn new(name: impl Into<String>, account: AccountId, kind: impl Into<MachineKind>) -> Self {
        Self {
            name: name.into(),
            account,
            region: Region::us_east_1().to_string(),
            listen: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            kind: kind.into(),
        }
    }

    /// Puts it into another region.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Where it is to be asked.
    #[must_use]
    pub fn listen(mut self, address: SocketAddrV4) -> Self {
        self.listen = address;
        self
    }
}

impl Running {
    /// The service that this is on a machine of its kind.
    pub(crate) fn service(&self) -> Service {
        match &self.0.endpoint {
            Endpoint::Instance(_) => Service::InstanceMetadata,
            Endpoint::Task(_) => Service::TaskCredentials,
            Endpoint::Pod(_) => Service::PodIdentity,
        }
    }

    /// The link-local address that this stands for.
    pub(crate) fn link_local(&self) -> Ipv4Addr {
        match &self.0.endpoint {
            Endpoint::Instance(_) => instance::ADDRESS,
            Endpoint::Task(_) => task::ADDRESS,
            Endpoint::Pod(_) => pod::ADDRESS,
        }
    }

    /// What a request asks for, where it asks for anything that there is.
    pub(crate) fn action(&self, path: &str) -> Option<&'static str> {
        match &self.0.endpoint {
            Endpoint::Instance(_) => Some(instance::action(path)),
            Endpoint::Task(_) => task::action(path),
            Endpoint::Pod(_) => pod::action(path),
        }
    }

    /// The account that the machine belongs to.
    pub(crate) fn account(&self) -> AccountId {
        self.0.frame.account
    }

    /// Answers a process on the machine. None of these services reads a body.
    pub(crate) fn answer(&self, world: &World, inbound: &Inbound, entry: &mut Entry) -> Response {
        let Inside { frame, endpoint, .. } = &*self.0;
        entry.call.account = Some(frame.account.to_string());
        if let Some(action) = self.action(inbound.parts.uri.path()) {
            action.clone_into(&mut entry.call.action);
        }
        match endpoint {
            Endpoint::Instance(metadata) => metadata.answer(world, frame, inbound, entry),
            Endpoint::Task(credentials) => credentials.answer(world, frame, inbound, entry),
            Endpoint::Pod(agent) => agent.answer(world, frame, inbound, entry),
        }
    }

    fn status(&self) -> MachineStatus {
        let Inside { frame, kind, endpoint } = &*self.0;
        MachineStatus {
            name: frame.name.clone(),
            account: frame.account,
            region: frame.region.to_string(),
            kind: kind.clone(),
            address: frame.address,
            environment: match endpoint {
                Endpoint::Instance(_) => instance::environment(frame),
                Endpoint::Task(credentials) => credentials.environment(frame),
                Endpoint::Pod(agent) => agent.environment(frame),
            },
        }
    }
}

impl MachineKind {
    /// `instance`, `task` or `pod`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instance",
            Self::Task(_) => "task",
            Self::Pod(_) => "pod",
        }
    }
}

impl Frame {
    /// Bytes that say which machine this is, and are the same after a restart; `what` is what they are made into.
    fn fingerprint(&self, what: &str) -> [u8; 32] {
        fingerprint(&format!("{}/{}/{}/{what}", self.account, self.region, self.name))
    }

    /// As [`Frame::fingerprint`], in the form of a random UUID.
    fn uuid(&self, what: &str) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.fingerprint(what)[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// As [`Frame::fingerprint`], in so many hexadecimal digits, 64 at most.
    fn hex(&self, what: &str, digits: usize) -> String {
        let mut text = hex(&self.fingerprint(what));
        text.truncate(digits);
        text
    }
}

impl From<Instance> for MachineKind {
    fn from(instance: Instance) -> Self {
        Self::Instance(instance)
    }
}

impl From<Task> for MachineKind {
    fn from(task: Task) -> Self {
        Self::Task(task)
    }
}

impl From<Pod> for MachineKind {
    fn from(pod: Pod) -> Self {
        Self::Pod(pod)
    }
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Running {}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.0.frame.name).finish()
    }
}

fn fingerprint(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_its_name_place_and_owner() {
        let id = |name: &str, account: &str, region: &str| {
            let frame = Frame {
                name: name.into(),
                account: account.parse().unwrap(),
                region: Region::parse(region).unwrap(),
                address: ([127, 0, 0, 1], 80).into(),
            };
            (frame.hex("instance", 17), frame.uuid("pod"))
        };
        let (instance, pod) = id("web", "111122223333", "us-east-1");
        assert_eq!(instance.len(), 17);
        assert_eq!((pod.len(), &pod[14..15]), (36, "4"));
        assert_eq!(id("web", "111122223333", "us-east-1"), (instance.clone(), pod));
        for (other, _) in [
            id("wep", "111122223333", "us-east-1"),
            id("web", "111122223334", "us-east-1"),
            id("web", "111122223333", "us-east-2"),
        ] {
            assert_ne!(other, instance);
        }
    }
}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blobs;
mod certificate_chain;
mod clock;
mod control;
mod credential;
mod door;
mod exchange;
mod host;
mod identity;
mod listener;
mod machine;
mod policy;
mod principal;
mod query;
mod request_body;
mod resolve;
mod seal;
mod service;
mod sigv4;
mod sim;
mod tls;
mod trail;
mod trouble;
mod wire;
mod world;
mod xml;

pub use clock::Clock;
pub use credential::AccessKey;
pub use machine::{Instance, InvalidMachine, Machine, MachineError, MachineKind, MachineStatus, Pod, Task};
pub use service::sts::IssuersError;
pub use sim::{Builder, Sim, StartError};
pub use trail::{Call, Decision, Service};
pub use trouble::{Fault, FaultStatus, FaultsError, InvalidFault, Network, Trouble};
pub use world::ArchiveError;

mod builder;
mod start;

use std::{fs::File, net::SocketAddr, sync::Arc};

use iam::AccountId;

pub use builder::Builder;
pub use start::StartError;

use crate::{
    control::{Places, RegistryPlace},
    credential::AccessKey,
    host::Region,
    listener::Tasks,
    machine::{Fleet, Machine, MachineError, MachineStatus},
    trail::Call,
    trouble::{Fault, FaultStatus, FaultsError, Network, Trouble},
    world::World,
};

/// A simulated AWS that is running. It ends when it is dropped; [`Sim::shutdown`] ends it in good order.
pub struct Sim {
    address: SocketAddr,
    endpoint: Option<SocketAddr>,
    registries: Vec<(AccountId, Region, SocketAddr)>,
    control: Option<SocketAddr>,
    world: Arc<World>,
    pub(crate) fleet: Arc<Fleet>,
    tasks: Tasks,
    /// Holds the data directory.
    _lock: File,
}

impl Sim {
    /// Begins a description of a simulated AWS.
    pub fn builder() -> Builder {
        Builder::new()
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
        self.fleet.start(machine).await
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

    /// The calls that came in since the start, the latest 16,384 of them, in the order in which they came.
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

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use iam::AccountId;

use crate::{
    clock::Clock,
    machine::Machine,
    service::sts::IssuerSettings,
    trouble::{Fault, Network},
};

/// How a simulated AWS is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) keep_state: bool,
    pub(super) listen: SocketAddr,
    pub(super) endpoint: Option<SocketAddr>,
    pub(super) registries: Vec<(AccountId, String, SocketAddr)>,
    pub(super) machines: Vec<Machine>,
    pub(super) control: Option<SocketAddr>,
    pub(super) issuers: IssuerSettings,
    pub(super) clock: Clock,
    pub(super) seed: u64,
    pub(super) faults: Vec<Fault>,
    pub(super) networks: Vec<Network>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
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
}

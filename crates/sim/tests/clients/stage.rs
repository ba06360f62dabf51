//! A simulated AWS with an endpoint for tools and with ports for registries.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use jiff::Timestamp;
use oci::Digest;
use secrecy::ExposeSecret;
use serde_json::json;
use sim::{Machine, MachineStatus, Sim};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::image;
use crate::issuer::{self, Issuer};
use crate::shell::Shell;

pub(crate) const REGION: &str = "us-east-1";

/// The simulator in this process. What drives it are programs, so that the tests need no runtime of their own.
pub(crate) struct Stage {
    pub(crate) sim: Sim,
    issuer: Issuer,
    issuer_url: String,
    dir: TempDir,
    runtime: Runtime,
}

impl Stage {
    /// With a port for the registry of each account.
    pub(crate) fn new(accounts: &[&str]) -> Self {
        Self::with_issuer(accounts, issuer::URL)
    }

    /// The same, with an issuer of tokens that has a certain URL.
    pub(crate) fn with_issuer(accounts: &[&str], url: &str) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let runtime = Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let issuer = runtime.block_on(Issuer::at(url, issuer::Oddities::default()));
        let host = url.split('/').nth(2).unwrap();
        let builder = Sim::builder()
            .data_dir(dir.path().join("layers"))
            .endpoint(anywhere)
            .resolve(host, issuer.address)
            .trust_pem(&issuer.ca_pem);
        let builder = accounts.iter().fold(builder, |builder, account| {
            builder.registry(account.parse().unwrap(), REGION, anywhere)
        });
        let sim = runtime.block_on(builder.start()).unwrap();
        std::fs::write(dir.path().join("ca.pem"), sim.ca_pem()).unwrap();
        Self {
            sim,
            issuer,
            issuer_url: url.to_owned(),
            dir,
            runtime,
        }
    }

    /// Adds a machine inside AWS.
    pub(crate) fn add_machine(&self, machine: Machine) -> MachineStatus {
        self.runtime.block_on(self.sim.add_machine(machine)).unwrap()
    }

    /// A token of the issuer, for a subject and an audience.
    pub(crate) fn token(&self, subject: &str, audience: &str) -> String {
        self.token_of(&self.issuer_url, subject, audience)
    }

    /// The same, by a name that the issuer gives itself.
    pub(crate) fn token_of(&self, issuer: &str, subject: &str, audience: &str) -> String {
        let now = Timestamp::now().as_second();
        let claims = json!({"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + 3600});
        self.issuer.token(&claims)
    }

    /// A shell whose `aws` is the root of an account.
    pub(crate) fn shell(&self, account: &str) -> Shell {
        let key = self.sim.root_credentials(&account.parse().unwrap());
        let shell = Shell::new(&self.ca(), &self.endpoint());
        shell.profile("default", &key.id, key.secret.expose_secret(), None);
        for (_, _, address) in self.sim.registry_addrs() {
            shell.allow_plain_http(address);
        }
        shell
    }

    /// Makes a repository and pushes an image with a layer of each size to it, as the root of an account: its digest.
    pub(crate) fn publish(&self, account: &str, repository: &str, layers: &[u64]) -> Digest {
        let (shell, registry) = (self.shell(account), self.registry(account));
        let digest = image::generate(&shell.path("image"), layers);
        shell.ok(&format!("aws ecr create-repository --repository-name {repository}"));
        shell.log_in("default", registry);
        shell.push(registry, &format!("{repository}:1")).unwrap();
        digest
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.sim.endpoint_addr().unwrap())
    }

    /// Where an account's registry is.
    pub(crate) fn registry(&self, account: &str) -> SocketAddr {
        let mut registries = self.sim.registry_addrs();
        let (_, _, address) = registries.find(|(owner, ..)| owner.as_str() == account).unwrap();
        address
    }

    /// The certificate of the simulator's authority. Plain HTTP needs none, but a client's home has a place for it.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }
}

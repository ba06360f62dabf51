mod files;
mod names;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use iam::generate;
use jiff::Timestamp;
use net::{Outgoing, Resolve, Roots};
use serde_json::json;
use sim::{Clock, Sim};
use state::{Live, RobotToken};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Administrator, Edge, Image, Journal};
use crate::{
    pull::{self, Output, Pull, PullError, Pulled},
    serve::{self, Config, Listen, Server},
};

pub use names::Linked;

/// What the demo plays with. Every file lies in one temporary folder, which goes when the stage goes.
pub struct Stage {
    folder: Arc<TempDir>,
    edge: Edge,
    clock: Clock,
    sim: Option<Sim>,
    proxy: Option<Proxy>,
    address: SocketAddr,
    listener: Option<(net::Listener, Option<net::Certificate>)>,
    token: RobotToken,
    journal: Arc<Journal>,
}

/// The proxy while it runs.
struct Proxy {
    live: Arc<Live>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Stage {
    /// A stage on which nothing has happened yet: the proxy's address is taken, so that AWS can be told of it.
    ///
    /// # Errors
    /// Where files or addresses are not to be had.
    pub async fn set() -> Result<Self> {
        Self::set_at(Ipv4Addr::LOCALHOST).await
    }

    /// The same, with the proxy at another address of the loopback network.
    ///
    /// # Errors
    /// See [`Stage::set`].
    pub async fn set_at(address: Ipv4Addr) -> Result<Self> {
        let folder = Arc::new(tempfile::Builder::new().prefix("wharfinger-demo-").tempdir()?);
        let edge = Edge::create(
            folder.path(),
            &[Self::issuer().host(), "localhost", &address.to_string()],
        )?;
        let listen = Listen {
            address: (address, 0).into(),
            certificate: Some(edge.certificate.clone()),
            key: Some(edge.key.clone()),
        };
        let listener = serve::listen(&listen).await?;
        Ok(Self {
            address: listener.0.address(),
            listener: Some(listener),
            folder,
            edge,
            clock: Clock::system(),
            sim: None,
            proxy: None,
            token: RobotToken::generate()?,
            journal: Arc::default(),
        })
    }

    /// Step 1: the simulated AWS comes up. It finds the issuer's host at the proxy's address.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn start_aws(&mut self) -> Result<&Sim> {
        let issuer = self.address;
        self.start_aws_with_issuer_at(issuer).await
    }

    /// The same, but the issuer's host is found at another address: for tests with a false issuer.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn start_aws_with_issuer_at(&mut self, issuer: SocketAddr) -> Result<&Sim> {
        let sim = Sim::builder()
            .data_dir(self.folder.path().join("aws"))
            .resolve(Self::issuer().host(), issuer)
            .trust_pem(fs::read_to_string(&self.edge.ca)?)
            .clock(self.clock.clone())
            .start()
            .await?;
        fs::write(self.aws_ca(), sim.ca_pem())?;
        Ok(self.sim.insert(sim))
    }

    /// Step 1: an image is pushed into the registry.
    ///
    /// # Errors
    /// Where AWS refuses it.
    pub async fn push(&self, tag: &str, image: &Image, progress: impl Fn(u64)) -> Result<()> {
        let administrator = self.administrator(Self::REGISTRY_ACCOUNT)?;
        let repository = json!({ "repositoryName": Self::REPOSITORY });
        if administrator
            .ecr(
                "DescribeRepositories",
                json!({ "repositoryNames": [Self::REPOSITORY] }),
                self.now(),
            )
            .await
            .is_err()
        {
            administrator.ecr("CreateRepository", repository, self.now()).await?;
        }
        administrator
            .push(&Self::repository(), tag, image, self.now(), progress)
            .await
    }

    /// Step 2: the proxy and its issuer come up: what `wharfinger serve` runs, from a configuration like any other.
    ///
    /// # Errors
    /// Where they do not.
    pub async fn start_proxy(&mut self) -> Result<()> {
        let config = Config::load(&self.write_config()?)?;
        let (listener, certificate) = match self.listener.take() {
            Some(listener) => listener,
            None => serve::listen(&config.listen).await?,
        };
        let clock = self.clock.clone();
        let server = Server::on(listener, certificate, config, self.journal.clone(), move || clock.now())?;
        let (live, (stop, stopped)) = (server.resources(), oneshot::channel());
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        self.proxy = Some(Proxy { live, stop, task });
        Ok(())
    }

    /// Gives the proxy's address back, for a `wharfinger serve` of its own to listen on.
    pub fn leave_address(&mut self) {
        self.listener = None;
    }

    /// Step 3: provider, role and policies are created in AWS, out of the documents that Wharfinger generates.
    ///
    /// # Errors
    /// Where AWS refuses one of them.
    pub async fn link(&self) -> Result<Linked> {
        let linked = Self::documents()?;
        let administrator = self.administrator(Self::ROLE_ACCOUNT)?;
        let url = [("Url", Self::ISSUER), ("ClientIDList.member.1", Self::AUDIENCE)];
        administrator
            .iam("CreateOpenIDConnectProvider", &url, self.now())
            .await?;
        let role = [
            ("RoleName", linked.role.name()),
            ("AssumeRolePolicyDocument", linked.trust.as_str()),
        ];
        administrator.iam("CreateRole", &role, self.now()).await?;
        let permissions = [
            ("RoleName", linked.role.name()),
            ("PolicyName", "pull"),
            ("PolicyDocument", linked.permissions.as_str()),
        ];
        administrator.iam("PutRolePolicy", &permissions, self.now()).await?;
        let policy = json!({ "repositoryName": Self::REPOSITORY, "policyText": linked.repository });
        self.administrator(Self::REGISTRY_ACCOUNT)?
            .ecr("SetRepositoryPolicy", policy, self.now())
            .await?;
        Ok(linked)
    }

    /// Step 4: an upstream with the role is registered.
    ///
    /// # Errors
    /// Where the resources do not hold together.
    pub fn register(&self) -> Result<()> {
        self.write_upstream()?;
        self.proxy.as_ref().context("the proxy is not up")?.live.reload()?;
        Ok(())
    }

    /// Steps 4 to 6: the built-in client pulls through the proxy into an OCI layout.
    pub(crate) async fn pull(
        &self,
        tag: &str,
        layout: &str,
        progress: Arc<dyn pull::Progress>,
    ) -> Result<Result<Pulled, PullError>> {
        let resolve = Resolve::default();
        let roots = Roots::system().with_bundle(&self.edge.ca)?;
        let output = Output::Layout(self.folder.path().join(layout));
        let mut pull = Pull::new(Self::image(tag)?, output, Outgoing { resolve, roots });
        pull.proxy = Some(format!("https://{}", self.address).parse()?);
        pull.credentials = Some(pull::Credentials {
            username: "robot".into(),
            password: self.token.secret().clone(),
            origin: "the demo".into(),
        });
        pull.progress = progress;
        Ok(pull.run().await)
    }

    /// Step 6: the role's trust policy wants another subject from now on.
    ///
    /// # Errors
    /// Where AWS refuses the change.
    pub async fn trust(&self, subject: &str) -> Result<()> {
        let linked = Self::documents()?;
        let trust = generate::web_identity_trust(&linked.provider, Self::AUDIENCE, subject).to_string();
        let policy = [("RoleName", linked.role.name()), ("PolicyDocument", trust.as_str())];
        self.administrator(Self::ROLE_ACCOUNT)?
            .iam("UpdateAssumeRolePolicy", &policy, self.now())
            .await?;
        Ok(())
    }

    /// Moves the clocks of AWS and of the proxy forward.
    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Ends everything, in good order, and removes the folder.
    pub async fn close(self) {
        if let Some(proxy) = self.proxy {
            let _ = proxy.stop.send(());
            let _ = proxy.task.await;
        }
        if let Some(sim) = self.sim {
            sim.shutdown().await;
        }
    }

    /// The simulated AWS.
    ///
    /// # Errors
    /// Where it is not up.
    pub fn aws(&self) -> Result<&Sim> {
        self.sim.as_ref().context("the simulated AWS is not up")
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The login of the team's robot.
    pub fn token(&self) -> &RobotToken {
        &self.token
    }

    /// The certificate authority in front of the proxy.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// What was observed on the way to logins.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The folder with all files, to be kept until nothing can write to it any more.
    pub fn litter(&self) -> Arc<TempDir> {
        self.folder.clone()
    }

    /// The folder with all files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client that finds every host of the simulated AWS, and the issuer.
    ///
    /// # Errors
    /// Where the simulated AWS is not up.
    pub fn client(&self) -> Result<reqwest::Client> {
        let roots = Roots::system()
            .with_bundle(&self.aws_ca())?
            .with_bundle(&self.edge.ca)?;
        Ok(Outgoing {
            resolve: self.resolve()?,
            roots,
        }
        .client()?)
    }

    /// The administrator of an account, with its root key.
    ///
    /// # Errors
    /// Where the simulated AWS is not up.
    pub fn administrator(&self, account: &str) -> Result<Administrator> {
        let key = self.aws()?.root_credentials(&account.parse()?);
        Ok(Administrator::new(
            self.client()?,
            account,
            Self::REGION,
            &key.id,
            &key.secret,
        ))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn resolve(&self) -> Result<Resolve> {
        let aws = self.aws()?.addr();
        let issuer = Self::issuer();
        Ok(Resolve::parse([
            format!("*.amazonaws.com={aws}"),
            format!("{}={}", issuer.host(), self.address),
        ])?)
    }
}

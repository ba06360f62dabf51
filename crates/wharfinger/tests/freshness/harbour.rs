//! A simulated AWS, and the server in front of it, each with a clock that the test moves.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws::{Event, Observer};
use iam::{OidcProviderArn, generate};
use jiff::{SignedDuration, Timestamp};
use net::{Outgoing, Resolve, Roots};
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::{Call, Clock, Service, Sim};
use state::RobotToken;
use tempfile::TempDir;
use tokio::{io, net::TcpListener, net::TcpStream, sync::watch, time::timeout};
use wharfinger::{
    demo::{Administrator, Edge, Image},
    serve::{Config, Server},
};

use crate::child::Running;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/pull";
pub(crate) const PULL_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly";
const ISSUER: &str = "https://issuer.wharfinger.example";

pub(crate) struct Harbour {
    pub(crate) sim: Sim,
    pub(crate) administrator: Administrator,
    clock: Clock,
    /// By how many seconds the server's clock is ahead of AWS's.
    ahead: Arc<AtomicI64>,
    steps: watch::Receiver<Steps>,
    client: Client,
    address: SocketAddr,
    /// Where the administrator is served, if the server is in this process.
    admin: Option<SocketAddr>,
    token: RobotToken,
    digest: String,
    _process: Option<Running>,
    folder: TempDir,
}

/// What a client is told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) digest: String,
    pub(crate) text: String,
}

/// How many tokens were minted, and how many logins made.
#[derive(Clone, Copy, Default)]
struct Steps {
    tokens: usize,
    logins: usize,
}

struct Counter(watch::Sender<Steps>);

impl Observer for Counter {
    fn observe(&self, event: Event<'_>) {
        self.0.send_modify(|steps| match event {
            Event::Minted { .. } => steps.tokens += 1,
            Event::Assumed { .. } => {}
            Event::LoggedIn { .. } => steps.logins += 1,
        });
    }
}

impl Harbour {
    /// With an upstream whose role trusts the own issuer.
    pub(crate) async fn keyless() -> Self {
        Self::build(|_| json!({ "source": { "webIdentity": { "roleArn": ROLE } } })).await
    }

    /// With an upstream as the test wants it, which may name files in a folder that sources may use.
    pub(crate) async fn build(upstream: impl FnOnce(&Path) -> Value) -> Self {
        Self::build_in(upstream, false).await
    }

    /// The same, but the server has a process of its own, which logs all that it can. Its clock is the machine's.
    pub(crate) async fn talkative(upstream: impl FnOnce(&Path) -> Value) -> Self {
        Self::build_in(upstream, true).await
    }

    async fn build_in(upstream: impl FnOnce(&Path) -> Value, is_apart: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let edge = Edge::create(folder.path(), &["issuer.wharfinger.example", "localhost", "127.0.0.1"]).unwrap();
        let clock = Clock::stopped_at(Timestamp::now());
        let door = Door::open().await;
        let sim = Sim::builder()
            .data_dir(folder.path().join("aws"))
            .resolve("issuer.wharfinger.example", door.address)
            .trust_pem(fs::read_to_string(&edge.ca).unwrap())
            .clock(clock.clone())
            .start()
            .await
            .unwrap();
        fs::write(folder.path().join("aws-ca.crt"), sim.ca_pem()).unwrap();
        let administrator = administrator(&sim, folder.path());
        let token = RobotToken::generate().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        write_configuration(
            folder.path(),
            &edge,
            &sim,
            &token,
            upstream(&folder.path().join("keys")),
        );

        let (sender, steps) = watch::channel(Steps::default());
        let ahead = Arc::new(AtomicI64::new(0));
        let server_clock = {
            let (clock, ahead) = (clock.clone(), ahead.clone());
            move || clock.now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
        };
        let configuration = folder.path().join("wharfinger.toml");
        let (address, admin, process) = if is_apart {
            let (address, process) = serve(&configuration, &folder.path().join("log"));
            (address, None, Some(process))
        } else {
            let config = Config::load(&configuration).unwrap();
            let server = Server::bind(config, Arc::new(Counter(sender)), server_clock)
                .await
                .unwrap();
            let (address, admin) = (server.address(), server.admin_address());
            tokio::spawn(server.run(std::future::pending()));
            (address, admin, None)
        };
        door.leads_to.set(address).unwrap();

        let roots = Roots::system().with_bundle(&edge.ca).unwrap();
        let client = Outgoing {
            resolve: Resolve::default(),
            roots,
        }
        .client()
        .unwrap();
        let mut harbour = Self {
            sim,
            administrator,
            clock,
            ahead,
            steps,
            client,
            address,
            admin,
            token,
            digest: String::new(),
            _process: process,
            folder,
        };
        harbour.furnish().await;
        harbour
    }

    /// An image, the issuer as identity provider, and a role that may pull.
    async fn furnish(&mut self) {
        let image = Image::generate(&[1000], 1).unwrap();
        self.digest = image.digest().to_string();
        for repository in ["team/app", "team/secret"] {
            let name = json!({ "repositoryName": repository });
            self.administrator
                .ecr("CreateRepository", name, self.now())
                .await
                .unwrap();
            let repository = repository.parse().unwrap();
            self.administrator
                .push(&repository, "1", &image, self.now(), |_| ())
                .await
                .unwrap();
        }
        let url = [("Url", ISSUER), ("ClientIDList.member.1", "sts.amazonaws.com")];
        self.iam("CreateOpenIDConnectProvider", &url).await;
        self.create_role().await;
        self.iam("AttachRolePolicy", &[("RoleName", "pull"), ("PolicyArn", PULL_ONLY)])
            .await;
    }

    pub(crate) async fn create_role(&self) {
        let provider = OidcProviderArn::of_issuer("aws", ACCOUNT.parse().unwrap(), ISSUER).unwrap();
        let trust = generate::web_identity_trust(&provider, "sts.amazonaws.com", "acme").to_string();
        let role = [("RoleName", "pull"), ("AssumeRolePolicyDocument", trust.as_str())];
        self.iam("CreateRole", &role).await;
    }

    pub(crate) async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.administrator.iam(action, parameters, self.now()).await.unwrap()
    }

    /// More tags for the image.
    pub(crate) async fn tag(&self, tags: &[String]) {
        let image = Image::generate(&[1000], 1).unwrap();
        for tag in tags {
            let input = json!({
                "repositoryName": "team/app",
                "imageTag": tag,
                "imageManifest": std::str::from_utf8(&image.manifest).unwrap(),
                "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
            });
            self.administrator.ecr("PutImage", input, self.now()).await.unwrap();
        }
    }

    /// What the server's process has written so far. The folder's name, which is made up of random letters, is left out.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.replace(&*self.folder.path().to_string_lossy(), "FOLDER")
    }

    /// The robot's token.
    pub(crate) fn token(&self) -> String {
        self.token.secret().expose_secret().to_owned()
    }

    /// The folder that sources may use.
    pub(crate) fn keys(&self) -> std::path::PathBuf {
        self.folder.path().join("keys")
    }

    /// The time by AWS's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time goes by, on both clocks.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The same, but no exchange for a token is under way meanwhile: to AWS it would look as if it had been long on the
    /// way.
    pub(crate) async fn wait_between_exchanges(&self, seconds: u64) {
        let settled = || {
            let answered = self.calls("sts:AssumeRoleWithWebIdentity");
            let Steps { tokens, logins } = *self.steps.borrow();
            answered.iter().filter(|call| call.status.is_some()).count() == tokens
                && answered.iter().filter(|call| call.succeeded()).count() == logins
        };
        while !settled() {
            tokio::task::yield_now().await;
        }
        self.wait(seconds);
    }

    /// Sets the server's clock.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn break_with(&self, fault: Value) {
        self.sim.add_fault(fault.to_string().parse().unwrap()).unwrap();
    }

    /// A request with the robot's login.
    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.at("GET", &format!("/v2/{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{path}"))
    }

    /// The same by any method and for any path of the server.
    pub(crate) fn at(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("https://{}{path}", self.address);
        let request = self.client.request(method.parse().unwrap(), url);
        request.basic_auth("robot", Some(self.token.secret().expose_secret()))
    }

    /// Where the administrator is served.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.unwrap()
    }

    /// Something of the server's.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Asks for a manifest.
    pub(crate) async fn ask(&self, image: &str) -> Answer {
        let answer = self.request(image).send().await.unwrap();
        let digest = answer.headers().get("docker-content-digest");
        Answer {
            status: answer.status(),
            digest: digest
                .map(|digest| digest.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            text: answer.text().await.unwrap(),
        }
    }

    /// A pull that has to succeed.
    pub(crate) async fn pull(&self) {
        self.pull_tag("1").await;
    }

    pub(crate) async fn pull_tag(&self, tag: &str) {
        let answer = self.ask(&format!("team/app/manifests/{tag}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.digest, self.digest);
    }

    /// A pull that has to fail, and what the client is told.
    pub(crate) async fn refusal(&self) -> String {
        let answer = self.ask("team/app/manifests/1").await;
        assert!(answer.status.as_u16() >= 400, "it went well");
        answer.text
    }

    /// Asks until a pull succeeds, which has to be soon.
    pub(crate) async fn recovers(&self) {
        let recovery = async { while self.ask("team/app/manifests/1").await.status != 200 {} };
        timeout(SOON, recovery).await.expect("normal within seconds");
    }

    /// How many logins were made.
    pub(crate) fn logins(&self) -> usize {
        self.steps.borrow().logins
    }

    /// Waits until there were more logins than `before`, and no longer than a moment.
    pub(crate) async fn comes_a_login(&self, before: usize) -> bool {
        let mut steps = self.steps.clone();
        let more = steps.wait_for(|steps| steps.logins > before);
        timeout(MOMENT, more).await.is_ok()
    }

    /// Time goes by and pulls go on until a login was made that replaces the one at hand.
    pub(crate) async fn pull_until_renewed(&self, step: u64, tries: u32) {
        let before = self.logins();
        for _ in 0..tries {
            self.wait(step);
            self.pull().await;
            if self.comes_a_login(before).await {
                return;
            }
        }
        panic!("no renewal in {tries} tries");
    }

    /// The calls of an action.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        let mut calls = self.sim.trail();
        calls.retain(|call| call.action == action && !self.is_of_the_administrator(call));
        calls
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.calls(action).len()
    }

    /// The calls of the registry with a login.
    pub(crate) fn pulls(&self) -> Vec<Call> {
        let mut calls = self.calls("ecr:BatchGetImage");
        calls.retain(|call| call.service == Service::Registry);
        calls
    }

    fn is_of_the_administrator(&self, call: &Call) -> bool {
        call.principal
            .as_deref()
            .is_some_and(|principal| principal.ends_with(":root"))
    }
}

/// Where AWS finds the issuer: at an address that is known before the server is.
struct Door {
    address: SocketAddr,
    leads_to: Arc<OnceLock<SocketAddr>>,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Self {
            address: listener.local_addr().unwrap(),
            leads_to: Arc::default(),
        };
        let leads_to = door.leads_to.clone();
        tokio::spawn(async move {
            while let Ok((mut guest, _)) = listener.accept().await {
                let address = *leads_to.get().unwrap();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(address).await.unwrap();
                    let _ = io::copy_bidirectional(&mut guest, &mut server).await;
                });
            }
        });
        door
    }
}

/// Runs the program until it is dropped.
fn serve(configuration: &Path, log: &Path) -> (SocketAddr, Running) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command
        .args(["serve", "--config"])
        .arg(configuration)
        .env("RUST_LOG", "trace")
        .stderr(File::create(log).unwrap());
    let process = Running::start(&mut command);
    (process.line("listening on ").parse().unwrap(), process)
}

fn administrator(sim: &Sim, folder: &Path) -> Administrator {
    let resolve = Resolve::parse([format!("*.amazonaws.com={}", sim.addr())]).unwrap();
    let roots = Roots::system().with_bundle(&folder.join("aws-ca.crt")).unwrap();
    let key = sim.root_credentials(&ACCOUNT.parse().unwrap());
    let client = Outgoing { resolve, roots }.client().unwrap();
    Administrator::new(client, ACCOUNT, REGION, &key.id, &key.secret)
}

fn write_configuration(folder: &Path, edge: &Edge, sim: &Sim, token: &RobotToken, mut upstream: Value) {
    upstream["registry"] = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com").into();
    upstream["tagLifetime"] = "0s".into();
    // What is cached must not hide for long that a login was lost.
    upstream["accessLifetime"] = "1m".into();
    let document = |kind: &str, metadata: Value, spec: Value| json!({ "apiVersion": "wharfinger.dev/v1", "kind": kind, "metadata": metadata, "spec": spec });
    let mut team = document("Team", json!({ "name": "acme" }), json!({}));
    team.as_object_mut().unwrap().remove("spec");
    let hash = token.hash().to_string();
    let robot = document(
        "Robot",
        json!({ "team": "acme", "name": "ci" }),
        json!({ "tokenHash": hash }),
    );
    let upstream = document("Upstream", json!({ "team": "acme", "name": "prod" }), upstream);
    fs::create_dir(folder.join("resources")).unwrap();
    for (name, document) in [("team", team), ("robot", robot), ("upstream", upstream)] {
        fs::write(folder.join(format!("resources/{name}.json")), document.to_string()).unwrap();
    }
    fs::write(folder.join("seal.key"), "A".repeat(43) + "=").unwrap();
    let config = json!({
        "public_url": ISSUER,
        "data_dir": "data",
        "resources": ["resources"],
        "listen": { "address": "127.0.0.1:0", "certificate": edge.certificate, "key": edge.key },
        "admin": { "listen": "127.0.0.1:0" },
        "cache": { "max_size": "1GiB" },
        "issuer": { "seal_key_file": "seal.key" },
        "connect": { "resolve": [format!("*.amazonaws.com={}", sim.addr())], "ca_bundle": "aws-ca.crt" },
        "sources": { "folders": ["keys"] },
    });
    fs::write(folder.join("wharfinger.toml"), toml::to_string(&config).unwrap()).unwrap();
}

/// Longer than AWS's SDK and the circuit take to try again.
const MOMENT: Duration = Duration::from_secs(3);
/// Longer than a failure is remembered, and than an endpoint counts as down.
const SOON: Duration = Duration::from_secs(5);

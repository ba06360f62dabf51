//! Where the stories take place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use aws::{Allowance, Broker, Caller, Login, Pass, RegistryHost, Settings};
use secrecy::ExposeSecret;
use serde_json::json;
use sim::{Call, Machine, Sim};
use state::{Asker, Live, RobotToken};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharfinger::demo::{Administrator, Edge, Image};

use crate::address::own_address;
use crate::child::Running;
use crate::home::Outcome;
use crate::pull::Pull;
use crate::skopeo;

/// The account that owns the images, and one that owns others.
pub(crate) const IMAGES: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
/// The account that owns the identities, where that is another one.
pub(crate) const AGENT: &str = "777788889999";
pub(crate) const REPOSITORY: &str = "team/app";
/// Where the server's issuer is, and where a cluster's is.
pub(crate) const HOST: &str = "images.wharfinger.example";
pub(crate) const CLUSTER: &str = "oidc.cluster.example";

/// A simulated AWS with an image, and an address at which a server is going to listen.
pub(crate) struct Site {
    server: Option<Running>,
    sim: Sim,
    edge: Edge,
    image: Image,
    address: SocketAddr,
    folder: TempDir,
    /// What the simulated AWS runs on; last, so that it ends last.
    runtime: Runtime,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with_cluster(None)
    }

    /// With a cluster's issuer at this address, whose certificate comes from this authority (PEM).
    pub(crate) fn with_cluster(cluster: Option<(SocketAddr, &Path)>) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((own_address(), 0)).unwrap().local_addr().unwrap();
        let edge = Edge::create(folder.path(), &[HOST, "localhost", &address.ip().to_string()]).unwrap();
        let mut sim = Sim::builder()
            .data_dir(folder.path().join("aws"))
            .resolve(HOST, address)
            .trust_pem(fs::read_to_string(&edge.ca).unwrap());
        if let Some((cluster, ca)) = cluster {
            sim = sim.resolve(CLUSTER, cluster).trust_pem(fs::read_to_string(ca).unwrap());
        }
        let sim = runtime.block_on(sim.start()).unwrap();
        fs::write(folder.path().join("aws-ca.pem"), sim.ca_pem()).unwrap();
        let site = Self {
            server: None,
            sim,
            edge,
            image: Image::generate(&[50_000, 70_000], 1).unwrap(),
            address,
            folder,
            runtime,
        };
        site.push(IMAGES, REPOSITORY);
        site
    }

    /// Puts the image into a repository of an account.
    pub(crate) fn push(&self, account: &str, repository: &str) {
        let administrator = self.administrator(account);
        self.runtime.block_on(async {
            let input = json!({ "repositoryName": repository });
            administrator.ecr("CreateRepository", input, now()).await.unwrap();
            let name = repository.parse().unwrap();
            administrator
                .push(&name, "1", &self.image, now(), |_| ())
                .await
                .unwrap();
        });
    }

    /// Publishes the image in ECR Public: the name of its repository there.
    pub(crate) fn publish(&self, account: &str, repository: &str) -> String {
        let administrator = self.administrator(account);
        self.runtime.block_on(async {
            let input = json!({ "repositoryName": repository });
            let created = administrator
                .ecr_public("CreateRepository", input, now())
                .await
                .unwrap();
            let uri = created["repository"]["repositoryUri"].as_str().unwrap();
            let name = uri.strip_prefix("public.ecr.aws/").unwrap().to_owned();
            administrator.publish(&name, "1", &self.image, now()).await.unwrap();
            name
        })
    }

    /// Calls an action of IAM as the root user of an account.
    pub(crate) fn iam(&self, account: &str, action: &str, parameters: &[(&str, &str)]) {
        let call = self.administrator(account);
        self.runtime.block_on(call.iam(action, parameters, now())).unwrap();
    }

    /// Calls an operation of ECR as the root user of an account.
    pub(crate) fn ecr(&self, account: &str, operation: &str, input: serde_json::Value) {
        let call = self.administrator(account);
        self.runtime.block_on(call.ecr(operation, input, now())).unwrap();
    }

    /// Makes an account trust an issuer.
    pub(crate) fn trust_issuer(&self, account: &str, url: &str, audience: &str) {
        // The certificate comes from an authority that this AWS trusts, so the thumbprint does not count.
        let thumbprint = "0".repeat(40);
        let parameters = [
            ("Url", url),
            ("ClientIDList.member.1", audience),
            ("ThumbprintList.member.1", &thumbprint),
        ];
        self.iam(account, "CreateOpenIDConnectProvider", &parameters);
    }

    /// Makes a role with one policy of its own.
    pub(crate) fn role(&self, account: &str, name: &str, trust: &str, permissions: &str) {
        self.iam(
            account,
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", trust)],
        );
        let parameters = [
            ("RoleName", name),
            ("PolicyName", "own"),
            ("PolicyDocument", permissions),
        ];
        self.iam(account, "PutRolePolicy", &parameters);
    }

    /// Makes a user with one policy and the key `AKIA…`; its two halves.
    pub(crate) fn user(&self, account: &str, name: &str, permissions: &str) -> (String, String) {
        self.iam(account, "CreateUser", &[("UserName", name)]);
        let parameters = [
            ("UserName", name),
            ("PolicyName", "own"),
            ("PolicyDocument", permissions),
        ];
        self.iam(account, "PutUserPolicy", &parameters);
        let key = self
            .runtime
            .block_on(
                self.administrator(account)
                    .iam("CreateAccessKey", &[("UserName", name)], now()),
            )
            .unwrap();
        let part = |name: &str| {
            let rest = key.split_once(&format!("<{name}>")).unwrap().1;
            rest.split('<').next().unwrap().to_owned()
        };
        (part("AccessKeyId"), part("SecretAccessKey"))
    }

    /// A machine inside AWS: the environment of its processes.
    pub(crate) fn machine(&self, machine: Machine) -> Vec<(&'static str, String)> {
        self.runtime
            .block_on(self.sim.add_machine(machine))
            .unwrap()
            .environment
    }

    /// Starts the server, with further lines of configuration, with these resources, and with nothing in its environment
    /// but this. Its issuer is at [`HOST`], and below it at `path`.
    pub(crate) fn serve(&mut self, path: &str, configuration: &str, resources: &str, environment: &[(&str, String)]) {
        let [certificate, key] = [&self.edge.certificate, &self.edge.key].map(|path| path.display().to_string());
        let seal_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let text = format!(
            "public_url = \"https://{HOST}\"\ndata_dir = \"data\"\nresources = [\"resources.yaml\"]\n\
             [listen]\naddress = \"{}\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n\
             [issuer]\nurl = \"https://{HOST}{path}\"\nseal_key_file = \"seal.key\"\n\
             [connect]\nresolve = {:?}\nca_bundle = \"aws-ca.pem\"\n{configuration}",
            self.address,
            self.resolve()
        );
        fs::write(self.path("seal.key"), seal_key).unwrap();
        fs::write(self.path("wharfinger.toml"), text).unwrap();
        fs::write(self.path("resources.yaml"), resources).unwrap();
        self.server = None;
        let log = File::create(self.path("server.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
        command
            .env_clear()
            .env("RUST_LOG", "info")
            .current_dir(self.folder.path());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.args(["serve", "--config", "wharfinger.toml"]);
        let server = Running::start(command.stdin(Stdio::null()).stderr(log));
        assert_eq!(server.line("listening on "), self.address.to_string());
        self.server = Some(server);
    }

    /// A login made past the server, by a machine that allows everything.
    pub(crate) fn login(&self, caller: &Arc<Caller>, registry: &RegistryHost) -> Arc<Login> {
        let settings = Settings {
            allowance: Allowance::everything(),
            ..Settings::default()
        };
        let broker = Broker::new(settings, self.client(), now);
        self.runtime.block_on(broker.login(caller, registry)).unwrap()
    }

    /// Pushes the image with a login, past the server.
    pub(crate) fn push_with(&self, login: &Login, registry: &RegistryHost, tag: &str) -> Outcome {
        let Pass::Basic { username, password } = &login.pass else {
            panic!("{login:?}")
        };
        let base = format!("https://{registry}/v2/{REPOSITORY}");
        let authorized =
            |request: reqwest::RequestBuilder| request.basic_auth(username, Some(password.expose_secret()));
        let administrator = self.administrator(IMAGES);
        let push = administrator.upload(&base, authorized, tag, &self.image, |_| ());
        let outcome = self.runtime.block_on(push);
        outcome.map(|()| String::new()).map_err(|error| error.to_string())
    }

    /// What AWS answers to a question that is asked past the server: its status and its text.
    pub(crate) fn get(&self, url: &str, user: &str, password: &str) -> (u16, String) {
        let request = self.client().get(url).basic_auth(user, Some(password));
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// As whom these resources have AWS called for the upstream `prod`, and its registry.
    pub(crate) fn caller(&self, resources: &str) -> (Arc<Caller>, RegistryHost) {
        let file = self.path("apart.yaml");
        fs::write(&file, resources).unwrap();
        let upstream = Live::load(vec![file])
            .unwrap()
            .snapshot()
            .upstream("acme", "prod")
            .unwrap()
            .clone();
        let asker = Asker {
            client: "ci",
            attributes: &BTreeMap::new(),
            role: None,
            repository: &REPOSITORY.parse().unwrap(),
        };
        (upstream.caller(asker).unwrap(), upstream.registry.clone())
    }

    /// Where the simulated AWS listens.
    pub(crate) fn aws(&self) -> SocketAddr {
        self.sim.addr()
    }

    /// Pulls the image out of an account's registry with a robot's token: its digest, or what skopeo complained about.
    pub(crate) fn pull(&self, account: &str, repository: &str, user: &str, token: &RobotToken) -> Outcome {
        let image = format!("{account}.dkr.ecr.us-east-1.amazonaws.com/{repository}:1");
        self.pull_image(&image, user, token)
    }

    /// The same by the image's whole name.
    pub(crate) fn pull_image(&self, image: &str, user: &str, token: &RobotToken) -> Outcome {
        skopeo::pull(&self.wish_for(image, user, token))
    }

    /// What a client needs to know for that.
    pub(crate) fn wish(&self, account: &str, repository: &str, user: &str, token: &RobotToken) -> Pull {
        let image = format!("{account}.dkr.ecr.us-east-1.amazonaws.com/{repository}:1");
        self.wish_for(&image, user, token)
    }

    fn wish_for(&self, image: &str, user: &str, token: &RobotToken) -> Pull {
        Pull {
            proxy: self.address,
            ca: self.edge.ca.clone(),
            user: user.to_owned(),
            password: token.secret().expose_secret().to_owned(),
            upstream: "prod".to_owned(),
            image: image.to_owned(),
        }
    }

    /// All that the server has written to standard error since it was started last.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap()
    }

    /// Whether the pull brought the image.
    pub(crate) fn is_pulled(&self, outcome: &Outcome) -> bool {
        outcome.as_deref() == Ok(self.image.digest().to_string().as_str())
    }

    /// What was called since `number`, from the outside of AWS.
    pub(crate) fn calls_since(&self, number: u64) -> Vec<Call> {
        let mut calls = self.sim.trail();
        calls.retain(|call| call.number > number);
        calls
    }

    /// How many calls there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.sim.trail_len()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn administrator(&self, account: &str) -> Administrator {
        let key = self.sim.root_credentials(&account.parse().unwrap());
        Administrator::new(self.client(), account, "us-east-1", &key.id, &key.secret)
    }

    /// AWS's names, as the simulated one has them.
    fn resolve(&self) -> [String; 2] {
        ["*.amazonaws.com", "public.ecr.aws"].map(|name| format!("{name}={}", self.sim.addr()))
    }

    fn client(&self) -> reqwest::Client {
        let roots = net::Roots::system()
            .with_pem("AWS", self.sim.ca_pem().as_bytes())
            .unwrap();
        let resolve = net::Resolve::parse(self.resolve()).unwrap();
        net::Outgoing { resolve, roots }.client().unwrap()
    }
}

/// A robot, as documents have it, and its token.
pub(crate) fn robot(team: &str, name: &str, attributes: serde_json::Value) -> (String, RobotToken) {
    let token = RobotToken::generate().unwrap();
    let document = json!({
        "apiVersion": "wharfinger.dev/v1",
        "kind": "Robot",
        "metadata": { "team": team, "name": name },
        "spec": { "tokenHash": token.hash().to_string(), "attributes": attributes },
    });
    (format!("\n---\n{document}\n"), token)
}

/// Permissions to pull, and nothing else: the minimum that build services name.
pub(crate) fn pull_only(account: &str, repository: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          "Resource": format!("arn:aws:ecr:us-east-1:{account}:repository/{repository}") },
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
    ] })
    .to_string()
}

/// The trust of a role in a token of an issuer.
pub(crate) fn trust_in_token(account: &str, issuer: &str, audience: &str, subject: &str) -> String {
    let provider =
        iam::OidcProviderArn::of_issuer("aws", account.parse().unwrap(), &format!("https://{issuer}")).unwrap();
    iam::generate::web_identity_trust(&provider, audience, subject).to_string()
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

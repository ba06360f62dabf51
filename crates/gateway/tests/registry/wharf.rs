//! A gateway between a client and an AWS of the test.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use ::aws::{Broker, Settings};
use content::Store;
use gateway::{Gateway, Tally};
use jiff::{SignedDuration, Timestamp};
use net::{Certificate, Limits, Listener, Outgoing, Resolve, Roots, Traffic};
use oci::ErrorEnvelope;
use oidc::{Issuer, SigningKey};
use state::{Live, TokenHash};
use tokio::sync::oneshot;

use crate::aws::{Aws, OTHER_REGISTRY, PUBLIC, REGISTRY};

pub(crate) const TOKEN: &str = "whr_the-token-of-acme";
pub(crate) const OTHER_TOKEN: &str = "whr_the-token-of-other";

/// A host name under which the gateway is found, and which stands for no upstream.
pub(crate) const PROXY: &str = "proxy.example.com";
/// The same, and it stands for acme's upstream.
pub(crate) const DOMAIN: &str = "images.example.com";
/// The same, and it stands for the other team's.
pub(crate) const OTHER_DOMAIN: &str = "other.example.com";

pub(crate) struct Wharf {
    pub(crate) aws: Aws,
    pub(crate) address: SocketAddr,
    pub(crate) tally: Arc<Tally>,
    /// What goes through in the clear.
    pub(crate) traffic: Traffic,
    folder: tempfile::TempDir,
    client: reqwest::Client,
    /// Speaks HTTP/2 with the gateway, under TLS.
    secure: reqwest::Client,
    seconds: Arc<AtomicI64>,
    _stop: [oneshot::Sender<()>; 2],
}

impl Wharf {
    pub(crate) async fn build() -> Self {
        Self::with(&resources()).await
    }

    /// With these resources.
    pub(crate) async fn with(resources: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let aws = Aws::start(folder.path()).await;
        std::fs::write(folder.path().join("resources.yaml"), resources).unwrap();
        let live = Arc::new(Live::load(vec![folder.path().join("resources.yaml")]).unwrap());
        let resolve =
            Resolve::parse(["*.amazonaws.com", PUBLIC].map(|name| format!("{name}={}", aws.address))).unwrap();
        let roots = Roots::system().with_pem("the test's CA", aws.ca.as_bytes()).unwrap();
        let client = Outgoing { resolve, roots }.client().unwrap();
        let issuer = Issuer::new(
            "https://issuer.example.com".parse().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let seconds = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = {
            let seconds = seconds.clone();
            move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap()
        };
        let settings = Settings {
            issuer: Some(Arc::new(issuer)),
            ..Settings::default()
        };
        let broker = Broker::new(settings, client.clone(), clock.clone());
        let store = Store::open(&folder.path().join("content")).unwrap();
        let gateway = Gateway::new(live, store, client.clone(), broker, clock);
        let pair = rcgen::generate_simple_self_signed([PROXY, DOMAIN, OTHER_DOMAIN].map(str::to_owned)).unwrap();
        let (chain, key) = (folder.path().join("proxy.crt"), folder.path().join("proxy.key"));
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        let tally = gateway.tally();
        let (address, traffic, stop) = listen(gateway.clone(), None).await;
        let (secure_address, _, secure_stop) = listen(gateway, Some(&certificate)).await;
        let resolve = Resolve::parse([format!("*.example.com={secure_address}")]).unwrap();
        let roots = Roots::system()
            .with_pem("the proxy's", pair.cert.pem().as_bytes())
            .unwrap();
        let secure = Outgoing { resolve, roots }.client().unwrap();
        Self {
            aws,
            address,
            tally,
            traffic,
            folder,
            client,
            secure,
            seconds,
            _stop: [stop, secure_stop],
        }
    }

    /// A request over HTTP/2, for one of the host names of the gateway.
    pub(crate) fn secure(&self, method: &str, host: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("https://{host}/v2/{path}");
        let request = self.secure.request(method.parse().unwrap(), url);
        request.basic_auth("robot", Some(TOKEN))
    }

    /// A request over HTTP/1.1 for any path, not only those below `/v2/`.
    pub(crate) fn at(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        let request = self.client.request(method.parse().unwrap(), url);
        request.basic_auth("robot", Some(TOKEN))
    }

    /// A request with the login of the team acme.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).basic_auth("robot", Some(TOKEN))
    }

    pub(crate) fn anonymous(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), format!("http://{}/v2/{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.request("GET", path).send().await.unwrap()
    }

    /// The status, and the error's code and message.
    pub(crate) async fn refusal(&self, path: &str) -> (u16, String, String) {
        refused(self.get(path).await).await
    }

    /// The disk takes nothing, or is well again.
    pub(crate) fn break_disk(&self, is_broken: bool) {
        let staging = self.folder.path().join("content/tmp");
        match is_broken {
            true => {
                std::fs::remove_dir_all(&staging).unwrap();
                std::fs::write(&staging, "").unwrap();
            }
            false => {
                std::fs::remove_file(&staging).unwrap();
                std::fs::create_dir(&staging).unwrap();
            }
        }
    }

    pub(crate) fn wait(&self, time: SignedDuration) {
        self.seconds.fetch_add(time.as_secs(), Ordering::Relaxed);
    }
}

async fn listen(gateway: Gateway, certificate: Option<&Certificate>) -> (SocketAddr, Traffic, oneshot::Sender<()>) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), certificate, Limits::default());
    let listener = listener.await.unwrap();
    let (address, traffic) = (listener.address(), listener.traffic());
    let (stop, stopped) = oneshot::channel();
    let handler = move |request| {
        let gateway = gateway.clone();
        async move { gateway.answer::<()>(request).await }
    };
    tokio::spawn(listener.serve(handler, async move {
        let _ = stopped.await;
    }));
    (address, traffic, stop)
}

pub(crate) async fn refused(answer: reqwest::Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    (
        status,
        envelope.errors[0].code.clone(),
        envelope.errors[0].message.clone(),
    )
}

fn resources() -> String {
    let mut text = String::new();
    for (team, token, registry, domain) in [
        ("acme", TOKEN, REGISTRY, DOMAIN),
        ("other", OTHER_TOKEN, OTHER_REGISTRY, OTHER_DOMAIN),
    ] {
        let (account, hash) = (&registry[..12], TokenHash::of(token));
        text += &format!(
            "---\napiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: {team} }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: {team}, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: {team}, name: prod }}\nspec:\n  registry: {registry}\n  domains: [{domain}]\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::{account}:role/pull' }} }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: {team}, name: public }}\nspec:\n  registry: {PUBLIC}\n  source: {{ anonymous: {{}} }}\n"
        );
    }
    text
}

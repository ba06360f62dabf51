//! An OIDC issuer behind TLS whose every answer a test can spoil.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    digest::{SHA1_FOR_LEGACY_USE_ONLY, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as CertificateIssuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

pub(crate) const HOST: &str = "issuer.example.test";
pub(crate) const URL: &str = "https://issuer.example.test/team";
pub(crate) const DISCOVERY: &str = "/team/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "/team/keys";

pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    /// The thumbprints of the certificates that are sent, the host's own first.
    pub(crate) thumbprints: Vec<String>,
    url: String,
    key: EcdsaKeyPair,
    site: Arc<Site>,
    task: JoinHandle<()>,
}

/// What the host answers, and how often it was asked.
#[derive(Default)]
struct Site {
    pages: Mutex<HashMap<String, Page>>,
    hits: Mutex<HashMap<String, usize>>,
}

#[derive(Clone)]
pub(crate) enum Page {
    Text(u16, String),
    Redirect(String),
    /// Never answers.
    Silence,
    /// Breaks off in the middle of an answer.
    BrokenOff,
    /// Answers when there is a permit.
    Held(Arc<Semaphore>, String),
}

/// What is unusual about a host's certificate.
#[derive(Clone, Copy, Default)]
pub(crate) struct Oddities {
    /// The authority's own certificate is sent along.
    pub(crate) sends_authority: bool,
    /// The certificate signs itself.
    pub(crate) is_self_signed: bool,
    pub(crate) has_expired: bool,
    pub(crate) is_of_another_host: bool,
    /// The last certificate that is sent made none of the others.
    pub(crate) sends_a_stranger: bool,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        Self::at(URL, Oddities::default()).await
    }

    /// An issuer of another URL, or with another certificate.
    pub(crate) async fn at(url: &str, oddities: Oddities) -> Self {
        let (host, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let (config, ca_pem, chain) = certificate(host, oddities);
        let thumbprints = chain.iter().map(|der| thumbprint(der)).collect();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let site = Arc::<Site>::default();
        let task = tokio::spawn(serve(socket, TlsAcceptor::from(Arc::new(config)), Arc::clone(&site)));
        let issuer = Self {
            address,
            ca_pem,
            thumbprints,
            url: url.to_owned(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            site,
            task,
        };
        let discovery = json!({"issuer": url, "jwks_uri": format!("https://{host}/{path}/keys")});
        issuer.set(
            &format!("/{path}/.well-known/openid-configuration"),
            Page::Text(200, discovery.to_string()),
        );
        issuer.set_keys(&[issuer.jwk()]);
        issuer
    }

    /// Publishes a key set.
    pub(crate) fn set_keys(&self, keys: &[Value]) {
        let path = self.url.strip_prefix("https://").unwrap().split_once('/').unwrap().1;
        let keys = json!({ "keys": keys }).to_string();
        self.set(&format!("/{path}/keys"), Page::Text(200, keys));
    }

    /// How often a page was asked for.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.site.hits.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    pub(crate) fn set(&self, path: &str, page: Page) {
        self.site.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// The public key, under the id `one`.
    pub(crate) fn jwk(&self) -> Value {
        let point = &self.key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(32);
        json!({"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// A token over `claims`, signed as the header says it is.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": "ES256", "kid": "one", "typ": "JWT"}), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token over texts that need not be what `serde_json` would write.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        sign(header, claims, |message| {
            let signature = self.key.sign(&SystemRandom::new(), message).unwrap();
            signature.as_ref().to_vec()
        })
    }

    /// Nobody is there any more.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A token with the signature that `signer` makes.
pub(crate) fn sign(header: &str, claims: &str, signer: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A server's certificate for `host`, the authority that made it, and what is sent.
fn certificate(host: &str, oddities: Oddities) -> (ServerConfig, String, Vec<CertificateDer<'static>>) {
    let authority = || {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (CertificateIssuer::new(params, key), certificate)
    };
    let (ca, ca_certificate) = authority();
    let key = KeyPair::generate().unwrap();
    let named = if oddities.is_of_another_host {
        "another.example.test"
    } else {
        host
    };
    let mut params = CertificateParams::new([named.to_owned()]).unwrap();
    if oddities.has_expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let leaf = if oddities.is_self_signed {
        params.self_signed(&key).unwrap()
    } else {
        params.signed_by(&key, &ca).unwrap()
    };
    let mut chain = vec![leaf.der().clone()];
    if oddities.sends_authority {
        chain.push(ca_certificate.der().clone());
    }
    if oddities.sends_a_stranger {
        chain.push(authority().1.der().clone());
    }
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key)
        .unwrap();
    (config, ca_certificate.pem(), chain)
}

fn thumbprint(certificate: &[u8]) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(socket: TcpListener, tls: TlsAcceptor, site: Arc<Site>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = socket.accept().await.unwrap();
        let (tls, site) = (tls.clone(), Arc::clone(&site));
        connections.spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request: Request<Incoming>| {
                let path = request.uri().path();
                *site.hits.lock().unwrap().entry(path.to_owned()).or_default() += 1;
                let page = site.pages.lock().unwrap().get(path).cloned();
                async move { Ok::<_, Infallible>(answer(page).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(page: Option<Page>) -> Response<Body> {
    let text = |text: String| Full::from(text).map_err(|never| match never {}).boxed_unsync();
    let response = Response::builder();
    let response = match page {
        None => response.status(404).body(text(String::new())),
        Some(Page::Text(status, body)) => response.status(status).body(text(body)),
        Some(Page::Redirect(to)) => response.status(302).header("location", to).body(text(String::new())),
        Some(Page::Silence) => std::future::pending().await,
        Some(Page::BrokenOff) => {
            let first = Ok(Frame::data(Bytes::from_static(b"{")));
            let frames = futures_util::stream::iter([first, Err(std::io::Error::other("broken off"))]);
            // What was sent is on its way before it breaks off.
            let frames = frames.then(|frame| async {
                tokio::task::yield_now().await;
                frame
            });
            response.body(StreamBody::new(frames).boxed_unsync())
        }
        Some(Page::Held(gate, body)) => {
            gate.acquire().await.unwrap().forget();
            response.body(text(body))
        }
    };
    response.unwrap()
}

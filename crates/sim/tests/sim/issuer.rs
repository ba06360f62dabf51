//! An OIDC issuer behind TLS whose every answer a test can spoil.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as CertificateIssuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

pub(crate) const HOST: &str = "issuer.example.test";
pub(crate) const URL: &str = "https://issuer.example.test/team";
pub(crate) const DISCOVERY: &str = "/team/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "/team/keys";

pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    key: EcdsaKeyPair,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
pub(crate) enum Page {
    Text(u16, String),
    Redirect(String),
    /// Never answers.
    Silence,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let (config, ca_pem) = certificate(HOST);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let pages = Arc::new(Mutex::new(HashMap::new()));
        let task = tokio::spawn(serve(socket, TlsAcceptor::from(Arc::new(config)), Arc::clone(&pages)));
        let issuer = Self {
            address,
            ca_pem,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            pages,
            task,
        };
        let discovery = json!({"issuer": URL, "jwks_uri": format!("https://{HOST}{KEYS}")});
        issuer.set(DISCOVERY, Page::Text(200, discovery.to_string()));
        issuer.set(KEYS, Page::Text(200, json!({"keys": [issuer.jwk()]}).to_string()));
        issuer
    }

    pub(crate) fn set(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
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
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
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

/// A server's certificate for `host` and the authority that made it.
fn certificate(host: &str) -> (ServerConfig, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([host.to_owned()])
        .unwrap()
        .signed_by(&key, &CertificateIssuer::new(ca, ca_key))
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (config, ca_pem)
}

async fn serve(socket: TcpListener, tls: TlsAcceptor, pages: Arc<Mutex<HashMap<String, Page>>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = socket.accept().await.unwrap();
        let (tls, pages) = (tls.clone(), Arc::clone(&pages));
        connections.spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request: Request<Incoming>| {
                let page = pages.lock().unwrap().get(request.uri().path()).cloned();
                async move { Ok::<_, Infallible>(answer(page).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(page: Option<Page>) -> Response<Full<Bytes>> {
    let response = Response::builder();
    let response = match page {
        None => response.status(404).body(Full::default()),
        Some(Page::Text(status, body)) => response.status(status).body(Full::from(body)),
        Some(Page::Redirect(to)) => response.status(302).header("location", to).body(Full::default()),
        Some(Page::Silence) => std::future::pending().await,
    };
    response.unwrap()
}

use std::{fs::DirBuilder, io, net::SocketAddr, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc};

use aws::{Broker, Observer, Settings};
use content::{Budget, OpenError, Store};
use gateway::Gateway;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use net::{
    BindError, Body, Certificate, CertificateError, CertificateFile, Limits, Listener, Outgoing, OutgoingError, Roots,
    RootsError,
};
use oidc::{Issuer, KeyError, SealError, SealKey, SealedFile, SigningKey};
use state::{Live, LoadError};
use tokio::sync::oneshot;
use tracing::info;

use super::{
    admin::{AdminListener, Phase, Readiness},
    config::{Config, Listen},
    downloads::Downloads,
    metrics::Metrics,
    reload::Reload,
};
use crate::toml_file::InvalidConfig;

/// The registry and the issuer behind one listener, ready to run.
pub struct Server {
    listener: Listener,
    routes: Routes,
    live: Arc<Live>,
    reload: Reload,
    metrics: Metrics,
    admin: Option<AdminListener>,
    downloads: Downloads,
}

/// A configuration whose files, directories or addresses cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// See [`InvalidConfig`].
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// See [`CertificateError`].
    #[error("{key}: {0}", key = key_of(.0))]
    Certificate(#[from] CertificateError),
    /// See [`BindError`].
    #[error("listen.address: {0}; expected an address of this machine and a port that is free")]
    Bind(#[from] BindError),
    /// See [`BindError`].
    #[error("admin.listen: {0}; expected an address of this machine and a port that is free")]
    Admin(BindError),
    /// See [`RootsError`].
    #[error("connect.ca_bundle: {0}")]
    Roots(#[from] RootsError),
    /// See [`OutgoingError`].
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// See [`LoadError`].
    #[error("resources: {0}")]
    Resources(#[from] LoadError),
    /// The data directory cannot be made or written.
    #[error("data_dir `{path}` cannot be used: {source}; expected a directory that this user may write")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The threads for downloads cannot be started.
    #[error("no threads can be started: {0}")]
    Threads(io::Error),
    /// See [`OpenError`].
    #[error("data_dir: {0}")]
    Store(#[from] OpenError),
    /// See [`SealError`].
    #[error("data_dir: {0}")]
    Seal(#[from] SealError),
    /// See [`KeyError`].
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn key_of(error: &CertificateError) -> &'static str {
    match error.file() {
        CertificateFile::Chain => "listen.certificate",
        CertificateFile::Key => "listen.key",
    }
}

#[derive(Clone)]
struct Routes {
    gateway: Gateway,
    issuer: Arc<Issuer>,
}

impl Server {
    /// Listens, as the configuration says, and gets everything ready.
    ///
    /// # Errors
    /// See [`SetupError`]. Nothing has been written then but, at most, an empty data directory.
    pub async fn bind(
        config: Config,
        observer: Arc<dyn Observer>,
        clock: impl Fn() -> Timestamp + Clone + Send + Sync + 'static,
    ) -> Result<Self, SetupError> {
        let (listener, certificate) = listen(&config.listen).await?;
        let admin = match config.admin.listen {
            Some(address) => Some(AdminListener::bind(address).await.map_err(SetupError::Admin)?),
            None => None,
        };
        let server = Self::on(listener, certificate, config, observer, clock)?;
        Ok(Self { admin, ..server })
    }

    /// Gets everything ready behind a listener that is there already, without one for the administrator.
    ///
    /// # Errors
    /// See [`Server::bind`].
    pub fn on(
        listener: Listener,
        certificate: Option<Certificate>,
        config: Config,
        observer: Arc<dyn Observer>,
        clock: impl Fn() -> Timestamp + Clone + Send + Sync + 'static,
    ) -> Result<Self, SetupError> {
        let seal_key = config.issuer.seal_key.key()?;
        let mut roots = Roots::system();
        if let Some(bundle) = &config.connect.ca_bundle {
            roots = roots.with_bundle(bundle)?;
        }
        let client = Outgoing {
            resolve: config.connect.resolve,
            roots,
        }
        .client()?;
        let live = Arc::new(Live::load(config.resources)?);
        let (teams, upstreams, robots) = live.snapshot().counts();

        let data_dir = config.data_dir;
        let private = DirBuilder::new().recursive(true).mode(0o700).create(&data_dir);
        private.map_err(|source| SetupError::DataDir {
            path: data_dir.clone(),
            source,
        })?;
        // A key that does not open is found before anything else is made; a new one is made when nobody else can.
        let key_file = SealedFile::new(data_dir.join("issuer.key"), "issuer signing key");
        key_file.open(&seal_key)?;
        let budget = Budget {
            max_size: config.cache.max_size.map(|size| size.0),
            clock: Arc::new(clock.clone()),
        };
        let downloads = Downloads::start().map_err(SetupError::Threads)?;
        let store = Store::with_budget(&data_dir.join("content"), content::Limits::default(), budget)?
            .downloading_in(downloads.handle().clone());
        let key = signing_key(&key_file, &seal_key)?;

        let issuer = Arc::new(Issuer::new(config.issuer.url, key));
        let settings = Settings {
            issuer: Some(issuer.clone()),
            observer,
            endpoints: config.aws,
            allowance: config.sources,
        };
        let broker = Broker::new(settings, client.clone(), clock.clone());
        let calls = broker.calls();
        let gateway = Gateway::new(live.clone(), store.clone(), client, broker, clock);
        let metrics = Metrics::new(store, gateway.tally(), calls, listener.traffic());
        info!(public_url = %config.public_url, issuer = %issuer.url(), address = %listener.address(), teams, upstreams, robots, "ready");
        Ok(Self {
            listener,
            routes: Routes { gateway, issuer },
            reload: Reload::new(live.clone(), certificate),
            live,
            metrics,
            admin: None,
            downloads,
        })
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The address of the listener for whoever runs the server, where there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminListener::address)
    }

    /// The resources, to load them again without waiting for the change to be noticed.
    pub fn resources(&self) -> Arc<Live> {
        self.live.clone()
    }

    /// Serves until `shutdown` ends, then lets the requests under way finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            listener,
            routes,
            reload,
            metrics,
            admin,
            downloads,
            ..
        } = self;
        let handler = move |request| {
            let routes = routes.clone();
            async move { routes.answer(request).await }
        };
        let readiness = Readiness::default();
        let (ended, end) = oneshot::channel::<()>();
        let serving = async {
            readiness.enter(Phase::Serving);
            let shutdown = async {
                shutdown.await;
                readiness.enter(Phase::Ending);
            };
            listener.serve(handler, shutdown).await;
            drop(ended);
        };
        let administration = async {
            if let Some(admin) = admin {
                admin.serve(metrics, readiness.clone(), async { drop(end.await) }).await;
            }
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(serving, administration) } => {}
            () = reload.run() => {}
        }
        downloads.end().await;
    }
}

/// Listens on the configured address, under TLS where there is a certificate.
///
/// # Errors
/// [`SetupError::Certificate`], [`SetupError::Bind`].
pub(crate) async fn listen(listen: &Listen) -> Result<(Listener, Option<Certificate>), SetupError> {
    let certificate = match (&listen.certificate, &listen.key) {
        (Some(chain), Some(key)) => Some(Certificate::load(chain, key)?),
        _ => None,
    };
    let listener = Listener::bind(listen.address, certificate.as_ref(), Limits::default()).await?;
    Ok((listener, certificate))
}

impl Routes {
    async fn answer(&self, request: Request<()>) -> Response<Body> {
        let path = request.uri().path();
        // The issuer's paths come first: they may begin with any word, and AWS has them registered.
        let is_of_issuer = path == self.issuer.discovery_path() || path == self.issuer.jwks_path();
        if !is_of_issuer && gateway::is_of_registry(path) {
            return self.gateway.answer(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = text(
                StatusCode::METHOD_NOT_ALLOWED,
                TEXT,
                "GET and HEAD are answered here\n".to_owned(),
            );
            refused
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/healthz" => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
            path if path == self.issuer.discovery_path() => public(self.issuer.discovery()),
            path if path == self.issuer.jwks_path() => public(self.issuer.jwks()),
            _ => text(
                StatusCode::NOT_FOUND,
                TEXT,
                "there is nothing here; the registry is at /v2/\n".to_owned(),
            ),
        }
    }
}

/// A document that everybody may read, AWS STS above all.
fn public(document: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, "application/json", document);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The key that is there, or a new one.
fn signing_key(file: &SealedFile, seal_key: &SealKey) -> Result<SigningKey, SetupError> {
    if let Some(der) = file.open(seal_key)? {
        return Ok(SigningKey::from_pkcs8(&der)?);
    }
    let key = SigningKey::generate()?;
    file.write(seal_key, &key.to_pkcs8()?)?;
    Ok(key)
}

const TEXT: &str = "text/plain; charset=utf-8";

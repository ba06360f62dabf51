use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use net::{BindError, Body, Limits, Listener};
use tokio::sync::watch;
use tracing::{info, warn};

use super::metrics::Metrics;

/// The listener for whoever runs the server: how it fares, and whether it is ready. Nobody is asked who they are, so what
/// is answered has to be fit for everybody who can reach it.
pub(crate) struct AdminListener(Listener);

/// Whether the server answers. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<watch::Sender<Phase>>);

/// Where in its life a server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It does not listen yet.
    #[default]
    Starting,
    /// It answers whoever comes.
    Serving,
    /// It lets the requests under way finish, and takes no more.
    Ending,
}

impl AdminListener {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = Listener::bind(address, None, LIMITS).await?;
        let address = listener.address();
        info!(%address, "the admin listener is bound");
        if !address.ip().is_loopback() {
            warn!(%address, "admin.listen is no loopback address: whoever reaches it reads the metrics, without a login");
        }
        Ok(Self(listener))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Answers until `ended` ends.
    pub(crate) async fn serve(self, metrics: Metrics, readiness: Readiness, ended: impl Future<Output = ()>) {
        let metrics = Arc::new(metrics);
        let handler = move |request: Request<()>| {
            let response = answer(&request, &metrics, readiness.phase());
            async move { response }
        };
        self.0.serve(handler, ended).await;
    }
}

impl Readiness {
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    fn phase(&self) -> Phase {
        *self.0.borrow()
    }
}

fn answer<B>(request: &Request<B>, metrics: &Metrics, phase: Phase) -> Response<Body> {
    let path = request.uri().path();
    if !["/metrics", "/readyz"].contains(&path) {
        return text(StatusCode::NOT_FOUND, TEXT, "here are /metrics and /readyz\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD are answered here\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(header::ALLOW, allowed);
        return refused;
    }
    match (path, phase) {
        ("/metrics", _) => text(StatusCode::OK, Metrics::CONTENT_TYPE, metrics.exposition()),
        (_, Phase::Serving) => text(StatusCode::OK, TEXT, "ready\n"),
        (_, Phase::Starting) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "not ready: it does not listen yet\n",
        ),
        (_, Phase::Ending) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "not ready: it is ending, and lets the requests under way finish\n",
        ),
    }
}

fn text(status: StatusCode, content_type: &'static str, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// A few scrapers and probes. The process waits for none of them at its end.
const LIMITS: Limits = Limits {
    connections: 64,
    handshake: Duration::from_secs(10),
    head: Duration::from_secs(30),
    standstill: Duration::from_secs(10),
    drain: Duration::from_secs(1),
};
const TEXT: &str = "text/plain; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_while_it_serves_and_not_before_nor_after() {
        let folder = tempfile::tempdir().unwrap();
        let store = content::Store::open(folder.path()).unwrap();
        let metrics = Metrics::new(store, Arc::default(), Arc::default(), net::Traffic::default());
        let readiness = Readiness::default();
        let ask = |path: &str| {
            let request = Request::builder().uri(path).body(()).unwrap();
            answer(&request, &metrics, readiness.phase()).status().as_u16()
        };
        assert_eq!((ask("/readyz"), ask("/metrics")), (503, 200));
        readiness.enter(Phase::Serving);
        assert_eq!((ask("/readyz"), ask("/metrics")), (200, 200));
        readiness.enter(Phase::Ending);
        assert_eq!((ask("/readyz"), ask("/metrics")), (503, 200));
    }
}

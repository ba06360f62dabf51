//! The issuer of a cluster.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use net::{Body, Certificate, Limits, Listener};
use oidc::{Issuer, SigningKey, Wanted};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharfinger::demo::Edge;

use crate::site::{CLUSTER, Site};

/// The service account whose tokens it makes.
pub(crate) const SUBJECT: &str = "system:serviceaccount:okteto:registry";

/// A cluster's issuer.
pub(crate) struct Cluster {
    issuer: Arc<Issuer>,
    edge: Edge,
    address: std::net::SocketAddr,
    _folder: TempDir,
    _runtime: Runtime,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let edge = Edge::create(folder.path(), &[CLUSTER]).unwrap();
        let url = format!("https://{CLUSTER}").parse().unwrap();
        let issuer = Arc::new(Issuer::new(url, SigningKey::generate().unwrap()));
        let certificate = Certificate::load(&edge.certificate, &edge.key).unwrap();
        let bind = Listener::bind(([127, 0, 0, 1], 0).into(), Some(&certificate), Limits::default());
        let listener = runtime.block_on(bind).unwrap();
        let (address, documents) = (listener.address(), issuer.clone());
        let handler = move |request: Request<()>| {
            let text = match request.uri().path() {
                path if path == documents.discovery_path() => Some(documents.discovery()),
                path if path == documents.jwks_path() => Some(documents.jwks()),
                _ => None,
            };
            async move {
                let mut response = Response::new(Body::from(text.clone().unwrap_or_default()));
                if text.is_none() {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                response
            }
        };
        runtime.spawn(listener.serve(handler, std::future::pending()));
        Self {
            issuer,
            edge,
            address,
            _folder: folder,
            _runtime: runtime,
        }
    }

    /// A simulated AWS that finds the issuer.
    pub(crate) fn site(&self) -> Site {
        Site::with_cluster(Some((self.address, &self.edge.ca)))
    }

    /// A token of the service account for an audience.
    pub(crate) fn token(&self, audience: &str) -> String {
        let wanted = Wanted {
            subject: SUBJECT.to_owned(),
            audience: audience.to_owned(),
            ..Wanted::default()
        };
        let minted = self.issuer.mint(wanted, jiff::Timestamp::now()).unwrap();
        minted.token.expose_secret().to_owned()
    }
}

//! A platform in a cluster: the cluster's own tokens, in a file that is replaced from time to time.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use net::{Body, Certificate, Limits, Listener};
use oidc::{Issuer, SigningKey, Wanted};
use secrecy::ExposeSecret;
use serde_json::json;
use state::RobotToken;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharfinger::demo::Edge;

use crate::page;
use crate::site::{CLUSTER, IMAGES, REPOSITORY, Site, pull_only, robot, trust_in_token};

pub(crate) const SUBJECT: &str = "system:serviceaccount:okteto:registry";
/// One for each instance and region, as the document advises.
pub(crate) const AUDIENCE: &str = "okteto.example.com/us-east-1";

/// A cluster's issuer.
pub(crate) struct Cluster {
    issuer: Arc<Issuer>,
    pub(crate) edge: Edge,
    pub(crate) address: std::net::SocketAddr,
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
        let handler = move |request: Request<Incoming>| {
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

/// A site with two robots whose logins are made apart, so that the file is read for each.
fn site() -> (Site, Cluster, [RobotToken; 2]) {
    let cluster = Cluster::start();
    let mut site = Site::with_cluster(Some((cluster.address, &cluster.edge.ca)));
    std::fs::create_dir(site.path("tokens")).unwrap();
    site.trust_issuer(IMAGES, &format!("https://{CLUSTER}"), AUDIENCE);
    let trust = trust_in_token(IMAGES, CLUSTER, AUDIENCE, SUBJECT);
    site.role(IMAGES, "okteto", &trust, &pull_only(IMAGES, REPOSITORY));
    let ((robot_1, token_1), (robot_2, token_2)) = (robot("acme", "a", json!({})), robot("acme", "b", json!({})));
    let folder = site.path("tokens").display().to_string();
    let changes = [("/var/run/secrets/tokens", folder.as_str())];
    let resources = page::resources("A platform in a cluster", &changes) + &robot_1 + &robot_2;
    site.serve("", "[sources]\nfolders = [\"tokens\"]\n", &resources, &[]);
    (site, cluster, [token_1, token_2])
}

#[test]
fn okteto_pulls_with_the_clusters_token_while_its_file_is_replaced() {
    let (site, cluster, [one, other]) = site();
    let file = site.path("tokens/ecr");
    std::fs::write(&file, cluster.token(AUDIENCE)).unwrap();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &one);
    assert!(site.is_pulled(&pulled), "{pulled:?}");

    std::fs::write(&file, "no token").unwrap();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &other).unwrap_err();
    assert!(refused.contains("InvalidIdentityToken"), "{refused}");
    assert!(
        site.is_pulled(&site.pull(IMAGES, REPOSITORY, "robot", &one)),
        "its login is good still"
    );

    std::fs::write(&file, cluster.token(AUDIENCE)).unwrap();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &other);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

#[test]
fn okteto_is_refused_with_the_audience_of_another_instance() {
    let (site, cluster, [token, _]) = site();
    std::fs::write(site.path("tokens/ecr"), cluster.token("okteto.example.com/eu-west-1")).unwrap();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    for part in ["Incorrect token audience", "okteto.example.com/eu-west-1"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn okteto_reads_no_token_outside_of_the_allowed_folders() {
    let (site, cluster, [token, _]) = site();
    std::fs::write(site.path("token"), cluster.token(AUDIENCE)).unwrap();
    std::os::unix::fs::symlink(site.path("token"), site.path("tokens/ecr")).unwrap();
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(refused.contains("sources.folders"), "{refused}");
    assert_eq!(site.count(), before, "AWS was not asked");
}

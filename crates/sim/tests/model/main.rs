//! Every operation against the service models that AWS publishes with its own clients.
//!
//! The comparing is done where the models are at home, in Python: see `tests/python/conformance`.

#![allow(
    clippy::unwrap_used,
    reason = "a stage that cannot be set fails the test that wanted it"
)]

#[path = "../sim/issuer.rs"]
#[expect(dead_code, reason = "these tests do not spoil what the issuer says")]
mod issuer;
#[path = "../python/mod.rs"]
mod python;

use std::net::{Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use sim::Sim;

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
const AUDIENCE: &str = "sts.amazonaws.com";
const SUBJECT: &str = "team:app";
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[tokio::test(flavor = "multi_thread")]
async fn sts_keeps_to_its_model() {
    keeps_to_its_model("sts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_keeps_to_its_model() {
    keeps_to_its_model("iam").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ecr_keeps_to_its_model() {
    keeps_to_its_model("ecr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ecr_public_keeps_to_its_model() {
    keeps_to_its_model("ecr-public").await;
}

async fn keeps_to_its_model(service: &str) {
    let issuer = issuer::Issuer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let sim = Sim::builder()
        .data_dir(dir.path())
        .endpoint(ANYWHERE)
        .resolve(issuer::HOST, issuer.address)
        .trust_pem(&issuer.ca_pem)
        .start()
        .await
        .unwrap();
    let root = |account: &str| {
        let key = sim.root_credentials(&account.parse().unwrap());
        json!({"id": key.id, "secret": key.secret.expose_secret()})
    };
    let now = Timestamp::now().as_second();
    let claims = json!({
        "iss": issuer::URL, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 3600
    });
    let place = json!({
        "endpoint": format!("http://{}", sim.endpoint_addr().unwrap()),
        "roots": {ACCOUNT: root(ACCOUNT), OTHER: root(OTHER)},
        "issuer": issuer::URL,
        "audience": AUDIENCE,
        "subject": SUBJECT,
        "web_identity_token": issuer.token(&claims),
    });
    tokio::task::block_in_place(|| python::run(&["conformance", service], &place.to_string()));
    sim.shutdown().await;
}

//! AWS is down, slow, or says that it is too much.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harbour::Harbour;

/// From minute 36 to minute 50 of a session of an hour the service is in trouble; in minute 48 at the latest the login is
/// due for renewal.
async fn pulls_go_on(service: &str, what: Value) {
    let harbour = Harbour::keyless().await;
    harbour.pull().await;
    harbour.wait(36 * 60);
    harbour.break_with(json!({ "id": "trouble", "when": { "service": service }, "what": what }));
    let pulls = async {
        for _ in 0..28 {
            harbour.wait(30);
            harbour.pull().await;
        }
    };
    // Less than one call that is never answered takes.
    timeout(Duration::from_secs(6), pulls)
        .await
        .expect("nobody waits for a renewal");
    assert_eq!(harbour.logins(), 1, "{service} is in trouble");
    harbour.sim.clear_faults();
    harbour.pull_until_renewed(97, 5).await;
    let exchanges = harbour.count("sts:AssumeRoleWithWebIdentity");
    assert!((2..=40).contains(&exchanges), "{exchanges} calls of STS");
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_cannot_be_reached() {
    pulls_go_on("sts", json!("unreachable")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_never_answers() {
    pulls_go_on("sts", json!("hang")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_is_in_trouble() {
    pulls_go_on("sts", json!({ "error": { "status": 503 } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_throttles() {
    let throttling = json!({ "status": 400, "code": "Throttling", "message": "Rate exceeded" });
    pulls_go_on("sts", json!({ "error": throttling })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_ecr_cannot_be_reached() {
    pulls_go_on("ecr", json!("unreachable")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_ecr_never_answers() {
    pulls_go_on("ecr", json!("hang")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_ecr_is_in_trouble() {
    pulls_go_on("ecr", json!({ "error": { "status": 503 } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_ecr_throttles() {
    let throttling = json!({ "status": 400, "code": "ThrottlingException", "message": "Rate exceeded" });
    pulls_go_on("ecr", json!({ "error": throttling })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_services_keep_nobody_waiting_who_has_a_login() {
    let harbour = Harbour::keyless().await;
    harbour.pull().await;
    for service in ["sts", "ecr"] {
        harbour.break_with(
            json!({ "id": service, "when": { "service": service }, "what": { "latency": { "millis": 1000 } } }),
        );
    }
    harbour.wait(50 * 60);
    let begun = Instant::now();
    harbour.pull().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(harbour.comes_a_login(1).await);
    harbour.pull().await;
    assert_eq!(harbour.count("sts:AssumeRoleWithWebIdentity"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_stumbles_is_asked_again() {
    let harbour = Harbour::keyless().await;
    for (id, status) in [("busy", 429), ("broken", 500), ("away", 503)] {
        harbour.break_with(json!({
            "id": id, "when": { "service": "registry" }, "times": 1, "what": { "error": { "status": status } },
        }));
        harbour.pull().await;
    }
    assert_eq!(harbour.logins(), 1);
    assert_eq!(harbour.pulls().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_it_is_said_at_once_and_over_in_seconds() {
    let harbour = Harbour::keyless().await;
    harbour.break_with(json!({ "id": "down", "when": { "service": "sts" }, "what": "unreachable" }));
    for _ in 0..2 {
        let refusal = harbour.refusal().await;
        assert!(
            refusal.contains("UNAVAILABLE") && refusal.contains("sts:AssumeRoleWithWebIdentity"),
            "{refusal}"
        );
    }
    let (before, begun) = (harbour.count("sts:AssumeRoleWithWebIdentity"), Instant::now());
    for _ in 0..50 {
        harbour.refusal().await;
    }
    let (after, took) = (harbour.count("sts:AssumeRoleWithWebIdentity"), begun.elapsed());
    assert!(
        after - before <= 3,
        "{} calls of an endpoint that is down",
        after - before
    );
    assert!(took < Duration::from_secs(5), "{took:?}");

    harbour.sim.clear_faults();
    harbour.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_twenty_seconds() {
    let harbour = Harbour::keyless().await;
    harbour.break_with(json!({ "id": "down", "when": { "service": "sts" }, "what": "hang" }));
    let begun = Instant::now();
    let refusal = harbour.refusal().await;
    assert!(refusal.contains("UNAVAILABLE"), "{refusal}");
    assert!(begun.elapsed() < Duration::from_secs(22), "{:?}", begun.elapsed());
}

//! What is logged of all the trouble.

use std::fs;

use serde_json::json;

use crate::{
    harbour::{Harbour, PULL_ONLY},
    keys, leak,
};

/// Each kind of failure once: of STS, of the API and of the registry, which the client may notice or not.
async fn stumble(harbour: &Harbour) {
    let troubles = [
        json!({ "error": { "status": 503 } }),
        json!({ "error": { "status": 400, "code": "ThrottlingException", "message": "Rate exceeded" } }),
        json!({ "error": { "status": 403 } }),
        json!("unreachable"),
    ];
    for service in ["sts", "ecr", "registry"] {
        for what in &troubles {
            let when = json!({ "service": service });
            harbour.break_with(json!({ "id": "trouble", "when": when, "times": 1, "what": what }));
            harbour.ask("team/app/manifests/1").await;
        }
    }
    harbour.sim.clear_faults();
    harbour.ask("team/app/manifests/none").await;
    harbour.ask("team/none/manifests/1").await;
    harbour.recovers().await;
}

fn assert_silent(harbour: &Harbour, known: &[String]) {
    let log = harbour.log();
    for told in ["a request failed", "reference=1", "AWS said"] {
        assert!(log.contains(told), "`{told}` is not in the log:\n{log}");
    }
    assert!(
        !log.contains("ERROR"),
        "what AWS does is no error of this server:\n{log}"
    );
    assert_eq!(leak::find(&log, known), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_tokens_shows_no_secret() {
    let harbour =
        Harbour::talkative(|_| json!({ "source": { "webIdentity": { "roleArn": crate::harbour::ROLE } } })).await;
    stumble(&harbour).await;
    let policy = [("RoleName", "pull"), ("PolicyArn", PULL_ONLY)];
    harbour.iam("DetachRolePolicy", &policy).await;
    harbour.refusal().await;
    assert_silent(&harbour, &[harbour.token()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_keys_shows_no_secret() {
    let harbour = Harbour::talkative(|folder| json!({ "source": keys::source(folder) })).await;
    harbour.refusal().await;
    harbour.iam("CreateUser", &[("UserName", "ci")]).await;
    let mut known = vec![harbour.token()];
    keys::rotate(&harbour).await;
    harbour.refusal().await;
    harbour
        .iam("AttachUserPolicy", &[("UserName", "ci"), ("PolicyArn", PULL_ONLY)])
        .await;
    stumble(&harbour).await;
    known.push(fs::read_to_string(harbour.keys().join("secret")).unwrap());
    assert_silent(&harbour, &known);
}

//! What was permitted is forbidden, and permitted again.

use iam::generate;
use serde_json::json;

use crate::harbour::{Harbour, PULL_ONLY};

const EXCHANGE: &str = "sts:AssumeRoleWithWebIdentity";
const POLICY: [(&str, &str); 2] = [("RoleName", "pull"), ("PolicyArn", PULL_ONLY)];

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_deleted_in_use_is_asked_for_once_more() {
    let harbour = Harbour::keyless().await;
    harbour.pull().await;
    harbour.wait(60);
    harbour.iam("DetachRolePolicy", &POLICY).await;
    harbour.iam("DeleteRole", &[("RoleName", "pull")]).await;
    let answer = harbour.ask("team/app/manifests/1").await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("role/pull"), "{}", answer.text);
    assert_eq!(
        (harbour.count(EXCHANGE), harbour.pulls().len()),
        (2, 2),
        "one fresh try"
    );

    harbour.create_role().await;
    harbour.iam("AttachRolePolicy", &POLICY).await;
    harbour.pull().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_detached_in_use_is_missed_and_found_again() {
    let harbour = Harbour::keyless().await;
    harbour.pull().await;
    harbour.wait(60);
    harbour.iam("DetachRolePolicy", &POLICY).await;
    let answer = harbour.ask("team/app/manifests/1").await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("not authorized to perform"), "{}", answer.text);
    assert_eq!(harbour.count(EXCHANGE), 2, "one fresh try");

    harbour.iam("AttachRolePolicy", &POLICY).await;
    harbour.pull().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_is_dropped_and_the_client_does_not_notice() {
    let harbour = Harbour::keyless().await;
    for (at, status) in [(1, 401), (2, 403)] {
        harbour.pull().await;
        harbour.wait(60);
        harbour.break_with(json!({
            "id": "refused", "when": { "service": "registry" }, "times": 1, "what": { "error": { "status": status } },
        }));
        harbour.pull().await;
        assert_eq!(harbour.logins(), at + 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_for_what_is_forbidden_make_a_few_exchanges() {
    let harbour = Harbour::keyless().await;
    harbour.iam("DetachRolePolicy", &POLICY).await;
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/team/app"
        .parse()
        .unwrap();
    let document = generate::pull_permissions(&[repository]).to_string();
    let policy = [
        ("RoleName", "pull"),
        ("PolicyName", "app"),
        ("PolicyDocument", document.as_str()),
    ];
    harbour.iam("PutRolePolicy", &policy).await;
    for tag in 0..1000 {
        if tag % 10 == 0 {
            harbour.wait(1);
        }
        let answer = harbour.ask(&format!("team/secret/manifests/{tag}")).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    harbour.pull().await;
    assert!(
        harbour.count(EXCHANGE) <= 5,
        "{} in a hundred seconds",
        harbour.count(EXCHANGE)
    );

    // Nor do a thousand with a role that is not to be had.
    harbour.wait(60);
    harbour.iam("DeleteRolePolicy", &policy[..2]).await;
    harbour.iam("DeleteRole", &[("RoleName", "pull")]).await;
    let before = harbour.count(EXCHANGE);
    for tag in 0..1000 {
        assert_eq!(harbour.ask(&format!("team/app/manifests/{tag}")).await.status, 403);
    }
    assert!(
        harbour.count(EXCHANGE) - before <= 50,
        "{}",
        harbour.count(EXCHANGE) - before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_takes_no_login_does_not_cost_an_exchange_a_request() {
    let harbour = Harbour::keyless().await;
    harbour.break_with(json!({
        "id": "refused", "when": { "service": "registry" }, "what": { "error": { "status": 401 } },
    }));
    for tag in 0..100 {
        harbour.ask(&format!("team/app/manifests/{tag}")).await;
    }
    assert_eq!(harbour.count(EXCHANGE), 1);
}

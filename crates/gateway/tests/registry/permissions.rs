//! What a client reads when AWS refuses, where the repository's policy can be read and where it cannot.

use jiff::SignedDuration;
use oci::{ErrorCode, ErrorEnvelope};
use serde_json::{Value, json};

use crate::{aws::refusal, wharf::Wharf};

const MANIFEST: &str = "team/app/manifests/1";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/pull/s";

/// A pull that the registry refuses with these words; the explanation.
async fn refused(wharf: &Wharf, path: &str, why: &str) -> (String, Value) {
    let denied = format!(
        "User: {SESSION} is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app {why}"
    );
    wharf
        .aws
        .order(&format!("/v2/{path}"), refusal(ErrorCode::Denied, &denied));
    let answer = wharf.get(&format!("prod/{path}")).await;
    assert_eq!(answer.status(), 403);
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let error = envelope.errors.into_iter().next().unwrap();
    (error.message, error.detail.unwrap())
}

fn policy(effect: &str, principal: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": {
        "Sid": "OnlyTheCi", "Effect": effect, "Principal": { "AWS": principal }, "Action": "ecr:BatchGetImage"
    } })
    .to_string()
}

#[tokio::test]
async fn the_statement_that_denies_is_named() {
    let wharf = Wharf::build().await;
    wharf.aws.set_policy(&policy("Deny", "*"));
    let (message, detail) = refused(&wharf, MANIFEST, "with an explicit deny in a resource-based policy").await;
    assert!(message.contains("by the statement OnlyTheCi"), "{message}");
    let cause = &detail["causes"][0];
    assert!(
        cause["why"].as_str().unwrap().contains("by the statement OnlyTheCi"),
        "{detail}"
    );
    assert!(
        cause["howToTell"].as_str().unwrap().contains("get-repository-policy"),
        "{detail}"
    );
}

#[tokio::test]
async fn the_side_that_lacks_is_named_with_the_policy_that_it_needs() {
    let wharf = Wharf::build().await;
    wharf
        .aws
        .set_policy(&policy("Allow", "arn:aws:iam::444455556666:role/ci"));
    let why = "because no identity-based policy allows the ecr:BatchGetImage action";
    let (message, detail) = refused(&wharf, MANIFEST, why).await;
    assert!(message.contains("nearest comes the statement OnlyTheCi"), "{message}");
    assert!(message.contains("what lacks is the identity's side"), "{message}");
    let document = detail["causes"][0]["document"]["text"].as_str().unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(
        document["Statement"][1]["Resource"],
        "arn:aws:ecr:us-east-1:111122223333:repository/team/app"
    );
}

/// Whoever asks for what is forbidden costs AWS one question in half a minute.
#[tokio::test]
async fn refusals_one_after_the_other_and_at_once_share_an_answer() {
    let wharf = Wharf::build().await;
    wharf.aws.set_policy(&policy("Deny", "*"));
    let why = "with an explicit deny in a resource-based policy";
    for _ in 0..5 {
        refused(&wharf, MANIFEST, why).await;
    }
    let paths: Vec<_> = (0..20).map(|tag| format!("team/app/manifests/t{tag}")).collect();
    futures_util::future::join_all(paths.iter().map(|path| refused(&wharf, path, why))).await;
    assert_eq!(wharf.aws.policy_questions(), 1);

    // What was repaired meanwhile is seen before long.
    wharf.aws.set_policy(&policy("Allow", "*"));
    wharf.wait(SignedDuration::from_secs(29));
    assert!(refused(&wharf, MANIFEST, why).await.0.contains("OnlyTheCi"));
    wharf.wait(SignedDuration::from_secs(1));
    // Half a minute is also the age from which a login that is refused is renewed.
    wharf
        .aws
        .order(&format!("/v2/{MANIFEST}"), refusal(ErrorCode::Denied, why));
    assert!(refused(&wharf, MANIFEST, why).await.0.contains("denies it no more"));
    assert_eq!(wharf.aws.policy_questions(), 2);
}

#[tokio::test]
async fn a_policy_that_may_not_be_read_is_asked_for_once_and_changes_nothing() {
    let wharf = Wharf::build().await;
    let why = "with an explicit deny in a resource-based policy";
    for _ in 0..5 {
        let (message, _) = refused(&wharf, MANIFEST, why).await;
        assert!(
            message.contains("a statement of the policy of the repository"),
            "{message}"
        );
    }
    assert_eq!(wharf.aws.policy_questions(), 1);
}

#[tokio::test]
async fn what_a_policy_cannot_explain_is_not_asked() {
    let wharf = Wharf::build().await;
    wharf
        .aws
        .push(&format!("{}/team/app", crate::aws::REGISTRY), "1", b"layer");
    assert_eq!(wharf.get("prod/team/app/manifests/none").await.status(), 404);
    refused(&wharf, MANIFEST, "with an explicit deny in an identity-based policy").await;
    assert_eq!(wharf.aws.policy_questions(), 0);
}

//! Sessions that are shorter than the login that they buy.

use iam::generate;
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    harbour::{Harbour, ROLE},
    keys,
};

const HOP: &str = "sts:AssumeRole";

/// A user's key, and from there the role for a quarter of an hour.
async fn harbour() -> Harbour {
    let harbour = Harbour::build(
        |folder| json!({ "source": keys::source(folder), "hops": [{ "roleArn": ROLE, "duration": "15m" }] }),
    )
    .await;
    harbour.iam("CreateUser", &[("UserName", "ci")]).await;
    let document = generate::assume_only(&[ROLE.parse().unwrap()]).unwrap().to_string();
    let policy = [
        ("UserName", "ci"),
        ("PolicyName", "hop"),
        ("PolicyDocument", document.as_str()),
    ];
    harbour.iam("PutUserPolicy", &policy).await;
    let user = "arn:aws:iam::111122223333:user/ci".parse().unwrap();
    let trust = generate::assume_role_trust(&user, &[]).to_string();
    let policy = [("RoleName", "pull"), ("PolicyDocument", trust.as_str())];
    harbour.iam("UpdateAssumeRolePolicy", &policy).await;
    keys::rotate(&harbour).await;
    harbour
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_with_the_session_that_bought_it() {
    let harbour = harbour().await;
    for _ in 0..180 {
        harbour.pull().await;
        harbour.wait(20);
    }
    let sessions = harbour.calls(HOP);
    assert!(
        (4..=8).contains(&sessions.len()),
        "{} sessions in an hour",
        sessions.len()
    );
    for call in harbour.pulls() {
        assert!(call.succeeded());
        let session = sessions.iter().rfind(|session| session.number < call.number).unwrap();
        assert!(call.at < session.at + SignedDuration::from_mins(15), "{call:?}");
    }

    // The simulated AWS would let the login live for twelve hours.
    harbour.break_with(json!({ "id": "down", "when": { "action": HOP }, "what": { "error": { "status": 503 } } }));
    let end = harbour.calls(HOP).pop().unwrap().at + SignedDuration::from_mins(15);
    while harbour.now() + SignedDuration::from_secs(60) < end {
        harbour.pull().await;
        harbour.wait(20);
    }
    harbour.wait(60);
    let before = harbour.pulls().len();
    harbour.refusal().await;
    assert_eq!(harbour.pulls().len(), before);
}

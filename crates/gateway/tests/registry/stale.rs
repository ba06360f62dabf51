//! Logins: made once, used while they are good, renewed when AWS refuses them.

use jiff::SignedDuration;
use oci::ErrorCode;

use crate::{
    aws::{REGISTRY, refusal},
    wharf::Wharf,
};

#[tokio::test]
async fn many_cold_pulls_make_one_exchange_and_one_question() {
    let wharf = Wharf::build().await;
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let pulls = (0..100).map(|_| wharf.get("prod/team/app/manifests/1"));
    for answer in futures_util::future::join_all(pulls).await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(wharf.aws.exchanges(), 1);
    assert_eq!(wharf.aws.count("api.ecr.us-east-1.amazonaws.com", "/"), 1);
    assert_eq!(wharf.aws.count(REGISTRY, "/manifests/1"), 1);
}

#[tokio::test]
async fn a_login_that_is_refused_is_renewed_once_and_the_client_does_not_notice() {
    let wharf = Wharf::build().await;
    for tag in ["1", "2", "3"] {
        wharf.aws.push(&format!("{REGISTRY}/team/app"), tag, b"layer");
    }
    wharf.get("prod/team/app/manifests/1").await;
    wharf.aws.revoke_logins();
    wharf.wait(SignedDuration::from_secs(5));
    assert_eq!(wharf.get("prod/team/app/manifests/2").await.status(), 200);
    assert_eq!(wharf.aws.exchanges(), 2);
    assert_eq!(wharf.get("prod/team/app/manifests/3").await.status(), 200);
    assert_eq!(wharf.aws.exchanges(), 2, "the new login is kept");
}

#[tokio::test]
async fn an_expired_login_that_aws_answers_with_403_is_renewed_too() {
    let wharf = Wharf::build().await;
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "2", b"layer");
    wharf.get("prod/team/app/manifests/1").await;
    wharf.wait(SignedDuration::from_secs(30));
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    wharf
        .aws
        .order("/v2/team/app/manifests/2", refusal(ErrorCode::Denied, expired));
    assert_eq!(wharf.get("prod/team/app/manifests/2").await.status(), 200);
    assert_eq!(wharf.aws.exchanges(), 2);
}

#[tokio::test]
async fn asking_for_what_is_forbidden_does_not_make_an_exchange_each_time() {
    let wharf = Wharf::build().await;
    let denied = "User: arn:x is not authorized to perform: ecr:BatchGetImage on resource: arn:y because no identity-based policy allows the ecr:BatchGetImage action";
    for _ in 0..5 {
        wharf
            .aws
            .order("/v2/team/app/manifests/1", refusal(ErrorCode::Denied, denied));
        let (status, code, message) = wharf.refusal("prod/team/app/manifests/1").await;
        assert_eq!((status, code.as_str()), (403, "DENIED"));
        assert!(
            message.contains(denied) && message.contains("no permissions policy of"),
            "{message}"
        );
    }
    assert_eq!(wharf.aws.exchanges(), 1);
}

#[tokio::test]
async fn a_registry_that_takes_no_login_does_not_make_an_exchange_each_time() {
    let wharf = Wharf::build().await;
    for _ in 0..5 {
        wharf.aws.order(
            "/v2/team/app/manifests/1",
            crate::aws::answer(401, &[], "Not Authorized\n"),
        );
        wharf.refusal("prod/team/app/manifests/1").await;
    }
    assert_eq!(wharf.aws.exchanges(), 1);
}

#[tokio::test]
async fn a_refusal_at_sts_is_explained_to_the_client_and_shared_by_all_who_waited() {
    let wharf = Wharf::build().await;
    let xml = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error><RequestId>1</RequestId></ErrorResponse>"#;
    wharf
        .aws
        .order("/", crate::aws::answer(403, &[("content-type", "text/xml")], xml));
    let (status, code, message) = wharf.refusal("prod/team/app/manifests/1").await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    for part in [
        "iss `https://issuer.example.com`",
        "sub `acme`",
        "aud `sts.amazonaws.com`",
        "role/pull",
        "AccessDenied",
        "update-assume-role-policy",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

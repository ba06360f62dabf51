//! Users at STS: their roles, their session tokens, and the managed policies that limit a session.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    signing::Keys,
    stage::{ACCOUNT, Answer, Stage},
};

const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
const USER: &str = "arn:aws:iam::111122223333:user/ci/pusher";

/// A stage with the user `pusher`, who may do anything at STS, and the role `deploy`, which trusts the account, may do
/// anything with ECR and lasts for twelve hours.
async fn furnished() -> (Stage, Keys) {
    let stage = Stage::new().await;
    let call = async |params: &[(&str, &str)]| stage.iam(params).await.ok();
    call(&[("Action", "CreateUser"), ("UserName", "pusher"), ("Path", "/ci/")]).await;
    let answer = call(&[("Action", "CreateAccessKey"), ("UserName", "pusher")]).await;
    let keys = Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: None,
    };
    call(&[
        ("Action", "PutUserPolicy"),
        ("UserName", "pusher"),
        ("PolicyName", "permissions"),
        ("PolicyDocument", &allow("sts:*")),
    ])
    .await;
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole",
    }});
    call(&[
        ("Action", "CreateRole"),
        ("RoleName", "deploy"),
        ("AssumeRolePolicyDocument", &trust.to_string()),
        ("MaxSessionDuration", "43200"),
    ])
    .await;
    stage.allow("deploy", &allow("ecr:*")).await;
    (stage, keys)
}

fn allow(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}).to_string()
}

async fn call(stage: &Stage, action: &str, more: &[(&str, &str)], keys: &Keys) -> Answer {
    let mut params = vec![("Action", action)];
    params.extend(more);
    stage.query("sts", &params, keys).await
}

async fn assume(stage: &Stage, more: &[(&str, &str)], keys: &Keys) -> Answer {
    let mut params = vec![("RoleArn", ROLE), ("RoleSessionName", "hop")];
    params.extend(more);
    call(stage, "AssumeRole", &params, keys).await
}

fn keys(answer: &Answer) -> Keys {
    Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    }
}

async fn status(stage: &Stage, operation: &str, input: Value, keys: &Keys) -> u16 {
    stage.ecr(operation, &input, keys).await.status
}

#[tokio::test]
async fn a_user_has_a_session_as_long_as_the_role_allows() {
    let (stage, user) = furnished().await;
    let answer = assume(&stage, &[("DurationSeconds", "43200")], &user).await.ok();
    assert_eq!(answer.element("Expiration"), "2026-11-21T00:00:00Z");
    let session = keys(&answer);
    stage.clock.advance(Duration::from_secs(43_199));
    call(&stage, "GetCallerIdentity", &[], &session).await.ok();
    stage.clock.advance(Duration::from_secs(1));
    let answer = call(&stage, "GetCallerIdentity", &[], &session).await;
    assert_eq!(answer.element("Code"), "ExpiredToken");
}

#[tokio::test]
async fn a_session_token_is_the_user_and_no_chaining() {
    let (stage, user) = furnished().await;
    let answer = call(&stage, "GetSessionToken", &[], &user).await.ok();
    assert_eq!(answer.element("Expiration"), "2026-11-21T00:00:00Z");
    let session = keys(&answer);
    let who = call(&stage, "GetCallerIdentity", &[], &session).await.ok();
    assert_eq!(who.element("Arn"), USER);
    assume(&stage, &[("DurationSeconds", "43200")], &session).await.ok();
    let list = [("Action", "ListUsers")];
    let answer = stage.query("iam", &list, &session).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "InvalidClientTokenId")
    );
    let longest = [("DurationSeconds", "129600")];
    let answer = call(&stage, "GetSessionToken", &longest, &user).await.ok();
    assert_eq!(answer.element("Expiration"), "2026-11-22T00:00:00Z");
}

#[tokio::test]
async fn a_user_who_may_nothing_is_denied_a_role_and_not_a_session() {
    let (stage, user) = furnished().await;
    let delete = [
        ("Action", "DeleteUserPolicy"),
        ("UserName", "pusher"),
        ("PolicyName", "permissions"),
    ];
    stage.iam(&delete).await.ok();
    assume(&stage, &[], &user).await.refused(
        403,
        "AccessDenied",
        &format!("User: {USER} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"),
    );
    call(&stage, "GetSessionToken", &[], &user).await.ok();
}

#[tokio::test]
async fn the_account_of_a_users_key_is_told_active_or_not() {
    let (stage, user) = furnished().await;
    let update = [
        ("Action", "UpdateAccessKey"),
        ("UserName", "pusher"),
        ("AccessKeyId", &user.id),
        ("Status", "Inactive"),
    ];
    stage.iam(&update).await.ok();
    let root = stage.root("444455556666");
    let answer = call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", &user.id)], &root).await;
    assert_eq!(answer.ok().element("Account"), ACCOUNT);
}

#[tokio::test]
async fn managed_policies_limit_a_session() {
    let (stage, user) = furnished().await;
    let create = [
        ("Action", "CreatePolicy"),
        ("PolicyName", "describe"),
        ("PolicyDocument", &allow("ecr:DescribeRepositories")),
    ];
    let own = stage.iam(&create).await.ok().element("Arn");
    let read_only = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly";
    for (arns, describes, logs_in) in [
        (vec![], true, true),
        (vec![own.as_str()], true, false),
        (vec![read_only], false, true),
        (vec![own.as_str(), read_only], true, true),
    ] {
        let names = (1..=arns.len()).map(|number| format!("PolicyArns.member.{number}.arn"));
        let names = names.collect::<Vec<_>>();
        let more = names
            .iter()
            .map(String::as_str)
            .zip(arns.iter().copied())
            .collect::<Vec<_>>();
        let session = keys(&assume(&stage, &more, &user).await.ok());
        let described = status(&stage, "DescribeRepositories", json!({}), &session).await == 200;
        let logged_in = status(&stage, "GetAuthorizationToken", json!({}), &session).await == 200;
        assert_eq!((described, logged_in), (describes, logs_in), "{arns:?}");
    }
    for arn in [
        "arn:aws:iam::111122223333:policy/missing",
        "arn:aws:iam::444455556666:policy/describe",
        "arn:aws:iam::aws:policy/NoSuchPolicyAnywhere",
    ] {
        let answer = assume(&stage, &[("PolicyArns.member.1.arn", arn)], &user).await;
        let message = answer.element("Message");
        assert!(
            message.starts_with(&format!("The managed policy {arn} is not")),
            "{message}"
        );
    }
    // A policy that is gone does not leave the session without a limit.
    let session = keys(&assume(&stage, &[("PolicyArns.member.1.arn", &own)], &user).await.ok());
    stage.iam(&[("Action", "DeletePolicy"), ("PolicyArn", &own)]).await.ok();
    assert_eq!(status(&stage, "DescribeRepositories", json!({}), &session).await, 400);
}

//! The calls of STS beside those that assume roles, and the names that it answers to.

use std::time::Duration;

use serde_json::json;

use crate::{
    signing::{Keys, Scope, post, presigned, presigned_with},
    stage::{ACCOUNT, Answer, OTHER, REGION, ROLE, SUBJECT, Stage, trust},
};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/puller/wharf";

async fn call(stage: &Stage, action: &str, more: &[(&str, &str)], keys: &Keys) -> Answer {
    let mut params = vec![("Action", action)];
    params.extend(more);
    stage.query("sts", &params, keys).await
}

fn keys(answer: &Answer) -> Keys {
    Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    }
}

fn scope<'a>(stage: &Stage, region: &'a str) -> Scope<'a> {
    Scope {
        service: "sts",
        region,
        time: stage.now(),
    }
}

async fn root_session(stage: &Stage) -> Keys {
    keys(&call(stage, "GetSessionToken", &[], &stage.root(ACCOUNT)).await.ok())
}

#[tokio::test]
async fn a_root_user_has_a_session_of_an_hour_at_most() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    for (seconds, end) in [("900", "12:15:00"), ("3600", "13:00:00"), ("129600", "13:00:00")] {
        let answer = call(&stage, "GetSessionToken", &[("DurationSeconds", seconds)], &root).await;
        let answer = answer.ok();
        assert_eq!(answer.element("Expiration"), format!("2026-11-20T{end}Z"), "{seconds}");
        assert!(answer.text().starts_with("<GetSessionTokenResponse "));
        assert!(answer.element("AccessKeyId").starts_with("ASIA"));
        let who = call(&stage, "GetCallerIdentity", &[], &keys(&answer)).await.ok();
        assert_eq!(who.element("Arn"), "arn:aws:iam::111122223333:root");
    }
    assert_eq!(
        call(&stage, "GetSessionToken", &[], &root)
            .await
            .ok()
            .element("Expiration"),
        "2026-11-20T13:00:00Z"
    );
}

#[tokio::test]
async fn session_tokens_keep_to_the_model() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    for (seconds, bound) in [
        ("899", "greater than or equal to 900"),
        ("129601", "less than or equal to 129600"),
    ] {
        call(&stage, "GetSessionToken", &[("DurationSeconds", seconds)], &root)
            .await
            .refused(
                400,
                "ValidationError",
                &format!(
                    "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: \
                     Member must have value {bound}"
                ),
            );
    }
    let device = [
        ("SerialNumber", "arn:aws:iam::111122223333:mfa/a"),
        ("TokenCode", "123456"),
    ];
    call(&stage, "GetSessionToken", &device, &root).await.refused(
        400,
        "ValidationError",
        "This simulated AWS has no MFA devices yet; leave SerialNumber out of the request.",
    );
}

#[tokio::test]
async fn sessions_have_no_sessions() {
    let stage = Stage::furnished().await;
    for session in [stage.session().await, root_session(&stage).await] {
        call(&stage, "GetSessionToken", &[], &session).await.refused(
            403,
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        );
    }
}

#[tokio::test]
async fn a_users_session_calls_neither_iam_nor_most_of_sts() {
    let stage = Stage::furnished().await;
    let session = root_session(&stage).await;
    let list = [("Action", "ListOpenIDConnectProviders")];
    stage.query("iam", &list, &session).await.refused(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    );
    stage.query("iam", &list, &stage.root(ACCOUNT)).await.ok();
    for action in ["GetAccessKeyInfo", "GetFederationToken", "DecodeAuthorizationMessage"] {
        call(&stage, action, &[("AccessKeyId", &session.id)], &session)
            .await
            .refused(
                403,
                "AccessDenied",
                &format!("Cannot call {action} with session credentials"),
            );
    }
    // Other services know no difference.
    let answer = stage.ecr("GetAuthorizationToken", &json!({}), &session).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_session_token_ends() {
    let stage = Stage::new().await;
    let session = root_session(&stage).await;
    call(&stage, "GetCallerIdentity", &[], &session).await.ok();
    stage.clock.advance(Duration::from_secs(3600));
    call(&stage, "GetCallerIdentity", &[], &session).await.refused(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
}

#[tokio::test]
async fn the_account_of_a_key_is_told() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let other = stage.root(OTHER);
    let other_session = call(&stage, "GetSessionToken", &[], &other).await.ok();
    for (id, account) in [
        (root.id.clone(), ACCOUNT),
        (other.id.clone(), OTHER),
        (stage.session().await.id, ACCOUNT),
        (other_session.element("AccessKeyId"), OTHER),
    ] {
        let answer = call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", &id)], &root)
            .await
            .ok();
        assert_eq!(answer.element("Account"), account);
        assert!(answer.text().contains("<GetAccessKeyInfoResult>"));
    }
    for unknown in ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN0EXAMPLE", "AROAIOSFODNN7EXAMPLE"] {
        call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", unknown)], &root)
            .await
            .refused(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid",
            );
    }
    call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", "AKIA-SHORT")], &root)
        .await
        .refused(
            400,
            "ValidationError",
            "2 validation errors detected: Value 'AKIA-SHORT' at 'accessKeyId' failed to satisfy constraint: Member must \
             have length greater than or equal to 16; Value 'AKIA-SHORT' at 'accessKeyId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w]*",
        );
}

#[tokio::test]
async fn the_account_of_a_key_is_told_to_those_who_may_ask() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let answer = call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", &session.id)], &session).await;
    assert_eq!((answer.status, answer.element("Code").as_str()), (403, "AccessDenied"));
    let message = answer.element("Message");
    let expected = format!("User: {SESSION} is not authorized to perform: sts:GetAccessKeyInfo");
    assert!(message.starts_with(&expected), "{message}");
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:GetAccessKeyInfo", "Resource": "*",
    }});
    stage.allow("puller", &policy.to_string()).await;
    call(&stage, "GetAccessKeyInfo", &[("AccessKeyId", &session.id)], &session)
        .await
        .ok();
}

#[tokio::test]
async fn a_caller_is_identified_by_a_presigned_url() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let url = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    let minute = Duration::from_secs(60);
    let signed = presigned(url, &session, scope(&stage, REGION), minute);
    let answer = stage.send(stage.get(&signed).build().unwrap()).await.ok();
    assert_eq!(answer.element("Arn"), SESSION);
    // The token of an EKS cluster is such a URL whose signature names the cluster in a header.
    let cluster = ("x-k8s-aws-id", "harbour");
    let signed = presigned_with(url, &[cluster], &session, scope(&stage, REGION), minute);
    assert!(signed.contains("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"), "{signed}");
    let named = |cluster: &str| stage.get(&signed).header("x-k8s-aws-id", cluster).build().unwrap();
    let answer = stage.send(named("harbour")).await.ok();
    assert_eq!(answer.element("Arn"), SESSION);
    for request in [named("another"), stage.get(&signed).build().unwrap()] {
        let answer = stage.send(request).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (403, "SignatureDoesNotMatch")
        );
    }
    stage.clock.advance(minute + Duration::from_secs(1));
    let answer = stage.send(named("harbour")).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "SignatureDoesNotMatch")
    );
}

#[tokio::test]
async fn operations_that_are_not_simulated_say_so() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    for action in [
        "AssumeRoleWithSAML",
        "AssumeRoot",
        "DecodeAuthorizationMessage",
        "GetDelegatedAccessToken",
        "GetFederationToken",
        "GetWebIdentityToken",
    ] {
        call(&stage, action, &[], &root).await.refused(
            400,
            "ValidationError",
            &format!("This simulated AWS does not have the action {action} yet."),
        );
    }
    call(&stage, "AssumeEverything", &[], &root).await.refused(
        400,
        "InvalidAction",
        "Could not find operation AssumeEverything for version 2011-06-15",
    );
    stage.sts(&[("Action", "GetFederationToken")]).await.refused(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    );
}

#[tokio::test]
async fn sts_answers_to_all_its_names() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token(&stage.claims());
    for (host, region) in [
        ("sts.amazonaws.com", "us-east-1"),
        ("sts.eu-central-1.amazonaws.com", "eu-central-1"),
        ("sts-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("sts.eu-west-1.api.aws", "eu-west-1"),
        ("sts-fips.us-east-2.api.aws", "us-east-2"),
    ] {
        let url = format!("https://{host}/");
        let form = ("content-type", "application/x-www-form-urlencoded");
        let body = b"Action=GetCallerIdentity&Version=2011-06-15";
        let root = stage.root(ACCOUNT);
        stage
            .send(post(&url, &[form], body, &root, scope(&stage, region)))
            .await
            .ok();
        let elsewhere = post(&url, &[form], body, &root, scope(&stage, "ap-south-1"));
        let answer = stage.send(elsewhere).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (403, "SignatureDoesNotMatch")
        );
        let query = format!(
            "{url}?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=wharf&\
             WebIdentityToken={token}"
        );
        stage.send(stage.get(&query).build().unwrap()).await.ok();
    }
    assert!(
        stage
            .get("https://sts-fips.eu-central-1.amazonaws.com/")
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_region_of_the_endpoint_is_seen_by_policies() {
    let stage = Stage::furnished().await;
    let mut policy = serde_json::from_str::<serde_json::Value>(&trust(SUBJECT)).unwrap();
    policy["Statement"][0]["Condition"]["StringEquals"]["aws:RequestedRegion"] = json!("eu-west-1");
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", "puller"),
        ("PolicyDocument", &policy.to_string()),
    ];
    stage.iam(&update).await.ok();
    let token = stage.issuer.token(&stage.claims());
    for (host, status) in [("sts.eu-west-1.api.aws", 200), ("sts.us-east-1.api.aws", 403)] {
        let query = format!(
            "https://{host}/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=wharf&\
             WebIdentityToken={token}"
        );
        let answer = stage.send(stage.get(&query).build().unwrap()).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test]
async fn sessions_that_began_earlier_can_be_revoked() {
    let stage = Stage::furnished().await;
    let early = stage.session().await;
    stage.clock.advance(Duration::from_secs(60));
    let late = stage.session().await;
    // What the console attaches to a role whose sessions are revoked.
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T12:00:30Z"}}},
    ]});
    stage.allow("puller", &policy.to_string()).await;
    let status = async |keys: &Keys| stage.ecr("GetAuthorizationToken", &json!({}), keys).await.status;
    assert_eq!((status(&early).await, status(&late).await), (400, 200));
}

#[tokio::test]
async fn a_roles_session_says_that_it_has_no_mfa() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    for (operator, is_allowed) in [("Bool", true), ("Null", false)] {
        let wanted = if operator == "Bool" { "false" } else { "true" };
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "ecr:*", "Resource": "*",
            "Condition": {operator: {"aws:MultiFactorAuthPresent": wanted}},
        }});
        stage.allow("puller", &policy.to_string()).await;
        let answer = stage.ecr("GetAuthorizationToken", &json!({}), &session).await;
        assert_eq!(answer.status == 200, is_allowed, "{operator}");
    }
}

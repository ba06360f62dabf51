use serde_json::json;

use crate::{
    signing::Keys,
    stage::{ACCOUNT, Answer, OTHER, Stage, trust},
};

const TARGET: &str = "arn:aws:iam::444455556666:role/deploy";
const FIRST: &str = "arn:aws:iam::111122223333:role/puller";

/// A stage on which the session of `puller` may assume `deploy` in the other account, with an external id.
async fn furnished() -> Stage {
    let stage = Stage::furnished().await;
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": FIRST},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "x-1"}},
    }})
    .to_string();
    let create = [
        ("Action", "CreateRole"),
        ("RoleName", "deploy"),
        ("AssumeRolePolicyDocument", &trust),
        ("MaxSessionDuration", "43200"),
    ];
    stage.query("iam", &create, &stage.root(OTHER)).await.ok();
    let permission = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": TARGET,
    }});
    stage.allow("puller", &permission.to_string()).await;
    stage
}

async fn assume(stage: &Stage, keys: &Keys, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![
        ("Action", "AssumeRole"),
        ("RoleArn", TARGET),
        ("RoleSessionName", "hop"),
    ];
    params.extend(more);
    stage.query("sts", &params, keys).await
}

fn denied(answer: &Answer) {
    answer.refused(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: sts:AssumeRole on \
             resource: {TARGET}"
        ),
    );
}

#[tokio::test]
async fn a_session_hops_to_a_role_of_another_account() {
    let stage = furnished().await;
    let answer = assume(&stage, &stage.session().await, &[("ExternalId", "x-1")])
        .await
        .ok();
    assert_eq!(
        answer.element("Arn"),
        "arn:aws:sts::444455556666:assumed-role/deploy/hop"
    );
    assert_eq!(answer.element("Expiration"), "2026-11-20T13:00:00Z");
    let keys = Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    };
    let who = stage.query("sts", &[("Action", "GetCallerIdentity")], &keys).await.ok();
    assert_eq!(who.element("Account"), OTHER);
}

#[tokio::test]
async fn without_the_right_external_id_there_is_no_hop() {
    let stage = furnished().await;
    let session = stage.session().await;
    denied(&assume(&stage, &session, &[]).await);
    denied(&assume(&stage, &session, &[("ExternalId", "x-2")]).await);
    let short = assume(&stage, &session, &[("ExternalId", "x")]).await;
    assert_eq!(short.element("Code"), "ValidationError");
}

#[tokio::test]
async fn both_sides_must_allow_a_hop() {
    let stage = furnished().await;
    let session = stage.session().await;
    stage.allow("puller", &crate::stage::pull_permissions("team/app")).await;
    denied(&assume(&stage, &session, &[("ExternalId", "x-1")]).await);
}

#[tokio::test]
async fn a_role_that_does_not_trust_or_is_not_there_denies() {
    let stage = furnished().await;
    let session = stage.session().await;
    let document = trust("team:app");
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", "deploy"),
        ("PolicyDocument", &document),
    ];
    stage.query("iam", &update, &stage.root(OTHER)).await.ok();
    denied(&assume(&stage, &session, &[("ExternalId", "x-1")]).await);
    stage
        .query(
            "iam",
            &[("Action", "DeleteRole"), ("RoleName", "deploy")],
            &stage.root(OTHER),
        )
        .await
        .ok();
    denied(&assume(&stage, &session, &[("ExternalId", "x-1")]).await);
}

#[tokio::test]
async fn a_chained_session_lasts_an_hour_at_most() {
    let stage = furnished().await;
    let session = stage.session().await;
    let hour = [("ExternalId", "x-1"), ("DurationSeconds", "3600")];
    assume(&stage, &session, &hour).await.ok();
    let longer = [("ExternalId", "x-1"), ("DurationSeconds", "3601")];
    assume(&stage, &session, &longer).await.refused(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
}

#[tokio::test]
async fn root_assumes_no_role() {
    let stage = furnished().await;
    let answer = assume(&stage, &stage.root(ACCOUNT), &[("ExternalId", "x-1")]).await;
    answer.refused(403, "AccessDenied", "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn what_is_not_simulated_is_not_ignored() {
    let stage = furnished().await;
    let session = stage.session().await;
    for (name, value) in [
        ("SerialNumber", "arn:aws:iam::111122223333:mfa/a"),
        ("TokenCode", "123456"),
        (
            "ProvidedContexts.member.1.ProviderArn",
            "arn:aws:iam::aws:contextProvider/IdentityCenter",
        ),
    ] {
        let answer = assume(&stage, &session, &[("ExternalId", "x-1"), (name, value)]).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (400, "ValidationError"),
            "{name}"
        );
        assert!(
            answer.element("Message").starts_with("This simulated AWS has no"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_with_its_role_whoever_trusts_the_name() {
    let stage = furnished().await;
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    stage.allow("puller", &all.to_string()).await;
    let session = stage.session().await;
    let login = stage.login(&session).await;
    assume(&stage, &session, &[("ExternalId", "x-1")]).await.ok();
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": FIRST}, "Action": "ecr:*",
    }});
    let input = json!({"repositoryName": "team/app", "policyText": policy.to_string()});
    stage
        .ecr("SetRepositoryPolicy", &input, &stage.root(ACCOUNT))
        .await
        .ok();
    assert_eq!(stage.pull(&login, "/v2/team/app/manifests/1").await.status, 404);

    let role = ("RoleName", "puller");
    stage
        .iam(&[("Action", "DeleteRolePolicy"), role, ("PolicyName", "permissions")])
        .await
        .ok();
    stage.iam(&[("Action", "DeleteRole"), role]).await.ok();
    for anew in [false, true] {
        if anew {
            stage.create_role("puller", &trust("team:app")).await.ok();
        }
        let gone = "The security token included in the request is invalid";
        assume(&stage, &session, &[("ExternalId", "x-1")])
            .await
            .refused(403, "InvalidClientTokenId", gone);
        let who = stage.query("sts", &[("Action", "GetCallerIdentity")], &session).await;
        who.refused(403, "InvalidClientTokenId", gone);
        let list = stage
            .ecr("ListImages", &json!({"repositoryName": "team/app"}), &session)
            .await;
        assert_eq!(list.json()["__type"], "UnrecognizedClientException");
        // The login is older than the end of the role, and the policy of the repository names the role.
        assert_eq!(stage.pull(&login, "/v2/team/app/manifests/1").await.status, 403);
    }
}

//! The credentials of ECS tasks and of EKS pods.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use sim::{Pod, Service, Task};

use crate::{
    machines::{keys, machine, service_trust, variable},
    signing::Keys,
    stage::{Answer, OTHER, Stage},
};

const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const BOTH: [&str; 2] = ["sts:AssumeRole", "sts:TagSession"];

async fn stage_with(kind: impl Into<sim::MachineKind>, trust: &str) -> Stage {
    let stage = Stage::with(|builder| builder.machine(machine("web-0", kind))).await;
    stage.create_role("puller", trust).await.ok();
    stage
}

async fn ask(stage: &Stage, url: &str, authorization: Option<&str>) -> Answer {
    let mut request = stage.get(url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    stage.send(request.build().unwrap()).await
}

fn uri(stage: &Stage) -> String {
    variable(&stage.sim.machines()[0], URI).unwrap()
}

fn task_trust() -> String {
    let condition = json!({
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:111122223333:*"},
    });
    service_trust("ecs-tasks.amazonaws.com", &json!("sts:AssumeRole"), &condition)
}

async fn task_stage() -> Stage {
    stage_with(Task::new("puller"), &task_trust()).await
}

#[tokio::test]
async fn a_task_comes_by_the_credentials_of_its_role() {
    let stage = task_stage().await;
    let answer = ask(&stage, &uri(&stage), None).await.ok();
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert_eq!(document["RoleArn"], "arn:aws:iam::111122223333:role/puller");
    assert_eq!(document["Expiration"], "2026-11-20T18:00:00Z");
    let arn = stage.who(&keys(&document)).await;
    let task = arn
        .strip_prefix("arn:aws:sts::111122223333:assumed-role/puller/")
        .unwrap();
    assert!(task.len() == 32 && task.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let trail = stage.sim.trail();
    let call = trail.iter().find(|call| call.action == "ecs:GetCredentials").unwrap();
    assert_eq!(
        (call.service, call.host.as_str()),
        (Service::TaskCredentials, "169.254.170.2")
    );
    assert_eq!(
        call.resource,
        Some(format!("arn:aws:ecs:us-east-1:111122223333:task/default/{task}"))
    );
    assert_eq!(stage.hop_from("puller", &keys(&document)).await.status, 200);
}

#[tokio::test]
async fn the_agent_knows_one_id_and_one_path() {
    let stage = task_stage().await;
    let base = format!("http://{}", stage.sim.machines()[0].address);
    let refused = async |path: &str| {
        let answer = ask(&stage, &format!("{base}{path}"), None).await;
        assert_eq!(answer.header("content-type"), "application/json");
        (answer.status, answer.json())
    };
    let error = |code, message| json!({"code": code, "message": message, "HTTPErrorCode": 400});
    assert_eq!(
        refused("/v2/credentials/00000000-0000-4000-8000-000000000000").await,
        (
            400,
            error("InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
        )
    );
    assert_eq!(
        refused("/v2/credentials/").await,
        (
            400,
            error("NoIdInRequest", "CredentialsV2Request: No Credential ID in the request")
        )
    );
    for path in ["/", "/v2/credentials", "/v4/metadata", "/v1/credentials"] {
        let answer = ask(&stage, &format!("{base}{path}"), None).await;
        assert_eq!((answer.status, answer.text().as_str()), (404, "404 page not found\n"));
    }
}

#[tokio::test]
async fn a_task_whose_role_trusts_others_has_no_credentials() {
    for trust in [
        service_trust("ec2.amazonaws.com", &json!("sts:AssumeRole"), &json!({})),
        service_trust(
            "ecs-tasks.amazonaws.com",
            &json!("sts:AssumeRole"),
            &json!({"StringEquals": {"aws:SourceAccount": "444455556666"}}),
        ),
        service_trust("ecs-tasks.amazonaws.com", &json!("sts:TagSession"), &json!({})),
    ] {
        let stage = stage_with(Task::new("puller"), &trust).await;
        let answer = ask(&stage, &uri(&stage), None).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("InvalidIdInRequest"))
        );
        let call = stage.sim.trail().pop().unwrap();
        assert_ne!(
            call.message.as_deref(),
            Some("CredentialsV2Request: Credentials not found")
        );
    }
}

#[tokio::test]
async fn a_task_keeps_what_it_was_given_last() {
    let stage = task_stage().await;
    let url = uri(&stage);
    let first = ask(&stage, &url, None).await.ok().json();
    stage.clock.advance(Duration::from_secs(5 * 3600 - 1));
    assert_eq!(ask(&stage, &url, None).await.json(), first);
    let delete = [("Action", "DeleteRole"), ("RoleName", "puller")];
    stage.iam(&delete).await.ok();
    stage.clock.advance(Duration::from_hours(2));
    assert_eq!(ask(&stage, &url, None).await.ok().json(), first);
    let expired = stage
        .query("sts", &[("Action", "GetCallerIdentity")], &keys(&first))
        .await;
    assert_eq!(expired.element("Code"), "ExpiredToken");
    stage.create_role("puller", &task_trust()).await.ok();
    let second = ask(&stage, &url, None).await.ok().json();
    stage.who(&keys(&second)).await;
}

fn pod() -> Pod {
    Pod::new("puller")
        .cluster("production-eu")
        .namespace("team")
        .service_account("app")
}

fn pod_trust(condition: &Value) -> String {
    service_trust("pods.eks.amazonaws.com", &json!(BOTH), condition)
}

fn service_account_token(stage: &Stage) -> String {
    let file = variable(&stage.sim.machines()[0], "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").unwrap();
    fs::read_to_string(file).unwrap()
}

async fn pod_credentials(stage: &Stage) -> Answer {
    ask(stage, &uri(stage), Some(&service_account_token(stage))).await
}

/// The answer must be a sentence of the agent.
#[track_caller]
fn sentence(answer: &Answer, sentence: &str) {
    assert_eq!((answer.status, answer.text()), (400, format!("{sentence}\n")));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

/// The answer must be an error of EKS.
#[track_caller]
fn of_eks(stage: &Stage, answer: &Answer, error: &str) {
    let id = stage.sim.trail().pop().unwrap().request_id;
    sentence(answer, &format!("[{id}]: {error}, fault: client"));
}

#[tokio::test]
async fn a_pod_comes_by_the_credentials_of_its_service_account() {
    let condition = json!({"StringEquals": {
        "aws:SourceAccount": "111122223333",
        "aws:RequestTag/eks-cluster-name": "production-eu",
        "aws:RequestTag/kubernetes-namespace": "team",
        "aws:RequestTag/kubernetes-service-account": "app",
    }});
    let stage = stage_with(pod(), &pod_trust(&condition)).await;
    let answer = pod_credentials(&stage).await.ok();
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert_eq!(document["AccountId"], "111122223333");
    let arn = stage.who(&keys(&document)).await;
    assert!(
        arn.starts_with("arn:aws:sts::111122223333:assumed-role/puller/eks-production-web-0-"),
        "{arn}"
    );
    let trail = stage.sim.trail();
    let call = trail.iter().find(|call| call.service == Service::PodIdentity).unwrap();
    assert_eq!(call.action, "eks-auth:AssumeRoleForPodIdentity");
    assert_eq!(call.host, "169.254.170.23");
    assert_eq!(call.principal, Some(arn));
    assert_eq!(
        call.resource.as_deref(),
        Some("arn:aws:eks:us-east-1:111122223333:cluster/production-eu")
    );
    assert_eq!(pod_credentials(&stage).await.json(), document);
    stage.clock.advance(Duration::from_hours(3));
    assert_ne!(pod_credentials(&stage).await.ok().json(), document);
}

#[tokio::test]
async fn the_tags_of_a_pod_go_with_it_into_the_next_role() {
    let stage = stage_with(pod(), &pod_trust(&json!({}))).await;
    let keys = keys(&pod_credentials(&stage).await.ok().json());
    let hop = stage.hop_from("puller", &keys).await.ok();
    assert_eq!(hop.element("Expiration"), "2026-11-20T14:00:00Z");
    let next = Keys {
        id: hop.element("AccessKeyId"),
        secret: hop.element("SecretAccessKey"),
        token: Some(hop.element("SessionToken")),
    };
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "team"}},
    }});
    let allow = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "deploy"),
        ("PolicyName", "permissions"),
        ("PolicyDocument", &policy.to_string()),
    ];
    stage.query("iam", &allow, &stage.root(OTHER)).await.ok();
    assert_eq!(stage.ecr("GetAuthorizationToken", &json!({}), &next).await.status, 200);
}

#[tokio::test]
async fn the_tags_of_a_pod_have_a_say_in_what_it_may_do() {
    let stage = stage_with(pod(), &pod_trust(&json!({}))).await;
    let keys = keys(&pod_credentials(&stage).await.ok().json());
    let may_log_in = async |namespace: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": namespace}},
        }});
        stage.allow("puller", &policy.to_string()).await;
        stage.ecr("GetAuthorizationToken", &json!({}), &keys).await.status
    };
    assert_eq!(may_log_in("team").await, 200);
    assert_eq!(may_log_in("other").await, 400);
}

#[tokio::test]
async fn a_pod_must_show_its_own_token() {
    let stage = stage_with(pod(), &pod_trust(&json!({}))).await;
    let url = uri(&stage);
    let token = service_account_token(&stage);
    sentence(&ask(&stage, &url, None).await, "Service account token cannot be empty");
    sentence(
        &ask(&stage, &url, Some("secret")).await,
        "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments",
    );
    sentence(
        &ask(&stage, &url, Some(&format!("Bearer {token}"))).await,
        "Service account token cannot be parsed: token is malformed: could not base64 decode header: illegal base64 data \
         at input byte 6",
    );
    let invalid = "(InvalidTokenException): The specified Kubernetes service account token is invalid.";
    let other = stage.sim.add_machine(machine("web-1", pod())).await.unwrap();
    let foreign = fs::read_to_string(variable(&other, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").unwrap()).unwrap();
    of_eks(&stage, &ask(&stage, &url, Some(&foreign)).await, invalid);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = foreign.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    of_eks(&stage, &ask(&stage, &url, Some(&forged)).await, invalid);

    stage.clock.advance(Duration::from_hours(24));
    sentence(
        &ask(&stage, &url, Some(&token)).await,
        "Service account token failed basic claim validations: token has invalid claims: token is expired",
    );
    let elsewhere = url.replace("/v1/credentials", "/v2/credentials");
    assert_eq!(ask(&stage, &elsewhere, Some(&token)).await.status, 404);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_token() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stage_with(pod(), &pod_trust(&json!({}))).await;
    let file = variable(&stage.sim.machines()[0], "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").unwrap();
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[tokio::test]
async fn the_role_of_a_pod_must_allow_the_session_and_its_tags() {
    let other_namespace = json!({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "other"}});
    for trust in [
        service_trust("pods.eks.amazonaws.com", &json!("sts:AssumeRole"), &json!({})),
        service_trust("pods.eks.amazonaws.com", &json!("sts:TagSession"), &json!({})),
        service_trust("eks.amazonaws.com", &json!(BOTH), &json!({})),
        pod_trust(&other_namespace),
    ] {
        let stage = stage_with(pod(), &trust).await;
        let answer = pod_credentials(&stage).await;
        of_eks(
            &stage,
            &answer,
            "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role.",
        );
    }
}

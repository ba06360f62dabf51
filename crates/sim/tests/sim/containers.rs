//! The credentials of ECS tasks.

use std::time::Duration;

use serde_json::json;
use sim::{Service, Task};

use crate::{
    machines::{keys, machine, service_trust, variable},
    stage::{Answer, Stage},
};

const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

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

use std::time::{Duration, Instant};

use serde_json::json;

use super::pushed;
use crate::stage::{ACCOUNT, Stage};

const CALLER: [(&str, &str); 1] = [("Action", "GetCallerIdentity")];

#[tokio::test]
async fn an_error_is_that_of_its_service_and_the_service_does_not_see_the_call() {
    let (stage, _, login, url) = pushed().await;
    let root = stage.root(ACCOUNT);
    stage.trouble(r#"{"id":"sts","when":{"service":"sts"},"times":1,"what":{"error":{"status":400}}}"#);
    let answer = stage.query("sts", &CALLER, &root).await;
    answer.refused(400, "Throttling", "Rate exceeded");
    stage.query("sts", &CALLER, &root).await.ok();

    stage.trouble(r#"{"id":"iam","when":{"action":"iam:Get*"},"times":1,"what":{"error":{"status":503}}}"#);
    let role = [("Action", "GetRole"), ("RoleName", "puller")];
    let answer = stage.query("iam", &role, &root).await;
    let found = (answer.status, answer.element("Code"), answer.element("Type"));
    assert_eq!(found, (503, "ServiceUnavailable".to_owned(), "Receiver".to_owned()));
    stage.query("iam", &role, &root).await.ok();

    stage.trouble(
        r#"{"id":"ecr","when":{"action":"ecr:createRepository","repository":"new/*"},"times":1,
            "what":{"error":{"status":400,"code":"LimitExceededException","message":"Enough."}}}"#,
    );
    let create = json!({"repositoryName": "new/app"});
    let answer = stage.ecr("CreateRepository", &create, &root).await;
    answer.faulted("LimitExceededException", "Enough.");
    stage.ecr("CreateRepository", &create, &root).await.ok();

    stage.trouble(r#"{"id":"registry","when":{"service":"registry"},"times":2,"what":{"error":{"status":429}}}"#);
    let answer = stage.pull(&login, "/v2/team/app/manifests/1").await;
    answer.denied(429, "TOOMANYREQUESTS", "Rate exceeded");
    let head = stage
        .http
        .head(format!("{}/v2/team/app/manifests/1", crate::stage::REGISTRY));
    let head = stage.send(head.header("authorization", &login).build().unwrap()).await;
    assert_eq!((head.status, head.body.len()), (429, 0));
    stage.pull(&login, "/v2/team/app/manifests/1").await.ok();

    stage.trouble(r#"{"id":"bucket","when":{"service":"layerBucket"},"times":1,"what":{"error":{"status":503}}}"#);
    let answer = stage.fetch(&url).await;
    let found = (answer.status, answer.element("Code"), answer.element("Message"));
    assert_eq!(
        found,
        (
            503,
            "SlowDown".to_owned(),
            "Please reduce your request rate.".to_owned()
        )
    );
    stage.fetch(&url).await.ok();
}

#[tokio::test]
async fn the_trail_names_the_rule() {
    let stage = Stage::furnished().await;
    stage.trouble(r#"{"id":"slow","when":{"service":"ecr"},"what":{"latency":{"millis":1}}}"#);
    stage.trouble(
        r#"{"id":"off","when":{"action":"ecr:GetAuthorizationToken"},"times":1,"what":{"error":{"status":500}}}"#,
    );
    let root = stage.root(ACCOUNT);
    let answer = stage.ecr("GetAuthorizationToken", &json!({}), &root).await;
    assert_eq!(
        (answer.status, answer.json()["__type"].as_str()),
        (500, Some("InternalFailure"))
    );
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(call.fault.as_deref(), Some("slow,off"));
    assert_eq!(call.action, "ecr:GetAuthorizationToken");
    assert_eq!(call.account.as_deref(), Some(ACCOUNT));
    assert_eq!(call.error.as_deref(), Some("InternalFailure"));
    stage.ecr("GetAuthorizationToken", &json!({}), &root).await.ok();
    assert_eq!(stage.sim.trail().pop().unwrap().fault.as_deref(), Some("slow"));
    stage.query("sts", &CALLER, &root).await.ok();
    assert_eq!(stage.sim.trail().pop().unwrap().fault, None);
}

#[tokio::test]
async fn a_throttle_lets_calls_through_again_when_time_passes() {
    let (stage, _, login, _) = pushed().await;
    stage
        .trouble(r#"{"id":"a","when":{"action":"ecr:BatchGetImage"},"what":{"throttle":{"perSecond":0.5,"burst":2}}}"#);
    let manifest = async || stage.pull(&login, "/v2/team/app/manifests/1").await;
    manifest().await.ok();
    manifest().await.ok();
    manifest().await.denied(429, "TOOMANYREQUESTS", "Rate exceeded");
    stage.pull(&login, "/v2/team/app/tags/list").await.ok();
    stage.clock.advance(Duration::from_secs(1));
    manifest().await.denied(429, "TOOMANYREQUESTS", "Rate exceeded");
    stage.clock.advance(Duration::from_secs(1));
    manifest().await.ok();
    manifest().await.denied(429, "TOOMANYREQUESTS", "Rate exceeded");
    assert_eq!(stage.struck("a"), 3);
}

#[tokio::test]
async fn a_throttled_api_says_so_in_its_own_words() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let throttle = |service: &str| {
        format!(
            r#"{{"id":"{service}","when":{{"service":"{service}"}},"skip":1,
                "what":{{"throttle":{{"perSecond":0.001,"burst":1}}}}}}"#
        )
    };
    stage.trouble(&throttle("ecr"));
    stage.trouble(&throttle("sts"));
    let token = async || stage.ecr("GetAuthorizationToken", &json!({}), &root).await;
    token().await.ok();
    token().await.ok();
    token().await.faulted("ThrottlingException", "Rate exceeded");
    let caller = async || stage.query("sts", &CALLER, &root).await;
    caller().await.ok();
    caller().await.ok();
    caller().await.refused(400, "Throttling", "Rate exceeded");
}

#[tokio::test]
async fn a_call_that_is_late_is_answered_all_the_same() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    stage.trouble(r#"{"id":"a","when":{"service":"sts"},"times":2,"what":{"latency":{"min":120,"max":140}}}"#);
    for _ in 0..2 {
        let started = Instant::now();
        stage.query("sts", &CALLER, &root).await.ok();
        assert!(started.elapsed() >= Duration::from_millis(120));
    }
    stage.ecr("DescribeRepositories", &json!({}), &root).await.ok();
    stage.query("sts", &CALLER, &root).await.ok();
    assert_eq!(stage.struck("a"), 2);
}

#[tokio::test]
async fn an_account_is_told_by_the_role_the_key_or_the_registry() {
    let (stage, _, login, url) = pushed().await;
    let other = stage.root(crate::stage::OTHER);
    stage.trouble(&format!(
        r#"{{"id":"a","when":{{"account":"{ACCOUNT}"}},"what":{{"error":{{"status":500}}}}}}"#
    ));
    let root = stage.root(ACCOUNT);
    assert_eq!(stage.assume("x.y.z").await.status, 500);
    assert_eq!(stage.query("sts", &CALLER, &root).await.status, 500);
    assert_eq!(stage.ecr("DescribeRepositories", &json!({}), &root).await.status, 500);
    assert_eq!(stage.pull(&login, "/v2/").await.status, 500);
    assert_eq!(stage.fetch(&url).await.status, 500);
    stage.query("sts", &CALLER, &other).await.ok();
    stage.ecr("DescribeRepositories", &json!({}), &other).await.ok();
    let foreign = json!({"registryId": ACCOUNT});
    assert_eq!(stage.ecr("DescribeRepositories", &foreign, &other).await.status, 500);
}

#[tokio::test]
async fn a_long_request_is_looked_at_and_arrives_as_a_whole() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    stage.trouble(r#"{"id":"a","when":{"repository":"struck","service":"ecr"},"what":{"error":{"status":500}}}"#);
    stage.trouble(r#"{"id":"b","when":{"action":"sts:Other"},"what":{"error":{"status":500}}}"#);
    let padding = "x".repeat(700_000);
    let create = |name: &str| json!({"aPadding": padding, "repositoryName": name});
    assert_eq!(
        stage.ecr("CreateRepository", &create("struck"), &root).await.status,
        500
    );
    // The signature covers every byte, so a request that is let through has lost none.
    stage.ecr("CreateRepository", &create("other"), &root).await.ok();
    let found = stage.ecr("DescribeRepositories", &json!({}), &root).await.ok().json();
    assert_eq!(found["repositories"].as_array().unwrap().len(), 1);
    let long = stage
        .http
        .post("https://sts.us-east-1.amazonaws.com/")
        .body(padding.repeat(3));
    let answer = stage.send(long.build().unwrap()).await;
    answer.refused(413, "RequestEntityTooLarge", "Request body size exceeded the maximum");
}

//! Watching and steering a simulator from beside.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use sim::Sim;

use crate::stage::{ACCOUNT, Answer, Stage};

const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Stage {
    async fn controlled() -> Self {
        Self::with(|builder| builder.control(ANYWHERE).endpoint(ANYWHERE)).await
    }

    fn control(&self, path: &str) -> String {
        format!("http://{}{path}", self.sim.control_addr().unwrap())
    }

    async fn asked(&self, path: &str) -> Answer {
        self.send(self.get(&self.control(path)).build().unwrap()).await
    }

    async fn told(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .http
            .post(self.control(path))
            .header("content-type", "application/json");
        self.send(request.body(body.to_string()).build().unwrap()).await
    }

    async fn who_am_i(&self) -> Answer {
        self.query("sts", &[("Action", "GetCallerIdentity")], &self.root(ACCOUNT))
            .await
    }
}

fn calls(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn root_credentials_and_the_authority_are_to_be_had() {
    let stage = Stage::controlled().await;
    let key = stage.root(ACCOUNT);
    let answer = stage.asked(&format!("/credentials/{ACCOUNT}")).await.ok();
    assert_eq!(
        answer.json(),
        json!({"account": ACCOUNT, "accessKeyId": key.id, "secretAccessKey": key.secret})
    );
    assert_eq!(stage.asked("/ca.pem").await.ok().text(), stage.sim.ca_pem());
    let overview = stage.asked("/").await.ok().json();
    assert_eq!(overview["names"], stage.sim.addr().to_string());
    assert_eq!(
        overview["endpoint"],
        format!("http://{}", stage.sim.endpoint_addr().unwrap())
    );
    assert_eq!(overview["registries"], json!([]));
    assert_eq!(overview["now"], "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn the_clock_is_advanced_from_beside() {
    let stage = Stage::controlled().await;
    let answer = stage.told("/clock", &json!({"advance": "13h"})).await.ok();
    assert_eq!(answer.json(), json!({"now": "2026-11-21T01:00:00Z"}));
    assert_eq!(stage.now().to_string(), "2026-11-21T01:00:00Z");
    for (advance, why) in [
        (json!({"advance": "-1h"}), "a clock never goes back"),
        (
            json!({"advance": "99999999h"}),
            "`advance` is 99999999h: expected less, for the calendar ends with the year 9999",
        ),
        (json!({"advance": 7}), "invalid type"),
        (json!({"by": "1h"}), "unknown field `by`"),
    ] {
        let answer = stage.told("/clock", &advance).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    assert_eq!(
        stage.asked("/clock").await.ok().json(),
        json!({"now": "2026-11-21T01:00:00Z"})
    );
}

#[tokio::test]
async fn the_trail_is_read_as_lines_of_json() {
    let stage = Stage::controlled().await;
    stage.who_am_i().await.ok();
    stage.sts(&[("Action", "Nonsense")]).await;
    let answer = stage.asked("/trail").await.ok();
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let calls = calls(&answer);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["action"], "sts:GetCallerIdentity");
    assert_eq!(calls[0]["service"], "sts");
    assert_eq!(calls[0]["principal"], format!("arn:aws:iam::{ACCOUNT}:root"));
    assert_eq!(calls[0]["status"], 200);
    assert!(calls[0]["latencyMicros"].is_u64());
    assert_eq!(calls[1]["error"], "InvalidAction");
    assert_eq!(self::calls(&stage.asked("/trail?last=1").await)[0]["number"], 2);
    assert_eq!(stage.asked("/trail?last=x").await.status, 400);
    // Whoever watches leaves no trace.
    assert_eq!(stage.sim.trail_len(), 2);
}

#[tokio::test]
async fn a_follower_gets_each_call_when_it_has_been_answered_and_the_end() {
    let stage = Stage::controlled().await;
    stage.who_am_i().await.ok();
    let response = stage
        .http
        .get(stage.control("/trail?follow=true"))
        .send()
        .await
        .unwrap();
    let mut lines = response.bytes_stream();
    let first = lines.next().await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap()["number"], 1);
    stage.who_am_i().await.ok();
    let second = lines.next().await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&second).unwrap()["number"], 2);
    stage.sim.shutdown().await;
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn a_browser_gets_nothing() {
    let stage = Stage::controlled().await;
    let credentials = stage.control(&format!("/credentials/{ACCOUNT}"));
    let rebound = stage.get(&credentials).header("host", "evil.example.com");
    assert_eq!(stage.send(rebound.build().unwrap()).await.status, 403);
    let other_origin = stage.get(&credentials).header("origin", "https://evil.example.com");
    assert_eq!(stage.send(other_origin.build().unwrap()).await.status, 403);
    let form = stage.http.post(stage.control("/clock")).body(r#"{"advance": "1h"}"#);
    assert_eq!(
        stage
            .send(form.header("content-type", "text/plain").build().unwrap())
            .await
            .status,
        415
    );
    assert_eq!(stage.now().to_string(), "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn faults_come_and_go() {
    let stage = Stage::controlled().await;
    let fault = |id: &str| json!({"id": id, "when": {"service": "sts"}, "what": {"error": {"status": 503}}});
    let added = stage.told("/faults", &fault("down")).await.ok();
    assert_eq!(added.json()["faults"][0]["fault"]["id"], "down");
    assert_eq!(stage.who_am_i().await.status, 503);
    assert_eq!(stage.sim.trail()[0].fault.as_deref(), Some("down"));
    assert_eq!(stage.asked("/faults").await.ok().json()["faults"][0]["struck"], 1);
    stage.told("/faults", &json!([fault("b"), fault("c")])).await.ok();

    let send = async |method: http::Method, path: &str, body: String| {
        let request = stage.http.request(method, stage.control(path));
        let request = request.header("content-type", "application/json").body(body);
        stage.send(request.build().unwrap()).await
    };
    assert_eq!(send(http::Method::DELETE, "/faults/c", String::new()).await.status, 200);
    assert_eq!(send(http::Method::DELETE, "/faults/c", String::new()).await.status, 404);
    let replaced = send(http::Method::PUT, "/faults", json!([fault("d")]).to_string())
        .await
        .ok();
    assert_eq!(replaced.json()["faults"].as_array().unwrap().len(), 1);
    let twice = send(
        http::Method::PUT,
        "/faults",
        json!([fault("d"), fault("d")]).to_string(),
    )
    .await;
    assert_eq!(twice.status, 400);
    send(http::Method::DELETE, "/faults", String::new()).await.ok();
    stage.who_am_i().await.ok();

    for (fault, why) in [
        (json!({"id": "x"}), "what"),
        (
            json!({"id": "x", "what": {"reset": {"at": "4k"}}}),
            "fault.what.reset.at",
        ),
        (json!([{"id": "x", "what": "explode"}]), "faults[0].what"),
    ] {
        let answer = stage.told("/faults", &fault).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(why), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_network_is_set_and_as_it_was_again() {
    let stage = Stage::controlled().await;
    let network = json!({"service": "layerBucket", "bytesPerSecond": 30_000_000});
    let answer = stage.told("/network", &network).await.ok();
    assert_eq!(answer.json(), json!({"networks": [network]}));
    let answer = stage.told("/network", &json!({"bytesPerSecond": 0})).await;
    assert!(
        answer.status == 400 && answer.text().contains("bytesPerSecond"),
        "{}",
        answer.text()
    );
    let clear = stage.http.delete(stage.control("/network"));
    assert_eq!(
        stage.send(clear.build().unwrap()).await.ok().json(),
        json!({"networks": []})
    );
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let stage = Stage::controlled().await;
    assert_eq!(stage.asked("/nothing").await.status, 404);
    assert_eq!(stage.asked("/credentials/1").await.status, 400);
    assert_eq!(stage.told("/trail", &json!({})).await.status, 405);
    let dir = tempfile::tempdir().unwrap();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Sim::builder()
        .data_dir(dir.path())
        .control(everywhere)
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is not on loopback"), "{error}");
}

#[tokio::test]
async fn an_end_does_not_wait_for_followers() {
    let stage = Stage::controlled().await;
    let _follower = stage
        .http
        .get(stage.control("/trail?follow=true"))
        .send()
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(4), stage.sim.shutdown())
        .await
        .unwrap();
}

use std::time::Duration;

use reqwest::Version;
use serde_json::json;
use sim::Sim;
use tokio::time::{sleep, timeout};

use super::{bottom, pushed};
use crate::stage::{ACCOUNT, REGISTRY, Stage, client, client_offering};

/// What a client offers that would rather have HTTP/2.
const BOTH: [&str; 2] = ["h2", "http/1.1"];

const STS: &str = "https://sts.us-east-1.amazonaws.com/";

#[tokio::test]
async fn who_is_unreachable_gives_no_answer() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    stage.trouble(r#"{"id":"a","when":{"service":"sts"},"times":2,"what":"unreachable"}"#);
    for http in [client(&stage.sim), client_offering(&stage.sim, &BOTH)] {
        let request = http.post(STS).body("Action=GetCallerIdentity");
        let error = request.send().await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        let call = stage.sim.trail().pop().unwrap();
        assert_eq!((call.status, call.fault.as_deref()), (None, Some("a")));
    }
    stage.ecr("DescribeRepositories", &json!({}), &root).await.ok();
    stage.query("sts", &[("Action", "GetCallerIdentity")], &root).await.ok();
}

#[tokio::test]
async fn a_call_that_hangs_ends_with_the_simulator() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    stage.trouble(r#"{"id":"a","when":{"action":"sts:*"},"what":"hang"}"#);
    let hanging = stage
        .http
        .post(STS)
        .body("Action=GetCallerIdentity&Version=2011-06-15")
        .send();
    tokio::pin!(hanging);
    assert!(timeout(Duration::from_millis(100), &mut hanging).await.is_err());
    stage.ecr("DescribeRepositories", &json!({}), &root).await.ok();
    timeout(Duration::from_secs(3), stage.sim.shutdown()).await.unwrap();
    assert!(hanging.await.is_err());
}

/// Nothing waits for a client that has left: neither in a call that hangs, by either version of HTTP and with a body
/// that nobody reads, nor in a body that stands still.
#[test]
fn a_client_that_leaves_leaves_nothing_behind() {
    let runtime = |mut builder: tokio::runtime::Builder| builder.enable_all().build().unwrap();
    let simulator = runtime(tokio::runtime::Builder::new_multi_thread());
    let clients = runtime(tokio::runtime::Builder::new_current_thread());
    let dir = tempfile::tempdir().unwrap();
    let hang = r#"{"id":"hang","when":{"service":"registry"},"what":"hang"}"#;
    let builder = Sim::builder().data_dir(dir.path()).fault(hang.parse().unwrap());
    let sim = simulator.block_on(builder.start()).unwrap();
    let alive = || simulator.metrics().num_alive_tasks();
    let before = alive();
    clients.block_on(async {
        for http in [client(&sim), client_offering(&sim, &BOTH)] {
            let url = format!("{REGISTRY}/v2/team/app/blobs/uploads/x");
            let upload = http.patch(url).body(vec![7; 300_000]).send();
            let get = http.get(format!("{REGISTRY}/v2/")).send();
            let both = async { tokio::join!(upload, get) };
            assert!(timeout(Duration::from_millis(150), both).await.is_err());
        }
    });
    assert!(alive() > before);
    drop(clients);
    simulator.block_on(async {
        for _ in 0..200 {
            if alive() == before {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{} tasks instead of {before}", alive());
    });
    assert_eq!(sim.faults()[0].struck, 4);
    simulator.block_on(sim.shutdown());
}

#[tokio::test]
async fn a_client_that_leaves_a_standing_body_leaves_nothing_behind() {
    let (stage, _, _, url) = pushed().await;
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"what":{"stall":{"at":1000}}}"#);
    // A connection of its own, which is gone with the client.
    let http = client(&stage.sim);
    let mut response = http.get(&url).send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    let metrics = tokio::runtime::Handle::current().metrics();
    let during = metrics.num_alive_tasks();
    drop((response, http));
    for _ in 0..200 {
        if metrics.num_alive_tasks() + 2 <= during {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{} tasks, {during} before the client left", metrics.num_alive_tasks());
}

#[tokio::test]
async fn the_bucket_speaks_http_1_and_the_others_http_2() {
    let (stage, _, login, url) = pushed().await;
    let http = client_offering(&stage.sim, &BOTH);
    assert_eq!(http.get(&url).send().await.unwrap().version(), Version::HTTP_11);
    let registry = http.get(format!("{REGISTRY}/v2/")).header("authorization", &login);
    assert_eq!(registry.send().await.unwrap().version(), Version::HTTP_2);
    let insists = client_offering(&stage.sim, &["h2"]);
    assert!(insists.get(&url).send().await.is_err());
}

#[tokio::test]
async fn an_end_in_order_is_no_reset() {
    let stage = Stage::furnished().await;
    stage.trouble(r#"{"id":"a","when":{"service":"sts"},"what":"unreachable"}"#);
    let get = stage.get(&format!("{STS}?Action=GetCallerIdentity"));
    let error = get.send().await.unwrap_err();
    assert_ne!(bottom(&error), Some(std::io::ErrorKind::ConnectionReset), "{error:?}");
}

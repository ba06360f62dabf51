use std::{io::ErrorKind, time::Duration};

use tokio::time::timeout;

use super::{bottom, pushed};
use crate::stage::Stage;

/// What comes of a body, and the error that ends it.
async fn partial(stage: &Stage, url: &str) -> (Vec<u8>, Option<reqwest::Error>) {
    let mut response = stage.get(url).send().await.unwrap();
    let mut read = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error)),
        }
    }
}

#[tokio::test]
async fn a_reset_is_an_error_of_tcp_just_there() {
    let (stage, image, _, url) = pushed().await;
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"times":1,"what":{"reset":{"at":300000}}}"#);
    let (read, error) = partial(&stage, &url).await;
    assert_eq!(bottom(&error.unwrap()), Some(ErrorKind::ConnectionReset));
    assert_eq!(read, image.layer[..300_000]);
    assert_eq!(stage.sim.trail().pop().unwrap().fault.as_deref(), Some("a"));
    assert_eq!(stage.fetch(&url).await.ok().body, image.layer);
}

#[tokio::test]
async fn what_waits_for_its_time_goes_out_before_the_end() {
    let (stage, image, _, url) = pushed().await;
    stage.sim.set_network(r#"{"bytesPerSecond": 3500000}"#.parse().unwrap());
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"what":{"reset":{"at":350000}}}"#);
    let (read, error) = partial(&stage, &url).await;
    assert_eq!(bottom(&error.unwrap()), Some(ErrorKind::ConnectionReset));
    assert_eq!(read, image.layer[..350_000]);
}

#[tokio::test]
async fn a_truncated_download_is_short_and_goes_on_from_there() {
    let (stage, image, _, url) = pushed().await;
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"what":{"truncate":{"at":300000}}}"#);
    let (read, error) = partial(&stage, &url).await;
    assert_ne!(bottom(&error.unwrap()), Some(ErrorKind::ConnectionReset));
    assert_eq!(read, image.layer[..300_000]);
    // The rule is still in force: what lies beyond the offset is none of its business, what lies across it is.
    let rest = stage.fetch_from(&url, 300_000).await;
    assert_eq!((rest.status, rest.body.as_ref()), (206, &image.layer[300_000..]));
    assert_eq!(stage.struck("a"), 1);
    let across = stage
        .get(&url)
        .header("range", "bytes=299990-300009")
        .send()
        .await
        .unwrap();
    assert!(across.bytes().await.is_err());
    assert_eq!(stage.struck("a"), 2);
}

#[tokio::test]
async fn a_url_expires_within_the_transfer_and_a_fresh_one_goes_on() {
    let (stage, image, login, url) = pushed().await;
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"times":1,"what":{"expire":{"at":400000}}}"#);
    let (read, error) = partial(&stage, &url).await;
    assert!(error.is_some());
    assert_eq!(read, image.layer[..400_000]);
    for _ in 0..2 {
        let answer = stage.fetch_from(&url, 400_000).await;
        assert_eq!((answer.status, answer.element("Code").as_str()), (403, "AccessDenied"));
        assert_eq!(answer.element("Message"), "Request has expired");
        assert_eq!(answer.element("X-Amz-Expires"), "3600");
        assert_eq!(answer.element("Expires"), "2026-11-20T13:00:00Z");
        assert_eq!(answer.element("ServerTime"), "2026-11-20T13:00:00Z");
    }
    // Within the same second, too, the next URL is another.
    let fresh = stage
        .layer_url(&login, "team/app", &oci::Digest::of(&image.layer))
        .await;
    assert_ne!(fresh, url);
    let rest = stage.fetch_from(&fresh, 400_000).await.ok();
    assert_eq!([&read, rest.body.as_ref()].concat(), image.layer);
}

#[tokio::test]
async fn flipped_bytes_differ_and_no_others() {
    let (stage, image, login, url) = pushed().await;
    let digest = oci::Digest::of(&image.layer);
    stage.trouble(&format!(
        r#"{{"id":"a","when":{{"digest":"{digest}"}},"what":{{"flip":{{"at":[0,262144,699999]}}}}}}"#
    ));
    let differ = |body: &[u8], first: usize| {
        let pairs = body.iter().zip(&image.layer[first..]).enumerate();
        let places = pairs.filter(|(_, (found, right))| found != right);
        places.map(|(place, _)| place + first).collect::<Vec<_>>()
    };
    let whole = stage.fetch(&url).await.ok().body;
    assert_eq!((whole.len(), differ(&whole, 0)), (700_000, vec![0, 262_144, 699_999]));
    let part = stage.fetch_from(&url, 262_144).await.ok().body;
    assert_eq!(differ(&part, 262_144), [262_144, 699_999]);
    let config = stage
        .layer_url(&login, "team/app", &oci::Digest::of(&image.config))
        .await;
    assert_eq!(stage.fetch(&config).await.ok().body, image.config);
}

#[tokio::test]
async fn manifests_are_bodies_too() {
    let (stage, image, login, _) = pushed().await;
    let digest = &image.digest;
    stage.trouble(&format!(
        r#"{{"id":"flip","when":{{"service":"registry","digest":"{digest}"}},"times":1,"what":{{"flip":{{"at":3}}}}}}"#
    ));
    // A HEAD has no byte that could be flipped, and does not spend the rule.
    let head = stage
        .http
        .head(format!("{}/v2/team/app/manifests/1", crate::stage::REGISTRY));
    stage
        .send(head.header("authorization", &login).build().unwrap())
        .await
        .ok();
    let answer = stage.pull(&login, "/v2/team/app/manifests/1").await.ok();
    assert_ne!(answer.text(), image.manifest);
    assert_eq!(oci::Digest::of(image.manifest.as_bytes()), image.digest);
    stage.trouble(r#"{"id":"cut","when":{"action":"ecr:BatchGetImage"},"times":1,"what":{"truncate":{"at":10}}}"#);
    let request = stage.get(&format!("{}/v2/team/app/manifests/1", crate::stage::REGISTRY));
    let response = request.header("authorization", &login).send().await;
    let body = async { response?.bytes().await };
    assert!(body.await.is_err());
    let answer = stage.pull(&login, "/v2/team/app/manifests/1").await.ok();
    assert_eq!(answer.text(), image.manifest);
}

#[tokio::test]
async fn a_body_that_stands_still_goes_on_where_a_time_is_given() {
    let (stage, image, _, url) = pushed().await;
    stage.trouble(
        r#"{"id":"a","when":{"service":"layerBucket"},"times":1,"what":{"stall":{"at":100000,"millis":150}}}"#,
    );
    let started = std::time::Instant::now();
    assert_eq!(stage.fetch(&url).await.ok().body, image.layer);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_body_that_stands_still_for_ever_ends_with_the_simulator() {
    let (stage, image, _, url) = pushed().await;
    stage.trouble(r#"{"id":"a","when":{"service":"layerBucket"},"what":{"stall":{"at":100000}}}"#);
    let mut response = stage.get(&url).send().await.unwrap();
    let mut read = Vec::new();
    while read.len() < 100_000 {
        read.extend_from_slice(&response.chunk().await.unwrap().unwrap());
    }
    assert_eq!(read, image.layer[..100_000]);
    assert!(timeout(Duration::from_millis(100), response.chunk()).await.is_err());
    timeout(Duration::from_secs(3), stage.sim.shutdown()).await.unwrap();
    assert!(response.chunk().await.is_err());
}

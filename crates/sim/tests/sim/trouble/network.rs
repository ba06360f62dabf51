use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

use sim::{Network, Service};

use super::pushed;
use crate::{
    images::Image,
    stage::{ACCOUNT, Stage},
};

async fn time<T>(what: impl Future<Output = T>) -> Duration {
    let started = Instant::now();
    what.await;
    started.elapsed()
}

#[tokio::test]
async fn the_bucket_is_as_slow_as_its_network() {
    let (stage, image, _, url) = pushed().await;
    let slow = Network::to(Service::LayerBucket).bandwidth(NonZeroU64::new(3_500_000).unwrap());
    stage.sim.set_network(slow);
    // 700,000 bytes are 200 ms, of which the last 8 may be ahead of their time.
    let took = time(async { assert_eq!(stage.fetch(&url).await.ok().body, image.layer) }).await;
    assert!((180..2000).contains(&took.as_millis()), "{took:?}");
    // Two connections have the rate each.
    let both = time(async { tokio::join!(stage.fetch(&url), stage.fetch(&url)) }).await;
    assert!((180..2000).contains(&both.as_millis()), "{both:?}");
    assert!(stage.sim.trail().iter().all(|call| call.fault.is_none()));

    stage.sim.trouble().clear_networks();
    let free = time(stage.fetch(&url)).await;
    assert!(free < took, "{free:?}");
}

#[tokio::test]
async fn a_network_delays_the_first_byte_and_not_every_chunk() {
    let network = r#"{"latencyMillis": 120}"#.parse::<Network>().unwrap();
    let stage = Stage::with(|builder| {
        let bucket = Network::to(Service::LayerBucket).latency(Duration::from_millis(150));
        builder.network(network).network(bucket)
    })
    .await;
    stage.create_repository(ACCOUNT, "team/app").await;
    let login = stage.root_login(ACCOUNT).await;
    let layer = Image::new(1).layer;
    stage.upload(&login, "team/app", &layer).await;
    let digest = oci::Digest::of(&layer);
    let took = time(stage.pull(&login, "/v2/")).await;
    assert!(took >= Duration::from_millis(120), "{took:?}");
    let url = stage.layer_url(&login, "team/app", &digest).await;
    let started = Instant::now();
    let response = stage.get(&url).send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(150));
    let started = Instant::now();
    assert_eq!(response.bytes().await.unwrap(), layer);
    assert!(
        started.elapsed() < Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
}

//! A large layer, of which what has arrived is not fetched again.

use serde_json::json;

use crate::client::Cargo;

const LAYER: usize = 20 * 1024 * 1024;

/// How often the bucket was asked for the large layer.
fn asked(cargo: &Cargo) -> usize {
    let digest = oci::Digest::of(&cargo.image.layers[0]).to_string();
    let calls = cargo.harbour.sim.trail();
    let is_asked = |call: &&sim::Call| {
        call.action == "s3:GetObject"
            && call
                .resource
                .as_deref()
                .is_some_and(|it| it.contains(digest.trim_start_matches("sha256:")))
    };
    calls.iter().filter(is_asked).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_expires_in_the_middle_is_replaced() {
    let cargo = Cargo::of(&[LAYER]).await;
    cargo.strike(
        json!({ "service": "layerBucket" }),
        Some(1),
        json!({ "expire": { "at": 3 * 1024 * 1024 } }),
    );
    assert_eq!(cargo.pull().await, Ok(()));
    assert_eq!(cargo.strikes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_at_every_mebibyte_are_weathered() {
    let cargo = Cargo::of(&[LAYER]).await;
    for mebibyte in 1..20 {
        let at = mebibyte * 1024 * 1024 + 17;
        cargo.harbour.break_with(json!({
            "id": format!("fire-{mebibyte}"),
            "when": { "service": "layerBucket" },
            // One after the other: the rules before have ended the calls before.
            "skip": mebibyte - 1,
            "times": 1,
            "what": { "reset": { "at": at } },
        }));
    }
    assert_eq!(cargo.pull().await, Ok(()));
    assert!(cargo.strikes() >= 5, "{}", cargo.strikes());
    assert!(asked(&cargo) <= 60, "{} questions", asked(&cargo));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_is_flipped_once_costs_one_pull_and_nothing_more() {
    let cargo = Cargo::of(&[LAYER]).await;
    cargo.strike(
        json!({ "service": "layerBucket" }),
        None,
        json!({ "flip": { "at": [LAYER / 2] } }),
    );
    let complaint = cargo.pull().await.expect_err("wrong bytes went through");
    cargo.cease();
    assert_eq!(cargo.pull().await, Ok(()), "after {complaint}");
    let before = asked(&cargo);
    assert_eq!(cargo.pull().await, Ok(()));
    assert_eq!(asked(&cargo), before, "it is in the cache now");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_under_fire_get_the_layer_by_one_download() {
    let cargo = Cargo::of(&[LAYER]).await;
    cargo.strike(
        json!({ "service": "layerBucket" }),
        Some(2),
        json!({ "reset": { "at": 7_000_000 } }),
    );
    let pulls = (0..50).map(|_| cargo.pull());
    for outcome in futures_util::future::join_all(pulls).await {
        assert_eq!(outcome, Ok(()));
    }
}

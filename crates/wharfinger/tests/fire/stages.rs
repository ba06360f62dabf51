//! Each stage of a cold pull, and each thing that can go wrong there once or for good.

use serde_json::{Value, json};

use crate::client::Cargo;

/// What goes wrong once is not noticed by the client.
async fn is_weathered(when: Value, what: Value) {
    let cargo = Cargo::of(&[200_000]).await;
    cargo.strike(when.clone(), Some(1), what.clone());
    let outcome = cargo.pull().await;
    assert_eq!(cargo.strikes(), 1, "{when} {what}: the rule has to strike");
    assert_eq!(outcome, Ok(()), "{when} {what}");
}

/// What goes wrong every time is told, and is over when it is over.
async fn is_told(when: Value, what: Value) {
    let cargo = Cargo::of(&[200_000]).await;
    cargo.strike(when.clone(), None, what.clone());
    let complaint = cargo.pull().await.expect_err("it went well");
    assert!(cargo.strikes() > 0, "{when} {what}");
    cargo.cease();
    assert_eq!(cargo.pull().await, Ok(()), "{when} {what}: after {complaint}");
}

macro_rules! stages {
    ($($stage:ident: $when:tt;)*) => { $(
        mod $stage {
            use super::*;

            fn when() -> Value { json!($when) }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_error_of_the_server_is_weathered() {
                is_weathered(when(), json!({ "error": { "status": 503 } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_lost_connection_is_weathered() {
                is_weathered(when(), json!("unreachable")).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_slow_first_byte_is_waited_for() {
                is_weathered(when(), json!({ "latency": { "millis": 1500 } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_throttle_is_weathered() {
                is_weathered(when(), json!({ "error": { "status": 429 } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn errors_without_end_are_told() {
                is_told(when(), json!({ "error": { "status": 500 } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn throttling_without_end_is_told() {
                is_told(when(), json!({ "error": { "status": 429 } })).await;
            }
        }
    )* };
}

stages! {
    session: { "action": "sts:AssumeRoleWithWebIdentity" };
    login: { "action": "ecr:GetAuthorizationToken" };
    manifest: { "service": "registry", "action": "ecr:BatchGetImage" };
    redirect: { "service": "registry", "action": "ecr:GetDownloadUrlForLayer" };
    layer: { "service": "layerBucket" };
}

/// Stages whose answers have a body that matters.
macro_rules! bodies {
    ($($stage:ident: $when:tt, $at:expr;)*) => { $(
        mod $stage {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn a_reset_in_the_middle_is_weathered() {
                is_weathered(json!($when), json!({ "reset": { "at": $at } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_truncated_body_is_weathered() {
                is_weathered(json!($when), json!({ "truncate": { "at": $at } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_pause_in_the_middle_is_waited_for() {
                is_weathered(json!($when), json!({ "stall": { "at": $at, "millis": 1500 } })).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn flipped_bytes_never_count_as_success() {
                let cargo = Cargo::of(&[200_000]).await;
                cargo.strike(json!($when), None, json!({ "flip": { "at": [$at] } }));
                let complaint = cargo.pull().await.expect_err("wrong bytes went through");
                cargo.cease();
                assert_eq!(cargo.pull().await, Ok(()), "after {complaint}");
            }
        }
    )* };
}

bodies! {
    manifest_body: { "service": "registry", "action": "ecr:BatchGetImage" }, 100;
    layer_body: { "service": "layerBucket" }, 150_000;
}

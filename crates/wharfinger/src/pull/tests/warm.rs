//! Pulls that keep nothing: what was asked for came whole, and whatever did not is told.

use std::sync::Arc;

use super::{platforms::many, registry::Answer, *};
use crate::pull::{Selection, Silent, Warmed, Warming, download::BlobError};

async fn warm(scene: &Scene, reference: &str, platforms: &[&str]) -> Result<Warmed, PullError> {
    let outgoing = net::Outgoing {
        resolve: net::Resolve::default(),
        roots: net::Roots::system(),
    };
    let warming = Warming::new(
        format!("r.test/team/app{reference}").parse().unwrap(),
        Some(&scene.registry.url().parse().unwrap()),
        None,
        outgoing.client().unwrap(),
        Arc::new(Silent),
    );
    let platforms: Vec<Selection> = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
    warming.unwrap().run(&platforms).await
}

/// How often this content was asked for.
fn count(asked: &[registry::Asked], content: &[u8]) -> usize {
    let digest = Digest::of(content).to_string();
    asked.iter().filter(|asked| asked.path.ends_with(&digest)).count()
}

#[tokio::test]
async fn everything_is_asked_for_once_and_counted() {
    let (scene, arm, index) = many().await;
    let warmed = warm(&scene, ":many", &["all"]).await.unwrap();
    // Two layers that all platforms share, and a configuration of each.
    assert_eq!((warmed.manifests, warmed.blobs), (4, 5));
    assert_eq!(warmed.digest, Digest::of(&index));
    let asked = scene.registry.asked();
    for content in scene.image.contents().iter().chain(&arm.contents()[..2]) {
        assert_eq!(count(&asked, content), 1);
    }
    let of = |image: &TestImage| image.manifest.len() + image.config.len();
    let bytes = index.len() + of(&scene.image) + of(&arm) + of(&TestImage::new("unknown")) + 90_000;
    assert_eq!(warmed.bytes, bytes as u64);
}

#[tokio::test]
async fn of_an_index_only_the_platforms_that_are_wanted_are_asked_for() {
    let (scene, arm, index) = many().await;
    let warmed = warm(&scene, ":many", &["linux/arm64", "linux/arm64/v8"]).await.unwrap();
    assert_eq!(
        (warmed.digest, warmed.manifests, warmed.blobs),
        (Digest::of(&index), 2, 3)
    );
    let asked = scene.registry.asked();
    assert_eq!((count(&asked, &arm.config), count(&asked, &scene.image.config)), (1, 0));
    let error = warm(&scene, ":many", &["linux/arm64", "linux/s390x"])
        .await
        .unwrap_err();
    assert!(matches!(error, PullError::Platform(_)), "{error}");
}

#[tokio::test]
async fn an_image_that_is_no_index_is_taken_whatever_its_platform() {
    let scene = Scene::new().await;
    let warmed = warm(&scene, ":1", &["linux/arm64"]).await.unwrap();
    assert_eq!((warmed.manifests, warmed.blobs), (1, 3));
}

#[tokio::test]
async fn a_blob_without_bytes_is_asked_for_too() {
    let scene = Scene::new().await;
    let (config, empty) = (b"{}".as_slice(), b"".as_slice());
    let descriptor = |content: &[u8]| descriptor("application/x", content);
    let manifest = json!({
        "schemaVersion": 2, "config": descriptor(config), "layers": [descriptor(empty)],
    });
    scene.registry.hold(None, "application/x", config);
    scene
        .registry
        .hold(Some("bare"), MediaType::OCI_MANIFEST, manifest.to_string().as_bytes());
    let error = warm(&scene, ":bare", &["all"]).await.unwrap_err();
    assert!(error.to_string().contains("404"), "it is not there: {error}");
    scene.registry.hold(None, "application/x", empty);
    let warmed = warm(&scene, ":bare", &["all"]).await.unwrap();
    assert_eq!(warmed.blobs, 2);
    assert_eq!(count(&scene.registry.asked(), empty), 2);
}

#[tokio::test]
async fn a_layer_that_registries_need_not_have_is_left_out_where_this_one_has_it_not() {
    let scene = Scene::new().await;
    let config = &scene.image.config;
    let layer = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"windows");
    let manifest = json!({
        "schemaVersion": 2, "config": descriptor(MediaType::OCI_CONFIG, config), "layers": [layer],
    });
    let manifest = manifest.to_string();
    let name = Some("windows");
    scene
        .registry
        .hold(name, MediaType::DOCKER_MANIFEST, manifest.as_bytes());
    let warmed = warm(&scene, ":windows", &["all"]).await.unwrap();
    assert_eq!(
        (warmed.blobs, warmed.bytes),
        (1, (manifest.len() + config.len()) as u64)
    );
    let error = scene.pull(":windows").run().await.unwrap_err();
    assert!(
        matches!(error, PullError::Blob(BlobError::NotDistributed { .. })),
        "{error}"
    );
    assert!(error.fix().unwrap().contains("as podman and docker do"));

    scene.registry.hold(None, "application/x", b"windows");
    assert_eq!(warm(&scene, ":windows", &["all"]).await.unwrap().blobs, 2);
    scene.pull(":windows").run().await.unwrap();
}

#[tokio::test]
async fn a_blob_that_breaks_off_is_gone_on_with_and_verified() {
    let scene = Scene::new().await;
    let digest = Digest::of(&scene.image.layers[1]).to_string();
    let mut cuts = 2;
    scene.registry.mischief(move |asked, answer| {
        if asked.path.ends_with(&digest) && cuts > 0 {
            answer.cut = Some(10_000);
            cuts -= 1;
        }
    });
    warm(&scene, ":1", &["all"]).await.unwrap();
    let asked = scene.registry.asked();
    let ranges = asked.iter().filter_map(|asked| asked.header("range"));
    assert_eq!(ranges.collect::<Vec<_>>(), ["bytes=10000-", "bytes=20000-"]);
}

#[tokio::test]
async fn wrong_bytes_are_found_out_though_nobody_keeps_them() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() && answer.body.len() == 50_000 {
            let mut bytes = answer.body.to_vec();
            bytes[40_000] ^= 1;
            answer.body = bytes.into();
        }
    });
    let error = warm(&scene, ":1", &["all"]).await.unwrap_err();
    assert!(matches!(error, PullError::Blob(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains(&Digest::of(&scene.image.layers[1]).to_string())
    );
}

#[tokio::test]
async fn a_layer_that_somebody_else_sends_is_not_called_warm() {
    let scene = Scene::new().await;
    let storage = TestRegistry::start().await;
    scene.image.push(&storage, None);
    let url = storage.url();
    scene.registry.mischief(move |asked, answer| {
        if asked.is_blob() {
            *answer = Answer::redirect(307, &format!("{url}{}?X-Amz-Signature=hunter2", asked.path));
        }
    });
    let error = warm(&scene, ":1", &["all"]).await.unwrap_err();
    let (text, host) = (error.to_string(), storage.address.to_string());
    assert!(text.contains(&host) && text.contains("does not keep it"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(error.fix().unwrap().contains("delivery: stream"));
}

use super::*;
use crate::pull::Selection;

/// A scene with an index of two platforms and an attestation under the tag `many`.
pub(super) async fn many() -> (Scene, TestImage, Vec<u8>) {
    let scene = Scene::new().await;
    let arm = TestImage::new("arm64");
    arm.push(&scene.registry, None);
    let entry = |image: &TestImage, os: &str, architecture: &str| {
        let mut entry = json!(descriptor(MediaType::OCI_MANIFEST, &image.manifest));
        entry["platform"] = json!({ "os": os, "architecture": architecture });
        entry
    };
    let attestation = TestImage::new("unknown");
    attestation.push(&scene.registry, None);
    let index = json!({ "mediaType": MediaType::OCI_INDEX, "manifests": [
        entry(&scene.image, "linux", "amd64"),
        entry(&arm, "linux", "arm64"),
        entry(&attestation, "unknown", "unknown"),
    ] });
    let index = index.to_string().into_bytes();
    scene.registry.hold(Some("many"), MediaType::OCI_INDEX, &index);
    (scene, arm, index)
}

#[tokio::test]
async fn the_image_for_the_platform_is_taken_out_of_the_index() {
    let (scene, arm, index) = many().await;
    for (platform, image) in [("linux/amd64", &scene.image), ("linux/arm64/v8", &arm)] {
        let mut pull = scene.pull(":many");
        pull.platform = platform.parse().unwrap();
        let pulled = pull.run().await.unwrap();
        assert_eq!(pulled.digest, Digest::of(&image.manifest));
        assert_eq!(pulled.index, Some(Digest::of(&index)));
        assert_eq!(names(&scene.layout()).last().unwrap().1, pulled.digest.to_string());
        assert!(scene.blob(&image.config).exists());
    }
}

#[tokio::test]
async fn a_platform_that_is_not_there_gives_the_list() {
    let (scene, ..) = many().await;
    let mut pull = scene.pull(":many");
    pull.platform = "linux/s390x".parse().unwrap();
    let error = pull.run().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no image for linux/s390x; there is: linux/amd64, linux/arm64"
    );
    assert!(error.fix().unwrap().contains("--platform"));
    assert!(!scene.layout().exists());
}

#[tokio::test]
async fn all_platforms_keep_the_index() {
    let (scene, arm, index) = many().await;
    let mut pull = scene.pull(":many");
    pull.platform = Selection::All;
    let pulled = pull.run().await.unwrap();
    assert_eq!((pulled.digest, pulled.index), (Digest::of(&index), None));
    for content in [
        &index,
        &scene.image.manifest,
        &arm.manifest,
        &arm.config,
        &scene.image.layers[0],
    ] {
        assert_eq!(&fs::read(scene.blob(content)).unwrap(), content);
    }
    assert_eq!(names(&scene.layout()).len(), 1);
    assert_eq!(pulled.layers.len(), 2, "the images share their layers");
}

#[tokio::test]
async fn an_archive_of_all_platforms_is_refused_at_once() {
    let (scene, ..) = many().await;
    let mut pull = scene.pull(":many");
    pull.platform = Selection::All;
    pull.output = Output::DockerArchive(scene.folder.path().join("x.tar"));
    let error = pull.run().await.unwrap_err();
    assert!(
        error.is_bad_input() && error.to_string().contains("--platform all"),
        "{error}"
    );
    assert!(scene.registry.asked().is_empty());
}

#[tokio::test]
async fn a_single_image_for_another_platform_is_refused_where_one_was_asked_for() {
    let scene = Scene::new().await;
    let mut pull = scene.pull(":1");
    pull.platform = "linux/arm64".parse().unwrap();
    let error = pull.run().await.unwrap_err().to_string();
    assert_eq!(error, "there is no image for linux/arm64; there is: linux/amd64");
    scene.assert_nothing_looks_whole();
    let layer = Digest::of(&scene.image.layers[0]).to_string();
    assert!(!scene.registry.asked().iter().any(|asked| asked.path.ends_with(&layer)));
    let mut pull = scene.pull(":1");
    pull.platform = "linux/amd64".parse().unwrap();
    pull.run().await.unwrap();
    scene.assert_whole();
}

#[tokio::test]
async fn indexes_in_indexes_are_followed_so_far_and_no_further() {
    let scene = Scene::new().await;
    let mut inner = scene.image.manifest.clone();
    let mut inner_type = MediaType::OCI_MANIFEST;
    for depth in 1..=6 {
        let mut entry = json!(descriptor(inner_type, &inner));
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        inner = json!({ "depth": depth, "manifests": [entry] }).to_string().into_bytes();
        inner_type = MediaType::OCI_INDEX;
        scene
            .registry
            .hold(Some(&format!("depth-{depth}")), MediaType::OCI_INDEX, &inner);
    }
    for (depth, is_followed) in [(1, true), (4, true), (5, false), (6, false)] {
        let mut pull = scene.pull(&format!(":depth-{depth}"));
        pull.platform = "linux/amd64".parse().unwrap();
        let pulled = pull.run().await;
        assert_eq!(pulled.is_ok(), is_followed, "{depth}");
    }
}

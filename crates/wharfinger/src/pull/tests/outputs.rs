use std::{collections::HashMap, fs, io::Read};

use super::*;

#[tokio::test]
async fn a_layout_holds_the_image_byte_for_byte() {
    let scene = Scene::new().await;
    let pulled = scene.run().await.unwrap();
    scene.assert_whole();
    let digest = Digest::of(&scene.image.manifest);
    assert_eq!(pulled.digest, digest);
    assert_eq!(pulled.media_type.as_str(), MediaType::OCI_MANIFEST);
    assert_eq!(pulled.size, scene.image.manifest.len() as u64);
    let layers: Vec<_> = pulled.layers.iter().map(|layer| (layer.size, layer.reused)).collect();
    assert_eq!(layers, [(40_000, false), (50_000, false)]);
    assert_eq!(
        names(&scene.layout()),
        [("r.test/team/app:1".to_owned(), digest.to_string())]
    );
    let marker = fs::read_to_string(scene.layout().join("oci-layout")).unwrap();
    assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[tokio::test]
async fn the_path_form_asks_for_the_host_in_the_name() {
    let scene = Scene::new().await;
    scene.run().await.unwrap();
    let asked = scene.registry.asked();
    assert_eq!(asked[0].path, "/v2/r.test/team/app/manifests/1");
    assert_eq!(asked[0].header("accept"), Some(MediaType::ANY_MANIFEST));
    assert_eq!(asked.len(), 4, "one manifest, one configuration, two layers");
}

#[tokio::test]
async fn a_second_pull_asks_for_no_blob() {
    let scene = Scene::new().await;
    scene.run().await.unwrap();
    scene.registry.asked();
    let pulled = scene.run().await.unwrap();
    assert!(pulled.layers.iter().all(|layer| layer.reused));
    assert!(!scene.registry.asked().iter().any(|asked| asked.is_blob()));
    scene.assert_whole();
}

#[tokio::test]
async fn a_layout_takes_several_images_and_keeps_their_names() {
    let scene = Scene::new().await;
    let other = TestImage::new("arm64");
    other.push(&scene.registry, Some("2"));
    let digest = Digest::of(&other.manifest).to_string();
    scene.run().await.unwrap();
    scene.pull(":2").run().await.unwrap();
    scene.pull(&format!("@{digest}")).run().await.unwrap();
    scene.run().await.unwrap();
    let names: Vec<_> = names(&scene.layout()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "r.test/team/app:2",
            &format!("r.test/team/app@{digest}"),
            "r.test/team/app:1"
        ]
    );
    scene.assert_whole();
}

#[tokio::test]
async fn an_archive_is_what_docker_reads_and_leaves_nothing_beside() {
    let scene = Scene::new().await;
    let file = scene.folder.path().join("app.tar");
    fs::write(&file, "an older archive").unwrap();
    let mut pull = scene.pull(":1");
    pull.output = Output::DockerArchive(file.clone());
    pull.run().await.unwrap();

    let mut entries = HashMap::new();
    for entry in tar::Archive::new(fs::File::open(&file).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        entries.insert(entry.path().unwrap().display().to_string(), content);
    }
    let path = |content: &[u8]| format!("blobs/sha256/{}", Digest::of(content).hex());
    for content in scene.image.contents() {
        assert_eq!(entries[&path(content)], content);
    }
    let manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let layers = scene.image.layers.each_ref().map(|layer| path(layer));
    let expected =
        json!([{ "Config": path(&scene.image.config), "RepoTags": ["r.test/team/app:1"], "Layers": layers }]);
    assert_eq!(manifest, expected);
    assert!(entries.contains_key("oci-layout") && entries.contains_key("index.json"));
    let left: Vec<_> = fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [file]);
}

#[tokio::test]
async fn an_archive_that_broke_off_is_resumed() {
    let scene = Scene::new().await;
    let file = scene.folder.path().join("app.tar");
    let pull = || {
        let mut pull = scene.pull(":1");
        pull.output = Output::DockerArchive(file.clone());
        pull
    };
    let broken = Digest::of(&scene.image.layers[1]).to_string();
    scene.registry.mischief(move |asked, answer| {
        if asked.path.ends_with(&broken) {
            *answer = registry::Answer::error(404, "BLOB_UNKNOWN", "not here");
        }
    });
    pull().run().await.unwrap_err();
    assert!(!file.exists());
    scene.registry.behave();
    pull().run().await.unwrap();
    assert!(file.is_file() && !scene.folder.path().join("app.tar.part").exists());
}

#[tokio::test]
async fn an_output_that_cannot_be_used_is_told_before_anything_is_asked_for() {
    let scene = Scene::new().await;
    fs::write(scene.folder.path().join("thesis.txt"), "x").unwrap();
    let inside = scene.folder.path().join("thesis.txt/app");
    for output in [
        Output::Layout(scene.folder.path().to_owned()),
        Output::Layout(inside),
        Output::DockerArchive(scene.folder.path().to_owned()),
    ] {
        let mut pull = scene.pull(":1");
        pull.output = output.clone();
        let error = pull.run().await.unwrap_err();
        assert!(error.is_bad_input(), "{output}: {error}");
    }
    assert!(scene.registry.asked().is_empty());
    assert_eq!(fs::read_dir(scene.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_artifact_goes_into_a_layout_only() {
    let scene = Scene::new().await;
    let manifest = json!({
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", &scene.image.config),
        "layers": [],
    });
    let manifest = manifest.to_string().into_bytes();
    scene.registry.hold(Some("chart"), MediaType::OCI_MANIFEST, &manifest);
    let mut pull = scene.pull(":chart");
    pull.output = Output::DockerArchive(scene.folder.path().join("chart.tar"));
    let error = pull.run().await.unwrap_err().to_string();
    assert!(error.contains("application/vnd.cncf.helm.config.v1+json"), "{error}");
    scene.pull(":chart").run().await.unwrap();
}

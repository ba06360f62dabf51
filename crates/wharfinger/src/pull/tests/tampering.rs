use std::fs;

use super::{
    registry::{Answer, Asked},
    *,
};

/// Each lie of a registry, and what the error says of it.
#[tokio::test]
async fn a_registry_that_lies_is_found_out() {
    type Lie = fn(&Asked, &mut Answer);
    let wrong = Digest::of(b"wrong").to_string();
    let cases: [(&str, Lie, &str); 9] = [
        (
            "other manifest",
            |asked, answer| {
                if !asked.is_blob() {
                    answer.body = r#"{"config":1}"#.into()
                }
            },
            "digest",
        ),
        (
            "other digest in the header",
            |asked, answer| {
                if !asked.is_blob() {
                    answer.set("docker-content-digest", &Digest::of(b"wrong").to_string())
                }
            },
            &wrong,
        ),
        (
            "no digest in the header",
            |asked, answer| {
                if !asked.is_blob() {
                    answer.set("docker-content-digest", "x")
                }
            },
            "expected x",
        ),
        (
            "other type",
            |asked, answer| {
                if !asked.is_blob() {
                    answer.set("content-type", MediaType::DOCKER_MANIFEST)
                }
            },
            "says of itself",
        ),
        (
            "endless manifest",
            |asked, answer| {
                if !asked.is_blob() {
                    answer.body = vec![b' '; 5 << 20].into();
                    answer.is_chunked = true
                }
            },
            "longer than 4194304 bytes",
        ),
        (
            "other blob",
            |asked, answer| {
                if asked.is_blob() {
                    answer.body = vec![1; answer.body.len()].into()
                }
            },
            "digest",
        ),
        (
            "shorter blob",
            |asked, answer| {
                if asked.is_blob() {
                    answer.body = answer.body.slice(1..)
                }
            },
            "announces",
        ),
        (
            "longer blob",
            |asked, answer| {
                if asked.is_blob() {
                    answer.body = vec![1; answer.body.len() + 1].into();
                    answer.is_chunked = true
                }
            },
            "more than",
        ),
        (
            "blob that ends early without saying so",
            |asked, answer| {
                if asked.is_blob() {
                    answer.body = answer.body.slice(..answer.body.len() / 2);
                    answer.is_chunked = true
                }
            },
            "early",
        ),
    ];
    for (name, lie, expected) in cases {
        let scene = Scene::new().await;
        scene.registry.mischief(lie);
        let error = scene.run().await.expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!error.is_bad_input(), "{name}");
        scene.assert_nothing_looks_whole();
        scene.registry.behave();
        scene
            .run()
            .await
            .unwrap_or_else(|error| panic!("{name}, afterwards: {error}"));
        scene.assert_whole();
    }
}

#[tokio::test]
async fn a_wrong_blob_leaves_nothing() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() {
            answer.body = vec![1; answer.body.len()].into();
        }
    });
    scene.run().await.unwrap_err();
    let digest = |content: &[u8]| scene.partial(content);
    let left = scene.image.contents().into_iter().filter(|content| {
        // Another blob's download may have been given up before its first byte; what it left is not wrong.
        fs::read(digest(content)).is_ok_and(|left| !left.is_empty() && !content.starts_with(&left))
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn another_manifest_than_the_digest_that_was_asked_for_is_refused() {
    let scene = Scene::new().await;
    let other = TestImage::new("arm64");
    let asked_for = Digest::of(&other.manifest);
    let manifest = scene.image.manifest.clone();
    scene.registry.mischief(move |asked, answer| {
        if !asked.is_blob() {
            *answer = Answer::new(200, manifest.clone());
            answer.set("content-type", MediaType::OCI_MANIFEST);
        }
    });
    let error = scene
        .pull(&format!("@{asked_for}"))
        .run()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(&asked_for.to_string()), "{error}");
    assert!(!scene.layout().exists());
}

#[tokio::test]
async fn what_an_index_says_of_a_manifest_must_hold() {
    let scene = Scene::new().await;
    for (name, change, expected) in [
        ("size", json!({ "size": 3 }), "the index says 3"),
        (
            "type",
            json!({ "mediaType": MediaType::DOCKER_MANIFEST }),
            "says of itself",
        ),
    ] {
        let mut entry = json!(descriptor(MediaType::OCI_MANIFEST, &scene.image.manifest));
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        for (key, value) in change.as_object().unwrap() {
            entry[key] = value.clone();
        }
        let index = json!({ "manifests": [entry] }).to_string().into_bytes();
        scene.registry.hold(Some(name), MediaType::OCI_INDEX, &index);
        let mut pull = scene.pull(&format!(":{name}"));
        pull.platform = "linux/amd64".parse().unwrap();
        let error = pull.run().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

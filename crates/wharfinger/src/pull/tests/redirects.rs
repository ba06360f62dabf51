use super::{registry::Answer, *};
use crate::pull::Credentials;

/// A scene whose registry sends blobs to `to` (a URL, to which the blob's path is added).
async fn redirecting(status: u16, to: String) -> Scene {
    let scene = Scene::new().await;
    scene.registry.mischief(move |asked, answer| {
        if asked.is_blob() {
            *answer = Answer::redirect(status, &format!("{to}{}?X-Amz-Signature=hunter2", asked.path));
        }
    });
    scene
}

async fn run(scene: &Scene) -> Result<Pulled, PullError> {
    let mut pull = scene.pull(":1");
    pull.credentials = Some(Credentials {
        username: "robot".to_owned(),
        password: "swordfish".into(),
        origin: "a test".to_owned(),
    });
    pull.run().await
}

#[tokio::test]
async fn another_host_gets_the_request_without_the_credentials() {
    for status in [301, 302, 303, 307, 308] {
        let storage = TestRegistry::start().await;
        let scene = redirecting(status, storage.url()).await;
        scene.image.push(&storage, None);
        run(&scene).await.unwrap();
        scene.assert_whole();
        let stored = storage.asked();
        assert_eq!(stored.len(), 3);
        for asked in stored {
            assert_eq!(asked.header("authorization"), None);
            assert_eq!(asked.query, "X-Amz-Signature=hunter2");
        }
        assert!(
            scene
                .registry
                .asked()
                .iter()
                .all(|asked| asked.header("authorization").is_some())
        );
    }
}

#[tokio::test]
async fn a_storage_host_that_breaks_off_is_gone_on_with_by_a_fresh_redirect() {
    let storage = TestRegistry::start().await;
    let scene = redirecting(307, storage.url()).await;
    scene.image.push(&storage, None);
    let layer = &scene.image.layers[0];
    let digest = Digest::of(layer).to_string();
    let path = digest.clone();
    let mut is_first = true;
    storage.mischief(move |asked, answer| {
        if asked.path.ends_with(&path) && std::mem::take(&mut is_first) {
            answer.cut = Some(10_000);
        }
    });
    run(&scene).await.unwrap();
    scene.assert_whole();
    let of_layer = |registry: &TestRegistry| {
        let asked = registry
            .asked()
            .into_iter()
            .filter(|asked| asked.path.ends_with(&digest));
        asked
            .map(|asked| asked.header("range").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let expected = [None, Some("bytes=10000-".to_owned())];
    assert_eq!(of_layer(&scene.registry), expected);
    assert_eq!(of_layer(&storage), expected);
}

#[tokio::test]
async fn a_redirect_within_the_registry_keeps_the_credentials() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() && asked.query.is_empty() {
            *answer = Answer::redirect(307, &format!("{}?again=1", asked.path));
        }
    });
    run(&scene).await.unwrap();
    assert!(
        scene
            .registry
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_some())
    );
}

#[tokio::test]
async fn credentials_do_not_come_back_after_a_detour() {
    let detour = TestRegistry::start().await;
    let scene = redirecting(307, detour.url()).await;
    let home = scene.registry.url();
    detour.mischief(move |asked, answer| *answer = Answer::redirect(307, &format!("{home}{}?back=1", asked.path)));
    let to = detour.url();
    scene.registry.mischief(move |asked, answer| {
        if asked.is_blob() && asked.query.is_empty() {
            *answer = Answer::redirect(307, &format!("{to}{}", asked.path));
        }
    });
    run(&scene).await.unwrap();
    let back: Vec<_> = scene
        .registry
        .asked()
        .into_iter()
        .filter(|asked| asked.query == "back=1")
        .collect();
    assert_eq!(back.len(), 3);
    assert!(back.iter().all(|asked| asked.header("authorization").is_none()));
}

#[tokio::test]
async fn a_storage_host_that_asks_for_credentials_gets_none() {
    let storage = TestRegistry::start().await;
    let realm = format!("Bearer realm=\"{}/token\"", storage.url());
    storage.mischief(move |_, answer| {
        *answer = Answer::error(401, "UNAUTHORIZED", "your password, please");
        answer.set("www-authenticate", &realm);
    });
    let scene = redirecting(307, storage.url()).await;
    let error = run(&scene).await.unwrap_err();
    assert!(error.to_string().contains(&storage.url()), "{error}");
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "the query is not shown: {error:?}"
    );
    let stored = storage.asked();
    assert!(
        !stored.is_empty()
            && stored
                .iter()
                .all(|asked| asked.is_blob() && asked.header("authorization").is_none())
    );
}

#[tokio::test]
async fn redirects_end() {
    for (to, expected) in [
        ("", "for the sixth time"),
        ("http://192.0.2.1", "not https"),
        ("http://u:p@127.0.0.1:1", "credentials in it"),
        ("file://", "not https"),
    ] {
        let scene = redirecting(307, to.to_owned()).await;
        let error = run(&scene).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[tokio::test]
async fn five_redirects_are_followed() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() && asked.query.len() < 5 {
            *answer = Answer::redirect(307, &format!("{}?{}x", asked.path, asked.query));
        }
    });
    run(&scene).await.unwrap();
    scene.assert_whole();
}

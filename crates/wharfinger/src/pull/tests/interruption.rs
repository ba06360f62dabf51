use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::pull::Event;

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_nothing_that_looks_whole() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() && answer.body.len() > 1_000 {
            answer.cut = Some(20_000);
            answer.hangs = true;
        }
    });
    let arrived = Arc::new(Notify::new());
    let mut pull = scene.pull(":1");
    let tell = arrived.clone();
    pull.progress = Arc::new(move |event: &Event<'_>| {
        if let Event::Received { received: 20_000, .. } = event {
            tell.notify_one();
        }
    });
    tokio::select! {
        result = pull.run() => panic!("the registry never sends the end: {result:?}"),
        () = arrived.notified() => {}
    }
    scene.assert_nothing_looks_whole();
    for layer in &scene.image.layers {
        assert!(!scene.blob(layer).exists());
    }
    scene.registry.behave();
    scene.run().await.unwrap();
    scene.assert_whole();
}

#[tokio::test]
async fn two_pulls_into_one_layout_do_not_mix() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if asked.is_blob() {
            answer.cut = Some(1);
            answer.hangs = true;
        }
    });
    let arrived = Arc::new(Notify::new());
    let mut first = scene.pull(":1");
    let tell = arrived.clone();
    first.progress = Arc::new(move |event: &Event<'_>| {
        if let Event::Started { .. } = event {
            tell.notify_one();
        }
    });
    let second = async {
        arrived.notified().await;
        scene.run().await
    };
    tokio::select! {
        result = first.run() => panic!("the registry never sends the end: {result:?}"),
        result = second => {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("another pull"), "{error}");
        }
    }
}

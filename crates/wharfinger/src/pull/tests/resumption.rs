use std::{
    fs,
    sync::{Arc, Mutex},
};

use super::{registry::Answer, *};
use crate::pull::Event;

/// The `Range` headers of the requests for a blob.
fn ranges(scene: &Scene, content: &[u8]) -> Vec<Option<String>> {
    let digest = Digest::of(content).to_string();
    let asked = scene
        .registry
        .asked()
        .into_iter()
        .filter(|asked| asked.path.ends_with(&digest));
    asked.map(|asked| asked.header("range").map(str::to_owned)).collect()
}

/// Changes the answers to requests for a blob; the closure also gets the number of the request.
fn meddle(scene: &Scene, content: &[u8], mut mischief: impl FnMut(usize, &mut Answer) + Send + 'static) {
    let digest = Digest::of(content).to_string();
    let mut count = 0;
    scene.registry.mischief(move |asked, answer| {
        if asked.path.ends_with(&digest) {
            mischief(count, answer);
            count += 1;
        }
    });
}

fn leave(scene: &Scene, content: &[u8], partial: &[u8]) {
    fs::create_dir_all(scene.layout().join(".wharfinger-partial")).unwrap();
    fs::write(scene.layout().join("oci-layout"), "{}").unwrap();
    fs::write(scene.partial(content), partial).unwrap();
}

#[tokio::test]
async fn a_blob_that_breaks_off_goes_on_where_it_broke() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[1];
    meddle(&scene, layer, |count, answer| {
        answer.cut = (count < 2).then_some(10_000)
    });
    scene.run().await.unwrap();
    scene.assert_whole();
    let expected = [None, Some("bytes=10000-".to_owned()), Some("bytes=20000-".to_owned())];
    assert_eq!(ranges(&scene, layer), expected);
}

#[tokio::test]
async fn what_an_earlier_pull_left_is_not_asked_for_again() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[0];
    leave(&scene, layer, &layer[..30_000]);
    let started = Arc::new(Mutex::new(Vec::new()));
    let mut pull = scene.pull(":1");
    let seen = started.clone();
    pull.progress = Arc::new(move |event: &Event<'_>| {
        if let Event::Started { received, .. } = event {
            seen.lock().unwrap().push(*received);
        }
    });
    pull.run().await.unwrap();
    scene.assert_whole();
    assert_eq!(ranges(&scene, layer), [Some("bytes=30000-".to_owned())]);
    assert!(started.lock().unwrap().contains(&30_000));
}

#[tokio::test]
async fn a_partial_file_that_is_complete_needs_no_request() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[0];
    leave(&scene, layer, layer);
    scene.run().await.unwrap();
    scene.assert_whole();
    assert!(ranges(&scene, layer).is_empty());
}

#[tokio::test]
async fn a_server_that_cannot_go_on_is_asked_from_the_beginning() {
    let resumed = || Some("bytes=30000-".to_owned());
    let whole = |scene: &Scene| scene.image.layers[0].clone();
    type Change = fn(&[u8], &mut Answer);
    let cases: [(&str, Change, usize); 4] = [
        ("200", |layer, answer| *answer = Answer::new(200, layer.to_vec()), 1),
        ("416", |_, answer| *answer = Answer::error(416, "RANGE", "no"), 2),
        (
            "other bytes",
            |_, answer| answer.set("content-range", "bytes 1-40000/40000"),
            2,
        ),
        (
            "other size",
            |_, answer| answer.set("content-range", "bytes 30000-39999/50000"),
            2,
        ),
    ];
    for (name, change, requests) in cases {
        let scene = Scene::new().await;
        let layer = whole(&scene);
        leave(&scene, &layer, &layer[..30_000]);
        let content = layer.clone();
        meddle(&scene, &layer, move |count, answer| {
            if count == 0 {
                change(&content, answer);
            }
        });
        scene.run().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        scene.assert_whole();
        let expected = [resumed(), None];
        assert_eq!(ranges(&scene, &layer), expected[..requests], "{name}");
    }
}

#[tokio::test]
async fn a_partial_file_with_wrong_bytes_is_thrown_away() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[0];
    leave(&scene, layer, &[7; 30_000]);
    scene.run().await.unwrap();
    scene.assert_whole();
    assert_eq!(ranges(&scene, layer), [Some("bytes=30000-".to_owned()), None]);
}

#[tokio::test]
async fn a_blob_that_was_changed_on_disk_is_fetched_again() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[0];
    scene.run().await.unwrap();
    let mut changed = layer.clone();
    changed[0] ^= 1;
    for content in [changed, layer[1..].to_vec()] {
        fs::write(scene.blob(layer), content).unwrap();
        let pulled = scene.run().await.unwrap();
        assert_eq!(
            pulled.layers.iter().map(|layer| layer.reused).collect::<Vec<_>>(),
            [false, true]
        );
        scene.assert_whole();
    }
}

#[tokio::test]
async fn the_tries_end_and_the_next_pull_goes_on() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[1];
    meddle(&scene, layer, |_, answer| answer.cut = Some(1_000));
    let error = scene.run().await.unwrap_err();
    assert!(
        !error.is_bad_input() && error.fix().unwrap().contains("resumed"),
        "{error}"
    );
    scene.assert_nothing_looks_whole();
    let tries = IMPATIENT.tries as usize;
    assert_eq!(ranges(&scene, layer).len(), tries);
    scene.registry.behave();
    scene.run().await.unwrap();
    scene.assert_whole();
    assert_eq!(ranges(&scene, layer), [Some(format!("bytes={}-", tries * 1_000))]);
}

#[tokio::test]
async fn a_registry_that_cannot_now_is_asked_again() {
    for status in [429, 500, 502, 503] {
        let scene = Scene::new().await;
        let mut count = 0;
        scene.registry.mischief(move |_, answer| {
            count += 1;
            if count % 2 == 1 {
                *answer = Answer::error(status, "TOOMANYREQUESTS", "slow down");
                answer.set("retry-after", "1");
            }
        });
        let retries = Arc::new(Mutex::new(0));
        let mut pull = scene.pull(":1");
        let seen = retries.clone();
        pull.progress = Arc::new(move |event: &Event<'_>| {
            if let Event::Retry { reason, .. } = event {
                assert!(reason.contains("slow down"));
                *seen.lock().unwrap() += 1;
            }
        });
        pull.run().await.unwrap();
        scene.assert_whole();
        assert!(*retries.lock().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_registry_that_refuses_is_asked_once() {
    for status in [400, 403, 404, 501] {
        let scene = Scene::new().await;
        scene
            .registry
            .mischief(move |_, answer| *answer = Answer::error(status, "DENIED", "because of you"));
        let error = scene.run().await.unwrap_err().to_string();
        assert!(
            error.contains(&status.to_string()) && error.contains("DENIED: because of you"),
            "{error}"
        );
        assert_eq!(scene.registry.asked().len(), 1);
        assert!(!scene.layout().exists());
    }
}

#[tokio::test]
async fn a_server_that_always_sends_other_bytes_is_given_up() {
    let scene = Scene::new().await;
    let layer = &scene.image.layers[0];
    meddle(&scene, layer, |_, answer| {
        answer.status = http::StatusCode::PARTIAL_CONTENT;
        answer.set("content-range", "bytes 1-40000/40000");
    });
    let error = scene.run().await.unwrap_err().to_string();
    assert!(error.contains("40000 bytes early"), "{error}");
    assert_eq!(ranges(&scene, layer), [None, None]);
    scene.assert_nothing_looks_whole();
}

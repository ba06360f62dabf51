//! Processes that are killed in the middle of their work, at any moment, and what the next one finds.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use content::{Admission, Budget, Content, Inventory, Limits, Store, TagRecord, Verdict};
use futures_util::StreamExt;
use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::{
    child::{Ready, close, inherited},
    link::{Far, Link, MB, long_content},
    scripted::{CHUNK, content, everything, files, place},
};

/// The child in the middle of a download over several connections, some of which are ahead of the others.
async fn download_with_holes(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let content = long_content(48_000_000);
    let link = Link::new(content.clone(), 10 * MB, u64::MAX).without_trouble();
    let source = Arc::new(Far(link.clone()));
    let growing = store
        .fetch(&place("acme"), &Digest::of(&content), source)
        .await
        .unwrap();
    let mut stream = growing.stream(..);
    while link.most_open() < 3 || !has_holes(directory) {
        stream.next().await.unwrap().unwrap();
    }
    eprintln!("ready");
    // Until the parent is gone or kills this process. Nothing moves meanwhile: this is the runtime's only thread.
    std::io::stdin().lines().for_each(drop);
}

/// Whether the one unfinished file has room for what has not come before what has.
fn has_holes(directory: &Path) -> bool {
    let entry = fs::read_dir(directory.join("tmp")).unwrap().next().unwrap();
    let metadata = entry.unwrap().metadata().unwrap();
    metadata.blocks() * 512 < metadata.len()
}

/// Nothing says of an unfinished file what in it is right, so nothing of it is used.
#[tokio::test(start_paused = true)]
async fn a_process_killed_in_a_download_over_several_connections_leaves_nothing_that_counts() {
    if let Some(directory) = inherited() {
        return download_with_holes(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "kills::a_process_killed_in_a_download_over_several_connections_leaves_nothing_that_counts";
    drop(Ready::child(test, directory.path()));
    assert!(has_holes(directory.path()));

    let store = Store::open(directory.path()).unwrap();
    assert!(files(directory.path()).is_empty());
    let content = long_content(48_000_000);
    let digest = Digest::of(&content);
    assert!(store.blob(&digest).await.unwrap().is_none());
    let link = Link::new(content.clone(), 10 * MB, u64::MAX).without_trouble();
    let source = Arc::new(Far(link.clone()));
    let again = store.fetch(&place("acme"), &digest, source).await.unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == content);
    assert!(link.sent() >= 48 * MB);
}

/// Everything that the walk brings into the store: manifests, small and large layers.
fn everything_there_is() -> &'static HashMap<Digest, Bytes> {
    static ALL: OnceLock<HashMap<Digest, Bytes>> = OnceLock::new();
    ALL.get_or_init(|| {
        let long = content(16_000_000);
        let sizes = (1..20).chain([CHUNK, 1_000_000, 5_000_000, 11_000_000, 16_000_000]);
        sizes
            .map(|size| (Digest::of(&long[..size]), long.slice(..size)))
            .collect()
    })
}

fn tag(number: u64) -> Tag {
    format!("v{number}").parse().unwrap()
}

/// The next of some numbers without a pattern.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    *state >> 33
}

/// The child that pulls this and that without end, several at a time, into a cache that is too small for all of it.
async fn pull_without_end(directory: &Path) {
    let budget = Budget {
        max_size: Some(24_000_000),
        ..Budget::default()
    };
    let seed: u64 = fs::read_to_string(directory.join("seed")).unwrap().parse().unwrap();
    let store = Store::with_budget(directory, Limits::default(), budget).unwrap();
    let mut all: Vec<_> = everything_there_is().iter().collect();
    all.sort_by_key(|(_, content)| content.len());
    eprintln!("ready");
    let workers = (0..4).map(|worker| {
        let (store, all) = (store.clone(), all.clone());
        tokio::spawn(async move {
            let mut state = seed * 4 + worker;
            loop {
                let (digest, content) = all[next(&mut state) as usize % all.len()];
                let number = next(&mut state) % 5;
                work(&store, digest, content, tag(number)).await;
            }
        })
    });
    futures_util::future::join_all(workers).await;
}

async fn work(store: &Store, digest: &Digest, content: &Bytes, tag: Tag) {
    let place = place("acme");
    if content.len() < CHUNK {
        store.put(digest, content.clone()).await.unwrap();
        let record = TagRecord {
            digest: digest.clone(),
            confirmed_at: Timestamp::now(),
        };
        store.set_tag(&place, &tag, record).await.unwrap();
        eprintln!("step");
    } else {
        let link = Link::new(content.clone(), 15 * MB, u64::MAX).without_trouble();
        let found = store.fetch(&place, digest, Arc::new(Far(link))).await.unwrap();
        let (mut stream, mut position) = (found.stream(..), 0);
        while let Some(piece) = stream.next().await {
            let piece = piece.unwrap();
            assert!(content[position..].starts_with(&piece));
            position += piece.len();
            eprintln!("step");
        }
        assert_eq!(position, content.len());
    }
    store.admit(&place, digest, Admission::Blob).await.unwrap();
}

/// A walk of several lives, each of which ends somewhere in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_a_process_is_killed_the_next_one_serves_nothing_wrong() {
    if let Some(directory) = inherited() {
        return pull_without_end(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "kills::whenever_a_process_is_killed_the_next_one_serves_nothing_wrong";
    let (mut state, mut unfinished, mut found) = (1, 0, 0);
    for life in 1..=8 {
        fs::write(directory.path().join("seed"), life.to_string()).unwrap();
        let mut child = Ready::child(test, directory.path());
        for _ in 0..next(&mut state) % 150 {
            child.wait_for("step");
        }
        drop(child);
        unfinished += fs::read_dir(directory.path().join("tmp")).unwrap().count();
        let store = Store::open(directory.path()).unwrap();
        found += check(&store, directory.path(), life).await;
        close(store);
    }
    assert!(unfinished > 0, "no life ended in the middle of anything");
    assert!(found > 0, "no life kept anything");

    let store = Store::open(directory.path()).unwrap();
    for (digest, content) in everything_there_is() {
        let link = Link::new(content.clone(), 1_000 * MB, u64::MAX).without_trouble();
        let fetched = store.fetch(&place("acme"), digest, Arc::new(Far(link))).await.unwrap();
        assert!(everything(fetched.stream(..)).await.unwrap() == *content);
    }
}

/// Looks at everything that a new process would serve. Answers with how much content there is.
async fn check(store: &Store, directory: &Path, life: u64) -> usize {
    assert!(
        files(directory).iter().all(|file| file.starts_with("blobs/")),
        "life {life}: {:?}",
        files(directory)
    );
    let inventory = Inventory::of(directory).unwrap();
    let items = inventory.items().unwrap();
    for item in &items {
        assert_eq!(inventory.verify(&item.digest).unwrap(), Verdict::Sound, "life {life}");
        let expected = &everything_there_is()[&item.digest];
        let blob = store.blob(&item.digest).await.unwrap().unwrap();
        assert!(
            everything(Content::Whole(blob).stream(..)).await.unwrap() == *expected,
            "life {life}"
        );
    }
    for number in 0..5 {
        if let Some(record) = store.tag(&place("acme"), &tag(number)).await.unwrap() {
            assert!(everything_there_is().contains_key(&record.digest), "life {life}");
        }
    }
    for digest in everything_there_is().keys() {
        let admission = store.admitted(&place("acme"), digest).await.unwrap();
        assert!(matches!(admission, None | Some(Admission::Blob)), "life {life}");
    }
    items.len()
}

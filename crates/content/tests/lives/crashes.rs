//! Processes that die, and processes that meet.

use std::{fs, path::Path};

use bytes::Bytes;
use content::{Budget, Inventory, Limits, OpenError, PutError, Store, Verdict};
use oci::Digest;
use tokio::sync::mpsc;

use crate::{
    child::{Ready, behind, close, inherited},
    scripted::{CHUNK, Scripted, content, everything, files, place, relay, send},
};

/// The child that is in the middle of a download until it is killed.
async fn download_without_end(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let content = content(4 * CHUNK);
    let (pieces, received) = mpsc::channel(1);
    let source = Scripted::new([relay(content.len(), received)]);
    let growing = store
        .fetch(&place("acme"), &Digest::of(&content), source)
        .await
        .unwrap();
    pieces.send(content.slice(..2 * CHUNK)).await.unwrap();
    let mut stream = growing.stream(..);
    futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
    eprintln!("ready");
    // Until the parent is gone or kills this process.
    std::io::stdin().lines().for_each(drop);
}

/// The child on a disk that takes small content only.
async fn download_onto_a_full_disk(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let large = content(16 * CHUNK);
    let source = Scripted::new([send(&large), send(&large)]);
    let growing = store.fetch(&place("acme"), &Digest::of(&large), source).await.unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == large);
    assert!(store.blob(&Digest::of(&large)).await.unwrap().is_none());
    let error = store.put(&Digest::of(&large), large).await.unwrap_err();
    assert!(matches!(error, PutError::Disk(_)), "{error}");
    assert!(files(directory).is_empty());
    let status = store.status();
    assert_eq!((status.failed_writes, status.bypassed), (2, 1), "{status:?}");

    // What fits still works.
    let small = content(CHUNK);
    let growing = store
        .fetch(&place("acme"), &Digest::of(&small), Scripted::new([send(&small)]))
        .await
        .unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == small);
}

#[tokio::test]
async fn a_process_killed_in_a_download_leaves_nothing_that_counts() {
    if let Some(directory) = inherited() {
        return download_without_end(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let content = content(4 * CHUNK);
    let digest = Digest::of(&content);
    let child = Ready::child(
        "crashes::a_process_killed_in_a_download_leaves_nothing_that_counts",
        directory.path(),
    );
    assert!(matches!(&files(directory.path())[..], [leftover] if leftover.starts_with("tmp/")));
    drop(child);

    let store = Store::open(directory.path()).unwrap();
    assert!(files(directory.path()).is_empty());
    assert!(store.blob(&digest).await.unwrap().is_none());
    let again = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == content);
}

#[tokio::test]
async fn a_second_process_is_refused_and_touches_nothing() {
    if let Some(directory) = inherited() {
        return download_without_end(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let child = Ready::child(
        "crashes::a_second_process_is_refused_and_touches_nothing",
        directory.path(),
    );
    let before = files(directory.path());
    let error = Store::open(directory.path()).unwrap_err();
    assert!(
        matches!(&error, OpenError::InUse { holder, .. } if *holder == Some(child.id())),
        "{error}"
    );
    assert_eq!(files(directory.path()), before, "the unfinished file is the other's");
    drop(child);
    Store::open(directory.path()).unwrap();
}

/// A limit on the size of files makes writing fail in the middle, as a full disk does.
#[tokio::test]
async fn a_full_disk_breaks_no_pull_and_leaves_nothing_that_counts() {
    if let Some(directory) = inherited() {
        return download_onto_a_full_disk(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    // 512 KiB or 1 MiB, as the shell counts; reported as an error because the signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 1024";
    let test = "crashes::a_full_disk_breaks_no_pull_and_leaves_nothing_that_counts";
    behind(&["env"], script, test, directory.path());
}

#[tokio::test]
async fn leftovers_are_removed_and_finished_content_is_not_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let blob = store.put(&Digest::of(b"x"), Bytes::from_static(b"x")).await.unwrap();
    close(store);
    fs::write(directory.path().join("tmp/0"), "half").unwrap();
    fs::write(directory.path().join("tmp/stray"), "").unwrap();

    let store = Store::open(directory.path()).unwrap();
    assert_eq!(
        files(directory.path()),
        [format!("blobs/sha256/2d/{}", blob.digest().hex())]
    );
    assert!(store.blob(blob.digest()).await.unwrap().is_some());
}

/// The child that fills a small cache without end.
async fn evict_without_end(directory: &Path) {
    let budget = Budget {
        max_size: Some(20 * 4096),
        ..Budget::default()
    };
    let store = Store::with_budget(directory, Limits::default(), budget).unwrap();
    for number in 0_u32.. {
        let bytes = Bytes::copy_from_slice(&number.to_be_bytes().repeat(100));
        store.put(&Digest::of(&bytes), bytes).await.unwrap();
        if number % 10 == 0 {
            // So that it never has more than it may by more than this.
            store.settled().await;
            if store.status().evicted > 0 {
                eprintln!("ready");
            }
        }
    }
}

#[tokio::test]
async fn a_process_killed_while_it_evicts_leaves_nothing_wrong() {
    if let Some(directory) = inherited() {
        return evict_without_end(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        drop(Ready::child(
            "crashes::a_process_killed_while_it_evicts_leaves_nothing_wrong",
            directory.path(),
        ));
        let inventory = Inventory::of(directory.path()).unwrap();
        let items = inventory.items().unwrap();
        assert!(!items.is_empty() && items.len() <= 40, "{} are there", items.len());
        for item in items {
            assert_eq!(inventory.verify(&item.digest).unwrap(), Verdict::Sound);
        }
    }
}

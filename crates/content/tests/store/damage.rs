//! A disk that gives back something else than was written.

use std::{
    fs,
    io::Write,
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use content::{Content, Inventory, Store, Verdict};
use oci::Digest;

use crate::scripted::{CHUNK, Scripted, content, everything, files, place, send};

const LARGE: usize = 6 * CHUNK;

fn path(directory: &Path, digest: &Digest) -> PathBuf {
    directory
        .join("blobs/sha256")
        .join(&digest.hex()[..2])
        .join(digest.hex())
}

/// Flips the lowest bit of a byte, and gives the file the times that it had.
fn flip(directory: &Path, digest: &Digest, offset: u64) {
    let path = path(directory, digest);
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    file.set_modified(modified).unwrap();
}

async fn put(store: &Store, content: &Bytes) -> Digest {
    let digest = Digest::of(content);
    store.put(&digest, content.clone()).await.unwrap();
    digest
}

async fn assert_fetched_again(store: &Store, digest: &Digest, content: &Bytes) {
    let source = Scripted::new([send(content)]);
    let again = store.fetch(&place("acme"), digest, source.clone()).await.unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == *content);
    assert_eq!(source.offsets(), [0], "the source was asked again");
}

#[tokio::test]
async fn a_flipped_bit_in_small_content_is_found_before_the_first_byte() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let digest = put(&store, &content).await;
    flip(directory.path(), &digest, 999);
    assert!(store.blob(&digest).await.unwrap().is_none());
    assert!(files(directory.path()).is_empty());
    assert_eq!(store.status().damaged, 1);
    assert_fetched_again(&store, &digest, &content).await;
}

#[tokio::test]
async fn a_flipped_bit_in_large_content_keeps_every_answer_from_completing() {
    let content = content(LARGE);
    let size = LARGE as u64;
    // Damage is looked for wherever it is, also where a reader does not go.
    for damaged_at in [0, size / 2, size - 1] {
        for range in [0..size, 0..10, size - 1..size, CHUNK as u64..3 * CHUNK as u64] {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(directory.path()).unwrap();
            let digest = put(&store, &content).await;
            drop(store);
            let store = Store::open(directory.path()).unwrap();
            flip(directory.path(), &digest, damaged_at);
            let source = Scripted::new([]);
            let found = store.fetch(&place("acme"), &digest, source).await.unwrap();
            assert!(matches!(found, Content::Whole(_)));
            let error = everything(found.stream(range)).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
            assert!(files(directory.path()).is_empty(), "it is removed");
            assert_fetched_again(&store, &digest, &content).await;
        }
    }
}

#[tokio::test]
async fn a_file_that_is_changed_under_a_running_store_is_checked_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(LARGE);
    let digest = put(&store, &content).await;
    let read = async |store: &Store| everything(store.blob(&digest).await.unwrap().unwrap().stream(..)).await;
    assert!(read(&store).await.unwrap() == content);
    flip(directory.path(), &digest, 5);
    read(&store).await.unwrap_err();
    assert_fetched_again(&store, &digest, &content).await;
}

#[tokio::test]
async fn a_file_that_is_changed_while_an_earlier_reader_has_it_is_checked_again() {
    let directory = tempfile::tempdir().unwrap();
    let content = content(LARGE);
    let digest = put(&Store::open(directory.path()).unwrap(), &content).await;
    let store = Store::open(directory.path()).unwrap();
    let earlier = store.blob(&digest).await.unwrap().unwrap();
    assert!(everything(earlier.stream(..)).await.unwrap() == content);
    // Longer, for the times of two changes may be the same.
    let file = fs::OpenOptions::new()
        .append(true)
        .open(path(directory.path(), &digest));
    file.unwrap().write_all(b"x").unwrap();
    let later = store.blob(&digest).await.unwrap().unwrap();
    everything(later.stream(..)).await.unwrap_err();
    drop(earlier);
    assert_fetched_again(&store, &digest, &content).await;
}

#[tokio::test]
async fn many_readers_of_sound_content_share_a_check() {
    let directory = tempfile::tempdir().unwrap();
    let content = content(LARGE);
    let digest = put(&Store::open(directory.path()).unwrap(), &content).await;
    let store = Store::open(directory.path()).unwrap();
    let readers = (0..8).map(|_| async { everything(store.blob(&digest).await.unwrap().unwrap().stream(..)).await });
    for read in futures_util::future::join_all(readers).await {
        assert!(read.unwrap() == content);
    }
    assert_eq!(store.status().damaged, 0);
}

#[tokio::test]
async fn a_file_that_was_cut_or_emptied_is_not_served() {
    let content = content(LARGE);
    for length in [0, 1, LARGE as u64 - 1, LARGE as u64 + 1] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = put(&store, &content).await;
        let file = fs::OpenOptions::new().write(true).open(path(directory.path(), &digest));
        file.unwrap().set_len(length).unwrap();
        if let Some(blob) = store.blob(&digest).await.unwrap() {
            everything(blob.stream(..)).await.unwrap_err();
        }
        assert_fetched_again(&store, &digest, &content).await;
    }
}

#[tokio::test]
async fn a_manifest_is_hashed_at_each_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let digest = put(&store, &content(1000)).await;
    let blob = store.blob(&digest).await.unwrap().unwrap();
    blob.read(1000).await.unwrap();
    // Between the look and the read.
    flip(directory.path(), &digest, 0);
    let error = blob.read(1000).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    assert!(store.blob(&digest).await.unwrap().is_none());
}

#[tokio::test]
async fn an_inventory_finds_and_removes_what_is_damaged_while_the_store_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (sound, damaged) = (put(&store, &content(10)).await, put(&store, &content(LARGE)).await);
    flip(directory.path(), &damaged, 7);
    let inventory = Inventory::of(directory.path()).unwrap();
    assert_eq!(inventory.items().unwrap().len(), 2);
    assert_eq!(inventory.verify(&sound).unwrap(), Verdict::Sound);
    assert_eq!(inventory.verify(&damaged).unwrap(), Verdict::Removed);
    assert_eq!(inventory.verify(&damaged).unwrap(), Verdict::Gone);
    assert!(store.blob(&damaged).await.unwrap().is_none());
    assert!(store.blob(&sound).await.unwrap().is_some());
}

/// A link to itself cannot be opened, by root neither: as another user's file, or a bad sector, for everybody else.
#[tokio::test]
async fn a_file_that_cannot_be_read_counts_as_absent_and_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let digest = put(&store, &content).await;
    let path = path(directory.path(), &digest);
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
    assert!(store.blob(&digest).await.unwrap().is_none());
    assert_fetched_again(&store, &digest, &content).await;
    let again = put(&store, &content).await;
    assert!(store.blob(&again).await.unwrap().is_some());
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[tokio::test]
async fn a_pipe_in_the_place_of_content_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let digest = put(&store, &content).await;
    let path = path(directory.path(), &digest);
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Whoever waits for a writer is given one, so that this fails and does not stand still.
    let found = tokio::time::timeout(PATIENCE, store.blob(&digest)).await;
    if found.is_err() {
        fs::OpenOptions::new().write(true).open(&path).unwrap();
    }
    assert!(found.unwrap().unwrap().is_none());
    assert_fetched_again(&store, &digest, &content).await;
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

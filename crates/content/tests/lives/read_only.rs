//! Directories that cannot be written. A child has them mounted so, in a mount namespace of its own.

use std::path::Path;

use bytes::Bytes;
use content::{Admission, FetchError, OpenError, PutError, Store, TagRecord};
use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::{
    child::{behind, inherited, log, namespaces},
    scripted::{CHUNK, Scripted, content, everything, files, place, send},
};

/// The directory, as it is, for reading only.
fn read_only(directory: &Path) -> String {
    let path = directory.display();
    format!("mount --bind {path} {path}; mount -o remount,bind,ro {path}")
}

fn small() -> Bytes {
    content(1_000)
}

/// More than is hashed before the first byte.
fn large() -> Bytes {
    content(8 * CHUNK)
}

fn tag() -> Tag {
    "latest".parse().unwrap()
}

/// The child on a directory that another process holds and this one cannot write.
async fn serve_what_is_there(directory: &Path) {
    log();
    let (acme, before) = (place("acme"), files(directory));
    let store = Store::open(directory).unwrap();
    assert!(store.status().is_read_only);
    store.settled().await;
    assert_eq!(store.status().entries, 2);

    for there in [small(), large()] {
        let digest = Digest::of(&there);
        // The source is not to be opened.
        let found = store.fetch(&acme, &digest, Scripted::new([])).await.unwrap();
        assert!(everything(found.stream(..)).await.unwrap() == there);
        assert_eq!(store.admitted(&acme, &digest).await.unwrap(), Some(Admission::Blob));
    }
    let record = store.tag(&acme, &tag()).await.unwrap().unwrap();
    assert_eq!(record.digest, Digest::of(&small()));

    let other = content(3 * CHUNK);
    let digest = Digest::of(&other);
    let source = Scripted::new([send(&other)]);
    let error = store.fetch(&acme, &digest, source.clone()).await.unwrap_err();
    assert!(matches!(error, FetchError::Disk(_)), "{error}");
    let passage = store.pass_through(&digest, source).await.unwrap();
    assert!(everything(passage.stream(..)).await.unwrap() == other);

    let error = store.put(&digest, other).await.unwrap_err();
    assert!(matches!(error, PutError::Disk(_)), "{error}");
    store.admit(&acme, &digest, Admission::Blob).await.unwrap_err();
    store.set_access(&acme, None).await.unwrap_err();
    store.forget_tag(&place("other"), &tag()).await.unwrap();
    let status = store.status();
    assert_eq!((status.failed_writes, status.bypassed), (4, 1), "{status:?}");
    assert_eq!(files(directory), before);
}

#[tokio::test]
async fn what_a_read_only_directory_has_is_served_and_the_rest_passes_through() {
    if let Some(directory) = inherited() {
        return serve_what_is_there(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let acme = place("acme");
    for there in [small(), large()] {
        let digest = Digest::of(&there);
        store.put(&digest, there).await.unwrap();
        store.admit(&acme, &digest, Admission::Blob).await.unwrap();
    }
    let record = TagRecord {
        digest: Digest::of(&small()),
        confirmed_at: Timestamp::UNIX_EPOCH,
    };
    store.set_tag(&acme, &tag(), record).await.unwrap();
    store.set_access(&acme, Some(Timestamp::UNIX_EPOCH)).await.unwrap();

    let test = "read_only::what_a_read_only_directory_has_is_served_and_the_rest_passes_through";
    let log = behind(namespaces(), &read_only(directory.path()), test, directory.path());
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("Read-only file system") && warning.contains("mount the file system")),
        "{warnings:?}"
    );
    drop(store);
}

/// The child in a directory that has nothing and takes nothing.
async fn open_what_is_empty(directory: &Path) {
    let missing = directory.join("missing");
    let error = Store::open(&missing).unwrap_err();
    assert!(
        matches!(&error, OpenError::Unusable { path, .. } if *path == missing),
        "{error}"
    );
    let line = error.to_string();
    assert!(line.contains("Read-only file system") && !line.contains('\n'), "{line}");

    let store = Store::open(directory).unwrap();
    store.settled().await;
    let small = small();
    assert!(store.blob(&Digest::of(&small)).await.unwrap().is_none());
    let passage = store
        .pass_through(&Digest::of(&small), Scripted::new([send(&small)]))
        .await
        .unwrap();
    assert!(everything(passage.stream(..)).await.unwrap() == small);
}

#[tokio::test]
async fn a_read_only_directory_without_anything_is_opened_and_one_that_is_missing_is_refused() {
    if let Some(directory) = inherited() {
        return open_what_is_empty(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "read_only::a_read_only_directory_without_anything_is_opened_and_one_that_is_missing_is_refused";
    behind(namespaces(), &read_only(directory.path()), test, directory.path());
}

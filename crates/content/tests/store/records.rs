//! What belongs where, and what tags meant.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use content::{Admission, Place, Scope, Store, TagRecord};
use jiff::Timestamp;
use oci::{Digest, MediaType, Tag};

use crate::scripted::place;

fn tag(tag: &str) -> Tag {
    tag.parse().unwrap()
}

fn record(content: &str, second: i64) -> TagRecord {
    TagRecord {
        digest: Digest::of(content.as_bytes()),
        confirmed_at: Timestamp::from_second(second).unwrap(),
    }
}

#[tokio::test]
async fn what_one_place_has_another_has_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let digest = Digest::of(b"layer");
    let here = place("acme");
    store.admit(&here, &digest, Admission::Blob).await.unwrap();
    store.set_tag(&here, &tag("1"), record("manifest", 1)).await.unwrap();

    let other_repository = |name: &str| Place {
        repository: name.parse().unwrap(),
        ..here.clone()
    };
    let elsewhere = [
        place("umbrella"),
        other_repository("team"),
        other_repository("team/app/x"),
        other_repository("app"),
        Place {
            scope: Scope::new(["acme"]).unwrap(),
            repository: here.repository.clone(),
        },
    ];
    assert_eq!(store.admitted(&here, &digest).await.unwrap(), Some(Admission::Blob));
    assert_eq!(store.admitted(&here, &Digest::of(b"other")).await.unwrap(), None);
    for place in elsewhere {
        assert_eq!(store.admitted(&place, &digest).await.unwrap(), None, "{place}");
        assert_eq!(store.tag(&place, &tag("1")).await.unwrap(), None, "{place}");
    }
}

#[tokio::test]
async fn a_manifest_keeps_its_media_type() {
    let directory = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"manifest");
    let manifest = Admission::Manifest {
        media_type: MediaType::from(MediaType::OCI_INDEX),
    };
    let store = Store::open(directory.path()).unwrap();
    store.admit(&place("acme"), &digest, manifest.clone()).await.unwrap();
    store.admit(&place("acme"), &digest, Admission::Blob).await.unwrap();
    assert_eq!(
        store.admitted(&place("acme"), &digest).await.unwrap(),
        Some(manifest.clone())
    );
    drop(store);
    let reopened = Store::open(directory.path()).unwrap();
    assert_eq!(
        reopened.admitted(&place("acme"), &digest).await.unwrap(),
        Some(manifest)
    );
}

#[tokio::test]
async fn a_tag_is_set_moved_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let here = place("acme");
    for name in ["1", "_tags", "latest", "Latest", &"x".repeat(128)] {
        let tag = tag(name);
        assert_eq!(store.tag(&here, &tag).await.unwrap(), None);
        for record in [record("one", 1), record("two", 2)] {
            store.set_tag(&here, &tag, record.clone()).await.unwrap();
            assert_eq!(store.tag(&here, &tag).await.unwrap(), Some(record));
        }
    }
    store.forget_tag(&here, &tag("latest")).await.unwrap();
    store.forget_tag(&here, &tag("latest")).await.unwrap();
    assert_eq!(store.tag(&here, &tag("latest")).await.unwrap(), None);
    assert!(store.tag(&here, &tag("Latest")).await.unwrap().is_some());
}

/// Damage, and records of something else in the wrong place, which a file system that ignores case could produce.
#[tokio::test]
async fn a_record_that_is_not_right_counts_as_absent() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let here = place("acme");
    let digest = Digest::of(b"x");
    let manifest = Admission::Manifest {
        media_type: MediaType::from(MediaType::OCI_MANIFEST),
    };
    store.set_tag(&here, &tag("v1"), record("x", 1)).await.unwrap();
    store.admit(&here, &digest, manifest.clone()).await.unwrap();
    let links = directory
        .path()
        .join("links")
        .join(here.scope.to_string())
        .join("team/app");
    let tag_path = links.join("_tags/v1");
    let manifest_path = links.join("_manifests").join(format!("sha256-{}", digest.hex()));
    let (tag_text, manifest_text) = (text(&tag_path), text(&manifest_path));

    for damaged in [
        String::new(),
        tag_text[..tag_text.len() - 1].to_owned(),
        tag_text.replace("\"v1\"", "\"V1\""),
        tag_text.replace("\"version\":1", "\"version\":2"),
        tag_text.replace("sha256:", "sha256:../"),
        tag_text.replace("1970", "once"),
    ] {
        fs::write(&tag_path, &damaged).unwrap();
        assert_eq!(store.tag(&here, &tag("v1")).await.unwrap(), None, "{damaged}");
    }
    for damaged in [
        String::new(),
        manifest_text.replace("application/", "a b/"),
        manifest_text.replace(digest.hex(), Digest::of(b"y").hex()),
    ] {
        fs::write(&manifest_path, &damaged).unwrap();
        assert_eq!(store.admitted(&here, &digest).await.unwrap(), None, "{damaged}");
    }

    // Written again, it is there again.
    store.set_tag(&here, &tag("v1"), record("x", 1)).await.unwrap();
    store.admit(&here, &digest, manifest.clone()).await.unwrap();
    assert_eq!((text(&tag_path), text(&manifest_path)), (tag_text, manifest_text));
    assert_eq!(store.admitted(&here, &digest).await.unwrap(), Some(manifest));
}

/// As those of another user. A link to itself cannot be opened, by root neither.
#[tokio::test]
async fn records_that_cannot_be_read_count_as_absent_and_are_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (here, digest) = (place("acme"), Digest::of(b"layer"));
    let write = async || {
        store.admit(&here, &digest, Admission::Blob).await.unwrap();
        store.set_tag(&here, &tag("1"), record("manifest", 1)).await.unwrap();
        store.set_access(&here, Some(Timestamp::UNIX_EPOCH)).await.unwrap();
    };
    write().await;
    let mut records = Vec::new();
    let mut open = vec![directory.path().join("links")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            records.push(path);
        }
    }
    assert_eq!(records.len(), 3);
    for record in records {
        fs::remove_file(&record).unwrap();
        std::os::unix::fs::symlink(&record, &record).unwrap();
    }
    assert_eq!(store.admitted(&here, &digest).await.unwrap(), None);
    assert_eq!(store.tag(&here, &tag("1")).await.unwrap(), None);
    assert_eq!(store.access(&here).await.unwrap(), None);
    write().await;
    assert!(store.admitted(&here, &digest).await.unwrap().is_some());
    assert!(store.tag(&here, &tag("1")).await.unwrap().is_some());
    assert!(store.access(&here).await.unwrap().is_some());
}

#[tokio::test]
async fn nobody_else_on_the_machine_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("new/content");
    let store = Store::open(&root).unwrap();
    store.put(&Digest::of(b"x"), "x".into()).await.unwrap();
    store
        .admit(&place("acme"), &Digest::of(b"x"), Admission::Blob)
        .await
        .unwrap();
    let mut open = vec![root];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(
        seen >= 12,
        "root, lock, tmp, blobs with shard and file, links with a record"
    );
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

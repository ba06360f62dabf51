//! Wrong content, a disk that cannot keep it, and code that panics.

use std::fs;

use bytes::Bytes;
use content::{FetchError, Limits, PutError, Store};
use futures_util::future::join_all;
use oci::{Algorithm, Digest, Hasher};

use crate::scripted::{CHUNK, Scripted, act, content, everything, files, place, send, settle, until_failure};

fn with_a_wrong_last_byte(content: &Bytes) -> Bytes {
    let mut wrong = content.to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    wrong.into()
}

#[tokio::test(start_paused = true)]
async fn wrong_content_completes_for_nobody_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(5 * CHUNK + 1);
    let digest = Digest::of(&content);
    let wrong = with_a_wrong_last_byte(&content);
    let (pieces, received) = tokio::sync::mpsc::channel(1);
    let source = Scripted::new([crate::scripted::relay(content.len(), received)]);

    let growing = store.fetch(&place("acme"), &digest, source).await.unwrap();
    let ranges = [
        0..u64::MAX,
        0..10,
        CHUNK as u64..3 * CHUNK as u64,
        content.len() as u64 - 5..u64::MAX,
    ];
    let readers = ranges
        .clone()
        .map(|range| tokio::spawn(until_failure(growing.stream(range))));
    for piece in wrong.chunks(CHUNK) {
        pieces.send(wrong.slice_ref(piece)).await.unwrap();
    }
    drop(pieces);

    for (range, read) in ranges.into_iter().zip(join_all(readers).await) {
        let (bytes, error) = read.unwrap();
        let FetchError::Mismatch(mismatch) = error else {
            panic!("{error}");
        };
        assert_eq!(
            (mismatch.expected, mismatch.found),
            (digest.clone(), Digest::of(&wrong))
        );
        let asked = range.end.min(content.len() as u64) - range.start;
        assert!(
            bytes.len() as u64 <= asked.saturating_sub(CHUNK as u64),
            "{} of {range:?}",
            bytes.len()
        );
    }
    assert!(store.blob(&digest).await.unwrap().is_none());
    assert!(files(directory.path()).is_empty());

    let right = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    assert!(everything(right.stream(..)).await.unwrap() == content);
}

#[tokio::test(start_paused = true)]
async fn readers_get_everything_even_if_it_cannot_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(2 * CHUNK);
    let digest = Digest::of(&content);
    // Nothing can be moved to where something else is.
    let obstacle = format!("blobs/sha256/{}/{}/x", &digest.hex()[..2], digest.hex());
    fs::create_dir_all(directory.path().join(obstacle)).unwrap();

    let growing = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == content);
    settle().await;
    assert!(store.blob(&digest).await.unwrap().is_none());
    assert!(files(directory.path()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_vanished_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    fs::remove_dir(directory.path().join("tmp")).unwrap();
    let source = Scripted::new([send(&content(10))]);
    let error = store
        .fetch(&place("acme"), &Digest::of(&content(10)), source)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Disk(_)), "{error}");
    let error = store
        .put(&Digest::of(b"x"), Bytes::from_static(b"x"))
        .await
        .unwrap_err();
    assert!(matches!(error, PutError::Disk(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_leaves_no_reader_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(10);
    let digest = Digest::of(&content);
    let source = Scripted::new([act(|_| panic!("a fault in the source, made by the test"))]);
    let error = store.fetch(&place("acme"), &digest, source).await.unwrap_err();
    assert!(matches!(error, FetchError::Abandoned), "{error}");
    let again = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == content);
}

#[tokio::test]
async fn what_is_put_is_verified() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::with_limits(directory.path(), Limits::default()).unwrap();
    let manifest = Bytes::from_static(b"{}");
    let digest = Digest::of(&manifest);

    let error = store.put(&digest, Bytes::from_static(b"{ }")).await.unwrap_err();
    assert!(matches!(error, PutError::Mismatch(_)), "{error}");
    assert!(files(directory.path()).is_empty());
    assert!(store.blob(&digest).await.unwrap().is_none());

    for _ in 0..2 {
        let blob = store.put(&digest, manifest.clone()).await.unwrap();
        assert_eq!(blob.read(2).await.unwrap(), manifest);
        assert_eq!(blob.read(1).await.unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
    }
    assert_eq!(store.blob(&digest).await.unwrap().unwrap().digest(), &digest);
}

#[tokio::test]
async fn both_algorithms_are_kept_apart() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(b"x");
    let long = hasher.finish();
    store.put(&long, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(store.blob(&long).await.unwrap().unwrap().digest(), &long);
    assert!(store.blob(&Digest::of(b"x")).await.unwrap().is_none());
}

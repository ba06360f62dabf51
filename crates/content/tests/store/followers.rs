//! Many readers of one download.

use std::sync::Arc;

use bytes::Bytes;
use content::{Content, FetchError, Incoming, SourceError, Store};
use futures_util::{StreamExt, stream};
use oci::Digest;
use tokio::{
    sync::{Barrier, mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::scripted::{
    CHUNK, Scripted, act, answer, content, everything, failure, files, place, refuse, relay, send, send_until, settle,
    until_failure,
};

/// Little is not told at once, for it wakes all readers; but it is told when nothing follows.
#[tokio::test(start_paused = true)]
async fn a_reader_gets_what_little_has_come_while_the_source_pauses() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(2 * CHUNK);
    let (pieces, received) = mpsc::channel(1);
    let source = Scripted::new([relay(content.len(), received)]);
    let growing = store
        .fetch(&place("acme"), &Digest::of(&content), source)
        .await
        .unwrap();
    let mut stream = growing.stream(..);
    for piece in content[..50].chunks(10) {
        pieces.send(content.slice_ref(piece)).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), piece);
    }
}

/// A third reads at full speed, a third waits in the middle until all is over, a third leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_followers_share_one_download() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(8 * CHUNK + 17);
    let digest = Digest::of(&content);
    let (pieces, received) = mpsc::channel(1);
    let source = Scripted::new([relay(content.len(), received)]);

    let first_bytes_read = Arc::new(Barrier::new(51));
    let (fast_are_done, wait_for_fast) = watch::channel(false);
    let (mut fast, mut others) = (JoinSet::new(), JoinSet::new());
    for reader in 0..50 {
        let (store, source, digest, content) = (store.clone(), Arc::clone(&source), digest.clone(), content.clone());
        let first_bytes_read = Arc::clone(&first_bytes_read);
        let mut wait_for_fast = wait_for_fast.clone();
        let read = async move {
            let growing = store.fetch(&place("acme"), &digest, source).await.unwrap();
            assert_eq!(growing.size(), content.len() as u64);
            let mut stream = growing.stream(..);
            let mut bytes = stream.next().await.unwrap().unwrap().to_vec();
            first_bytes_read.wait().await;
            if reader % 3 == 1 {
                wait_for_fast.wait_for(|are_done| *are_done).await.unwrap();
            }
            if reader % 3 == 2 {
                return;
            }
            bytes.extend(everything(stream).await.unwrap());
            assert!(bytes == content);
        };
        if reader % 3 == 0 {
            fast.spawn(read)
        } else {
            others.spawn(read)
        };
    }

    // Everybody has read something while three quarters have not even been sent.
    let (first, rest) = (content.slice(..2 * CHUNK), content.slice(2 * CHUNK..));
    pieces.send(first).await.unwrap();
    first_bytes_read.wait().await;
    for piece in rest.chunks(70_000) {
        pieces.send(rest.slice_ref(piece)).await.unwrap();
    }
    drop(pieces);
    fast.join_all().await;
    fast_are_done.send_replace(true);
    others.join_all().await;

    assert_eq!(source.offsets(), [0]);
    let blob = store.blob(&digest).await.unwrap().unwrap();
    assert!(everything(blob.stream(..)).await.unwrap() == content);
}

#[tokio::test(start_paused = true)]
async fn a_download_ends_well_without_readers() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(3 * CHUNK);
    let digest = Digest::of(&content);
    let (pieces, received) = mpsc::channel(1);
    let source = Scripted::new([relay(content.len(), received)]);

    drop(store.fetch(&place("acme"), &digest, source).await.unwrap());
    settle().await;
    assert!(store.blob(&digest).await.unwrap().is_none(), "half a blob is none");
    pieces.send(content.clone()).await.unwrap();
    drop(pieces);
    settle().await;

    let blob = store.blob(&digest).await.unwrap().unwrap();
    assert!(everything(blob.stream(..)).await.unwrap() == content);
    assert_eq!(
        files(directory.path()),
        [format!("blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex())]
    );
}

#[tokio::test(start_paused = true)]
async fn the_second_fetch_asks_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let content = content(100_000);
    let digest = Digest::of(&content);
    let store = Store::open(directory.path()).unwrap();
    let first = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    everything(first.stream(..)).await.unwrap();

    for _ in 0..2 {
        let again = store.fetch(&place("acme"), &digest, Scripted::new([])).await.unwrap();
        assert!(matches!(again, Content::Whole(_)));
        assert!(everything(again.stream(..)).await.unwrap() == content);
        // The first time the content may not have its name yet, the second time it has.
        settle().await;
    }
    drop(store);
    let reopened = Store::open(directory.path()).unwrap();
    let again = reopened
        .fetch(&place("acme"), &digest, Scripted::new([]))
        .await
        .unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == content);
}

#[tokio::test(start_paused = true)]
async fn empty_content_is_content() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let source = Scripted::new([send(&Bytes::new())]);
    let empty = store.fetch(&place("acme"), &Digest::of(b""), source).await.unwrap();
    assert_eq!(everything(empty.stream(..)).await.unwrap(), b"");
    assert_eq!(store.blob(&Digest::of(b"")).await.unwrap().unwrap().size(), 0);
}

/// The refused tenant's error may tell of its account and role. The other tenant has a working source of its own.
#[tokio::test(start_paused = true)]
async fn another_places_refusal_is_not_passed_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let digest = Digest::of(&content);
    let (let_refuse, refusal) = oneshot::channel::<()>();
    let refused = Scripted::new([answer(async {
        let _ = refusal.await;
        Err(SourceError::permanent(
            "role arn:aws:iam::111122223333:role/private is not permitted",
        ))
    })]);
    let allowed = Scripted::new([send(&content)]);
    let fetch = |team: &str, source: &Arc<Scripted>| {
        let (store, digest, source, place) = (store.clone(), digest.clone(), Arc::clone(source), place(team));
        tokio::spawn(async move { store.fetch(&place, &digest, source).await })
    };

    let first = fetch("acme", &refused);
    settle().await;
    let of_the_same_place = fetch("acme", &Scripted::new([]));
    let other = fetch("umbrella", &allowed);
    settle().await;
    assert!(allowed.offsets().is_empty(), "the other follows at first");
    let_refuse.send(()).unwrap();

    for refused in [first, of_the_same_place] {
        assert!(matches!(refused.await.unwrap(), Err(FetchError::Source(_))));
    }
    let found = other.await.unwrap().unwrap();
    assert!(everything(found.stream(..)).await.unwrap() == content);
    assert_eq!(allowed.offsets(), [0]);
}

#[tokio::test(start_paused = true)]
async fn another_places_failure_in_the_middle_tells_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(4 * CHUNK);
    let digest = Digest::of(&content);
    let failure = SourceError::permanent("role arn:aws:iam::111122223333:role/private is not permitted");
    let (sender, mut started) = mpsc::channel::<()>(1);
    let piece = content.slice(..CHUNK);
    let source = Scripted::new([act({
        let total = content.len() as u64;
        move |offset| {
            let first = stream::iter([Ok(piece)]);
            let later = stream::once(async move {
                let _ = started.recv().await;
                Err(failure)
            });
            Ok(Incoming {
                total,
                offset,
                body: first.chain(later).boxed(),
            })
        }
    })]);

    let own = store.fetch(&place("acme"), &digest, source).await.unwrap();
    let foreign = store
        .fetch(&place("umbrella"), &digest, Scripted::new([]))
        .await
        .unwrap();
    let (own, foreign) = (own.stream(..), foreign.stream(..));
    sender.send(()).await.unwrap();
    let (_, error) = until_failure(own).await;
    assert!(matches!(error, FetchError::Source(_)), "{error}");
    let (_, error) = until_failure(foreign).await;
    assert!(matches!(error, FetchError::Interrupted), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_refuses_is_asked_once_and_its_word_arrives() {
    #[derive(Debug, thiserror::Error)]
    #[error("not permitted")]
    struct NotPermitted;

    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let source = Scripted::new([refuse(SourceError::permanent(NotPermitted))]);
    let error = store
        .fetch(&place("acme"), &Digest::of(b"x"), source.clone())
        .await
        .unwrap_err();
    let FetchError::Source(error) = error else {
        panic!("{error}");
    };
    assert!(error.downcast_ref::<NotPermitted>().is_some());
    assert_eq!(source.offsets(), [0]);
    assert!(files(directory.path()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_download_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(2 * CHUNK);
    let digest = Digest::of(&content);
    let failing = Scripted::new([send_until(&content, CHUNK, Some(SourceError::permanent("gone")))]);
    failure(store.fetch(&place("acme"), &digest, failing).await).await;
    assert!(files(directory.path()).is_empty());
    let again = store
        .fetch(&place("acme"), &digest, Scripted::new([send(&content)]))
        .await
        .unwrap();
    assert!(everything(again.stream(..)).await.unwrap() == content);
}

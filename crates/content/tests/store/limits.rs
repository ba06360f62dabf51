//! What a download may cost.

use std::{
    sync::{Arc, OnceLock},
    thread,
};

use bytes::Bytes;
use content::{FetchError, Incoming, Limits, Store};
use futures_util::{StreamExt, stream};
use oci::Digest;
use tokio::{runtime::Builder, sync::mpsc};

use crate::scripted::{Scripted, act, answer, body, content, everything, failure, files, place, relay, send, settle};

#[tokio::test(start_paused = true)]
async fn a_blob_above_the_limit_is_refused_before_its_first_byte() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        largest_blob: 1000,
        ..Limits::default()
    };
    let store = Store::with_limits(directory.path(), limits).unwrap();
    let at_the_limit = content(1000);
    let source = Scripted::new([send(&at_the_limit)]);
    store
        .fetch(&place("acme"), &Digest::of(&at_the_limit), source)
        .await
        .unwrap();
    settle().await;
    let kept = files(directory.path());

    let above = content(1001);
    let source = Scripted::new([send(&above)]);
    let error = store
        .fetch(&place("acme"), &Digest::of(&above), source)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::TooLarge {
                size: 1001,
                limit: 1000
            }
        ),
        "{error}"
    );
    assert_eq!(files(directory.path()), kept);
}

/// Also where the bytes up to the declared size would be right, and where the surplus comes in a piece of its own.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_longer_than_declared_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let declared = content(1000);
    for pieces in [vec![1001], vec![1000, 1], vec![999, 2], vec![1000, 0, 5_000_000]] {
        let source = Scripted::new([act({
            let mut sent = content(1000).to_vec();
            sent.resize(pieces.iter().sum(), 0);
            let mut sent = Bytes::from(sent);
            let pieces: Vec<_> = pieces.iter().map(|length| Ok(sent.split_to(*length))).collect();
            move |offset| {
                Ok(Incoming {
                    total: 1000,
                    offset,
                    body: body(stream::iter(pieces).then(arriving_alone)),
                })
            }
        })]);
        let fetched = store.fetch(&place("acme"), &Digest::of(&declared), source).await;
        let (bytes, error) = failure(fetched).await;
        assert!(matches!(error, FetchError::Long { size: 1000 }), "{pieces:?}: {error}");
        assert!(bytes.is_empty());
        assert!(files(directory.path()).is_empty());
    }
}

/// Keeps a piece from coming together with the one before it.
async fn arriving_alone<T>(piece: T) -> T {
    tokio::task::yield_now().await;
    piece
}

#[tokio::test(start_paused = true)]
async fn downloads_beyond_the_limit_wait_for_their_turn() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        downloads: 1,
        ..Limits::default()
    };
    let store = Store::with_limits(directory.path(), limits).unwrap();
    let (one, two) = (content(10), content(20));
    let (pieces, received) = mpsc::channel(1);
    let first = Scripted::new([relay(one.len(), received)]);
    let second = Scripted::new([send(&two)]);

    store.fetch(&place("acme"), &Digest::of(&one), first).await.unwrap();
    let waiting = tokio::spawn({
        let (store, second, digest) = (store.clone(), second.clone(), Digest::of(&two));
        async move { store.fetch(&place("acme"), &digest, second).await }
    });
    settle().await;
    assert!(second.offsets().is_empty());

    pieces.send(one).await.unwrap();
    drop(pieces);
    let found = waiting.await.unwrap().unwrap();
    assert!(everything(found.stream(..)).await.unwrap() == two);
}

/// The name of the thread tells which runtime it is of.
#[tokio::test]
async fn a_download_runs_in_the_runtime_that_is_meant_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = Builder::new_multi_thread()
        .thread_name("elsewhere")
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let store = Store::open(directory.path())
        .unwrap()
        .downloading_in(elsewhere.handle().clone());
    let content = content(10);
    let (digest, reached) = (Digest::of(&content), Arc::new(OnceLock::new()));
    let source = Scripted::new([answer({
        let (content, reached) = (content.clone(), Arc::clone(&reached));
        async move {
            reached.set(thread::current().name().map(str::to_owned)).unwrap();
            send(&content)(0).await
        }
    })]);
    let found = store.fetch(&place("acme"), &digest, source).await.unwrap();
    assert!(everything(found.stream(..)).await.unwrap() == content);
    assert_eq!(reached.get().unwrap().as_deref(), Some("elsewhere"));

    // A runtime that has ended is no reason to wait for ever.
    elsewhere.shutdown_background();
    let other = Bytes::from_static(b"other");
    let failed = store
        .fetch(&place("acme"), &Digest::of(&other), Scripted::new([send(&other)]))
        .await;
    assert!(matches!(failed, Err(FetchError::Abandoned)));
}

//! Sources that break off and are asked to go on.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use content::{FetchError, Incoming, SourceError, Store};
use futures_util::{StreamExt, stream};
use oci::Digest;
use tokio::time::Instant;

use crate::scripted::{
    CHUNK, Scripted, act, answer, body, content, everything, failure, files, place, refuse, send, send_until,
};

fn reset() -> SourceError {
    SourceError::transient("connection reset")
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_goes_on_where_it_broke() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(4 * CHUNK);
    let digest = Digest::of(&content);
    let source = Scripted::new([
        refuse(reset()),
        send_until(&content, 300_000, Some(reset())),
        refuse(reset()),
        send_until(&content, 700_001, None),
        send(&content),
    ]);
    let growing = store.fetch(&place("acme"), &digest, source.clone()).await.unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == content);
    assert_eq!(source.offsets(), [0, 0, 300_000, 300_000, 700_001]);
    assert!(store.blob(&digest).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_begins_earlier_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(2 * CHUNK);
    let from_the_beginning = {
        let content = content.clone();
        act(move |_| {
            let pieces: Vec<_> = content
                .chunks(7_000)
                .map(|piece| Ok(content.slice_ref(piece)))
                .collect();
            Ok(Incoming {
                total: content.len() as u64,
                offset: 0,
                body: body(stream::iter(pieces)),
            })
        })
    };
    let source = Scripted::new([send_until(&content, 100_000, Some(reset())), from_the_beginning]);
    let growing = store
        .fetch(&place("acme"), &Digest::of(&content), source.clone())
        .await
        .unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == content);
    assert_eq!(source.offsets(), [0, 100_000]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stays_short_is_an_error_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let source = Scripted::new((0..5).map(|_| send_until(&content, 600, None)));
    let begun = Instant::now();
    let fetched = store.fetch(&place("acme"), &Digest::of(&content), source.clone()).await;
    let (bytes, error) = failure(fetched).await;
    assert!(
        matches!(
            error,
            FetchError::Short {
                received: 600,
                size: 1000
            }
        ),
        "{error}"
    );
    assert!(bytes.is_empty());
    assert_eq!(source.offsets(), [0, 600, 600, 600, 600]);
    // 100 + 200 + 400 + 800 ms, and nothing to speak of besides.
    let pauses = begun.elapsed();
    assert!(
        pauses >= Duration::from_millis(1500) && pauses < Duration::from_secs(2),
        "{pauses:?}"
    );
    assert!(files(directory.path()).is_empty());
}

/// What earlier attempts brought does not count for later ones.
#[tokio::test(start_paused = true)]
async fn a_source_that_brings_nothing_more_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(8 * CHUNK);
    let source = Scripted::new((0..5).map(|_| send_until(&content, 6 * CHUNK, Some(reset()))));
    let fetched = store.fetch(&place("acme"), &Digest::of(&content), source.clone()).await;
    let (_, error) = failure(fetched).await;
    assert!(matches!(error, FetchError::Source(_)), "{error}");
    assert_eq!(source.offsets().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stalls_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let stalling = {
        let first = content.slice(..400);
        act(move |offset| {
            Ok(Incoming {
                total: 1000,
                offset,
                body: body(stream::iter([Ok(first)]).chain(stream::pending())),
            })
        })
    };
    let never_opening = answer(pending());
    let source = Scripted::new([never_opening, stalling, send(&content)]);
    let begun = Instant::now();
    let growing = store
        .fetch(&place("acme"), &Digest::of(&content), source.clone())
        .await
        .unwrap();
    assert!(everything(growing.stream(..)).await.unwrap() == content);
    assert_eq!(source.offsets(), [0, 0, 400]);
    let stalled = begun.elapsed();
    assert!(
        stalled >= Duration::from_secs(60) && stalled < Duration::from_secs(62),
        "{stalled:?}"
    );
}

/// Wrong bytes after a resume are wrong bytes.
#[tokio::test(start_paused = true)]
async fn the_digest_is_over_all_attempts_together() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(4 * CHUNK);
    let other = Bytes::from(vec![0; content.len()]);
    let source = Scripted::new([send_until(&content, 2 * CHUNK, Some(reset())), send(&other)]);
    let fetched = store.fetch(&place("acme"), &Digest::of(&content), source).await;
    let (_, error) = failure(fetched).await;
    assert!(matches!(error, FetchError::Mismatch(_)), "{error}");
    assert!(files(directory.path()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_contradicts_itself_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = content(1000);
    let digest = Digest::of(&content);
    let answer = |total: u64, offset: u64| {
        act(move |_| {
            Ok(Incoming {
                total,
                offset,
                body: body(stream::empty()),
            })
        })
    };

    let source = Scripted::new([send_until(&content, 600, Some(reset())), answer(1001, 600)]);
    let fetched = store.fetch(&place("acme"), &digest, source).await;
    let (_, error) = failure(fetched).await;
    assert!(
        matches!(error, FetchError::SizeChanged { size: 1000, now: 1001 }),
        "{error}"
    );

    let source = Scripted::new([send_until(&content, 600, Some(reset())), answer(1000, 601)]);
    let fetched = store.fetch(&place("acme"), &digest, source).await;
    let (_, error) = failure(fetched).await;
    assert!(
        matches!(
            error,
            FetchError::Gap {
                asked: 600,
                answered: 601
            }
        ),
        "{error}"
    );
    assert!(files(directory.path()).is_empty());
}

//! A disk that takes nothing: content is passed through.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use content::{FetchError, Limits, SourceError, Store};
use oci::Digest;

use crate::scripted::{CHUNK, Scripted, act, content, everything, files, place, send, send_until, until_failure};

/// A store on a disk that takes nothing any more.
fn full(directory: &Path) -> Store {
    let store = Store::open(directory).unwrap();
    fs::remove_dir(directory.join("tmp")).unwrap();
    fs::write(directory.join("tmp"), "in the way").unwrap();
    store
}

async fn passed(store: &Store, content: &Bytes, source: Arc<Scripted>) -> content::Passage {
    store.pass_through(&Digest::of(content), source).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_kept_is_passed_through_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let store = full(directory.path());
    let content = content(5 * CHUNK + 7);
    let digest = Digest::of(&content);
    let source = Scripted::new([send(&content), send(&content)]);
    let error = store.fetch(&place("acme"), &digest, source.clone()).await.unwrap_err();
    assert!(matches!(error, FetchError::Disk(_)), "{error}");

    let passage = passed(&store, &content, source).await;
    assert_eq!((passage.digest(), passage.size()), (&digest, content.len() as u64));
    assert!(everything(passage.stream(..)).await.unwrap() == content);
    let status = store.status();
    assert_eq!((status.bypassed, status.failed_writes), (1, 1), "{status:?}");
    fs::remove_file(directory.path().join("tmp")).unwrap();
    fs::create_dir(directory.path().join("tmp")).unwrap();
    assert!(files(directory.path()).is_empty());
}

#[tokio::test]
async fn a_part_is_what_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let store = full(directory.path());
    let content = content(5 * CHUNK + 7);
    let size = content.len();
    for range in [
        0..size,
        0..1,
        3..CHUNK + 5,
        2 * CHUNK..size - 1,
        size - 1..size,
        5..5,
        size..size + 10,
    ] {
        let passage = passed(&store, &content, Scripted::new([send(&content)])).await;
        let asked = range.start as u64..range.end as u64;
        let expected = &content[range.start.min(size)..range.end.min(size)];
        assert!(
            everything(passage.stream(asked)).await.unwrap() == *expected,
            "{range:?}"
        );
    }
    let nothing = Bytes::new();
    let passage = passed(&store, &nothing, Scripted::new([send(&nothing)])).await;
    assert!(everything(passage.stream(..)).await.unwrap().is_empty());
}

#[tokio::test]
async fn wrong_content_never_completes_in_whole_or_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let store = full(directory.path());
    let content = content(5 * CHUNK);
    let mut wrong = content.to_vec();
    wrong[5 * CHUNK - 1] ^= 1;
    let wrong = Bytes::from(wrong);
    for range in [0..5 * CHUNK as u64, 0..10, CHUNK as u64..4 * CHUNK as u64] {
        let passage = passed(&store, &content, Scripted::new([send(&wrong)])).await;
        let (bytes, error) = until_failure(passage.stream(range.clone())).await;
        assert!(matches!(error, FetchError::Mismatch(_)), "{error}");
        let asked = range.end - range.start;
        assert!(bytes.len() as u64 <= asked.saturating_sub(CHUNK as u64), "{range:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_passage_that_breaks_off_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = full(directory.path());
    let content = content(3 * CHUNK);
    let reset = || Some(SourceError::transient("reset"));
    let early = {
        let content = content.clone();
        act(move |offset| {
            let begin = offset as usize - 100;
            let body = futures_util::stream::iter([Ok(content.slice(begin..))]);
            Ok(content::Incoming {
                total: content.len() as u64,
                offset: begin as u64,
                body: Box::pin(body),
            })
        })
    };
    let source = Scripted::new([
        send_until(&content, CHUNK, reset()),
        act(|_| Err(SourceError::transient("down"))),
        send_until(&content, 2 * CHUNK, None),
        early,
    ]);
    let passage = passed(&store, &content, source.clone()).await;
    assert!(everything(passage.stream(..)).await.unwrap() == content);
    let chunk = CHUNK as u64;
    assert_eq!(source.offsets(), [0, chunk, chunk, 2 * chunk]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_refuses_or_fails_again_and_again_ends_the_passage() {
    let directory = tempfile::tempdir().unwrap();
    let store = full(directory.path());
    let content = content(2 * CHUNK);
    let digest = Digest::of(&content);
    let refuse = || act(|_| Err(SourceError::permanent("denied")));
    let error = store
        .pass_through(&digest, Scripted::new([refuse()]))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Source(_)), "{error}");

    let acts = (0..Limits::default().attempts).map(|_| send_until(&content, 0, Some(SourceError::transient("reset"))));
    let passage = passed(&store, &content, Scripted::new(acts)).await;
    let (bytes, error) = until_failure(passage.stream(..)).await;
    assert!(matches!(error, FetchError::Source(_)) && bytes.is_empty(), "{error}");

    let longer = self::content(2 * CHUNK + 1);
    let source = act(move |_| {
        Ok(content::Incoming {
            total: 2 * CHUNK as u64,
            offset: 0,
            body: Box::pin(futures_util::stream::iter([Ok(longer.clone())])),
        })
    });
    let passage = passed(&store, &content, Scripted::new([source])).await;
    let (_, error) = until_failure(passage.stream(..)).await;
    assert!(matches!(error, FetchError::Long { .. }), "{error}");
}

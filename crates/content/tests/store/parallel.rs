//! Large content over several connections.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use content::{Content, FetchError, Limits, Store};
use futures_util::{StreamExt, TryStreamExt};
use oci::{Algorithm, Digest, Hasher};
use proptest::prelude::*;
use tokio::{runtime::Builder, task::JoinSet, time::Instant};

use crate::{
    link::{Far, Fate, Link, MB, long_content},
    scripted::{CHUNK, everything, failure, files, place},
};

/// The target: a layer of 500 MB, where a connection gives 30 MB/s, at least four times as fast as over one.
#[tokio::test(start_paused = true)]
async fn a_large_layer_over_slow_connections_takes_a_quarter_of_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    // No divisor of anything, so that what stands in a wrong place is noticed.
    let part = long_content(7_000_003);
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut left = SIZE;
    while left > 0 {
        let length = left.min(part.len());
        hasher.update(&part[..length]);
        left -= length;
    }
    let link = Link::new(part.clone(), 30 * MB, u64::MAX)
        .repeated(SIZE as u64)
        .without_trouble();

    let begun = Instant::now();
    let source = Arc::new(Far(Arc::clone(&link)));
    let growing = store.fetch(&place("acme"), &hasher.finish(), source).await.unwrap();
    let mut stream = growing.stream(..);
    let first = stream.next().await.unwrap().unwrap();
    let first_byte = begun.elapsed();
    assert!(part.starts_with(&first));
    let mut position = first.len();
    while let Some(mut piece) = stream.try_next().await.unwrap() {
        while !piece.is_empty() {
            let expected = &part[position % part.len()..];
            let compared = piece.split_to(expected.len().min(piece.len()));
            assert!(expected.starts_with(&compared), "at {position}");
            position += compared.len();
        }
    }
    assert_eq!(position, SIZE);
    let taken = begun.elapsed();

    let over_one_connection = Duration::from_secs_f64(500.0 / 30.0);
    assert!(taken * 4 <= over_one_connection, "{taken:?}");
    assert!(first_byte <= Duration::from_millis(30), "{first_byte:?}");
    assert!(link.most_open() <= Limits::default().connections);
}

/// Many want the same at once: it comes once, and nobody waits longer for the first byte than the first one does.
#[tokio::test(start_paused = true)]
async fn a_herd_is_one_download() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(48_000_000);
    let link = Link::new(content.clone(), 25 * MB, u64::MAX).without_trouble();
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..200 {
        let (store, content, link) = (store.clone(), content.clone(), Arc::clone(&link));
        clients.spawn(async move {
            let mut stream = fetch(&store, &content, &link).await.unwrap().stream(..);
            let first = stream.next().await.unwrap().unwrap();
            assert!(content.starts_with(&first));
            (begun.elapsed(), stream, first.len())
        });
    }
    let mut last = None;
    while let Some(client) = clients.join_next().await {
        let (first_byte, stream, length) = client.unwrap();
        assert!(first_byte < Duration::from_millis(100), "{first_byte:?}");
        last = Some((stream, length));
    }
    let (stream, length) = last.unwrap();
    assert!(everything(stream).await.unwrap() == content.slice(length..));
    assert!(link.sent() < 50 * MB, "{}", link.sent());
    assert_eq!(link.requests().iter().filter(|(offset, _)| *offset == 0).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_one_connection_fills_is_not_slower_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(48_000_000);
    let link = Link::new(content.clone(), 20 * MB, 20 * MB).without_trouble();
    let begun = Instant::now();
    assert_whole(fetch(&store, &content, &link).await, &content).await;
    let taken = begun.elapsed();
    let direct = Duration::from_secs_f64(48.0 / 20.0) + Duration::from_millis(20);
    assert!(taken <= direct.mul_f64(1.05), "{taken:?}");
    assert!(link.requests().len() <= 6, "{:?}", link.requests());
}

#[tokio::test(start_paused = true)]
async fn small_content_costs_one_request() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(8_000_000);
    let link = Link::new(content.clone(), MB, u64::MAX).without_trouble();
    assert_whole(fetch(&store, &content, &link).await, &content).await;
    assert_eq!(link.requests(), [(0, None)]);
}

#[tokio::test(start_paused = true)]
async fn connections_are_limited_for_one_download_and_for_all() {
    for (connections, further_connections, most) in [(3, 100, 3), (16, 2, 3), (16, 0, 1), (0, 100, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits {
            connections,
            further_connections,
            ..Limits::default()
        };
        let store = Store::with_limits(directory.path(), limits).unwrap();
        let content = long_content(48_000_000);
        let link = Link::new(content.clone(), 10 * MB, u64::MAX).without_trouble();
        assert_whole(fetch(&store, &content, &link).await, &content).await;
        assert_eq!(link.most_open(), most);
        // The rights come back with the end of the download.
        let other = content.slice(1..);
        let link = Link::new(other.clone(), 10 * MB, u64::MAX).without_trouble();
        assert_whole(fetch(&store, &other, &link).await, &other).await;
        assert_eq!(link.most_open(), most);
    }
}

/// A source that sends everything, whatever it is asked for, is asked by the first further connections and then no more.
#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_begin_in_the_middle_is_read_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(40_000_000);
    let link = Link::new(content.clone(), 10 * MB, u64::MAX).with_fates(|number, _| match number {
        0..=3 => Fate::Whole,
        _ => Fate::Refused("it was to be asked by three more only"),
    });
    assert_whole(fetch(&store, &content, &link).await, &content).await;
    assert!(link.requests().len() <= 4, "{:?}", link.requests());
    assert!(link.sent() < 41 * MB, "nearly nothing came twice: {}", link.sent());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_bears_one_connection_only_is_used_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(40_000_000);
    let link = Link::new(content.clone(), 10 * MB, u64::MAX);
    let link = link.with_fates(|_, open| match open {
        0 => Fate::Served,
        _ => Fate::Refused("too many connections"),
    });
    assert_whole(fetch(&store, &content, &link).await, &content).await;
    assert_eq!(link.most_open(), 1);
    assert!(link.sent() <= 41 * MB, "{}", link.sent());
}

#[tokio::test(start_paused = true)]
async fn trouble_with_a_piece_is_healed_and_nothing_comes_twice() {
    let troubles: [fn(u64) -> Fate; 4] = [Fate::Reset, Fate::Ends, Fate::Stalls, |_| Fate::Refused("503")];
    for trouble in troubles {
        for after in [0, 1_250_000] {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(directory.path()).unwrap();
            let content = long_content(48_000_000);
            let link = Link::new(content.clone(), 10 * MB, u64::MAX);
            let link = link.with_fates(move |number, _| match number % 3 {
                1 => trouble(after),
                _ => Fate::Served,
            });
            assert_whole(fetch(&store, &content, &link).await, &content).await;
            assert!(link.most_open() > 2, "{:?} {after}", trouble(after));
            // What was on its way when the first connection was let go.
            assert!(link.sent() <= 50 * MB, "{:?} {after}: {}", trouble(after), link.sent());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_byte_in_any_piece_completes_for_nobody() {
    for wrong in [0, 1, 4, 6] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let content = long_content(48_000_000);
        let link = Link::new(content.clone(), 10 * MB, u64::MAX);
        let link = link.with_fates(move |number, _| match number == wrong {
            true => Fate::Flips(123_456),
            false => Fate::Served,
        });
        let (bytes, error) = failure(fetch(&store, &content, &link).await).await;
        assert!(link.requests().len() > wrong);
        assert!(matches!(error, FetchError::Mismatch(_)), "{error}");
        assert!(bytes.len() <= content.len() - CHUNK);
        assert!(files(directory.path()).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_piece_that_contradicts_the_others_ends_the_download() {
    for wrong in [1, 3] {
        for fate in [Fate::Larger(1), Fate::Later(1)] {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(directory.path()).unwrap();
            let content = long_content(48_000_000);
            let is_later = matches!(fate, Fate::Later(_));
            let link = Link::new(content.clone(), 10 * MB, u64::MAX);
            let link = link.with_fates(move |number, _| match number == wrong {
                true => fate.clone(),
                false => Fate::Served,
            });
            let (_, error) = failure(fetch(&store, &content, &link).await).await;
            match error {
                FetchError::Gap { .. } => assert!(is_later),
                FetchError::SizeChanged { size, now } => assert!(!is_later && now == size + 1),
                other => panic!("{other}"),
            }
            assert!(files(directory.path()).is_empty());
        }
    }
}

/// Every connection tries as often as a single one would, and then all is over.
#[tokio::test(start_paused = true)]
async fn a_source_that_dies_in_the_middle_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let content = long_content(48_000_000);
    let link = Link::new(content.clone(), 10 * MB, u64::MAX).with_fates(|number, _| match number {
        0 => Fate::Reset(6_000_000),
        1..4 => Fate::Reset(1_000_000),
        _ => Fate::Refused("gone"),
    });
    let begun = Instant::now();
    let (_, error) = failure(fetch(&store, &content, &link).await).await;
    assert!(
        matches!(&error, FetchError::Source(error) if error.to_string() == "gone"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(link.requests().len() <= 16 * 5, "{}", link.requests().len());
    assert!(files(directory.path()).is_empty());
}

fn fate(kind: u8, after: u64) -> Fate {
    match kind {
        0 => Fate::Reset(after),
        1 => Fate::Ends(after),
        2 => Fate::Refused("503"),
        3 => Fate::Stalls(after),
        4 => Fate::Whole,
        _ => Fate::Served,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Connections that bring this and that, break and come again, at any speed: the content is the content, for readers
    /// from the beginning and from the middle.
    #[test]
    fn any_schedule_of_pieces_gives_the_same_content(
        size in 8 * MB..40 * MB,
        each in 2 * MB..40 * MB,
        all in 5 * MB..400 * MB,
        connections in 1..16_usize,
        fates in prop::collection::vec((0..14_u8, 0..4 * MB), 0..24),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let content = long_content(usize::try_from(size).unwrap());
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Limits { connections, attempts: 30, ..Limits::default() };
            let store = Store::with_limits(directory.path(), limits).unwrap();
            let link = Link::new(content.clone(), each, all).with_fates(move |number, _| {
                fates.get(number).map_or(Fate::Served, |(kind, after)| fate(*kind, *after))
            });
            let growing = fetch(&store, &content, &link).await.unwrap();
            let middle = size / 2;
            let from_the_middle = tokio::spawn(everything(growing.stream(middle..)));
            prop_assert!(everything(growing.stream(..)).await.unwrap() == content);
            prop_assert!(from_the_middle.await.unwrap().unwrap() == content.slice(middle as usize..));
            Ok(())
        })?;
    }
}

/// Bytes of a large layer.
const SIZE: usize = 500_000_000;

async fn fetch(store: &Store, content: &Bytes, link: &Arc<Link>) -> Result<Content, FetchError> {
    let source = Arc::new(Far(Arc::clone(link)));
    store.fetch(&place("acme"), &Digest::of(content), source).await
}

async fn assert_whole(fetched: Result<Content, FetchError>, content: &Bytes) {
    let read = everything(fetched.unwrap().stream(..)).await.unwrap();
    assert!(read == *content);
}

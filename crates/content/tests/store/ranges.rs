//! Every range, against a plain slice.

use bytes::Bytes;
use content::{ByteStream, Content, Incoming, SourceError, Store};
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::Digest;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::scripted::{Act, CHUNK, Scripted, act, body, content, place};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

fn expected(content: &[u8], start: usize, end: usize) -> &[u8] {
    let start = start.min(content.len());
    &content[start..end.clamp(start, content.len())]
}

async fn pieces(stream: ByteStream) -> Vec<Bytes> {
    stream.try_collect().await.unwrap()
}

/// Sends pieces of this length, and after so many of them fails.
fn in_pieces(content: &Bytes, length: usize, count: usize) -> Act {
    let content = content.clone();
    act(move |offset| {
        let rest = content.slice(offset as usize..);
        let broke_off = rest.len() > length * count;
        let pieces: Vec<_> = rest
            .chunks(length)
            .take(count)
            .map(|piece| Ok(rest.slice_ref(piece)))
            .collect();
        let failure = broke_off.then(|| Err(SourceError::transient("reset")));
        Ok(Incoming {
            total: content.len() as u64,
            offset,
            body: body(stream::iter(pieces.into_iter().chain(failure))),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_of_finished_content_is_the_slice(
        size in 0..3 * CHUNK,
        ranges in prop::collection::vec((0..4 * CHUNK, 0..4 * CHUNK), 1..8),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let content = content(size);
        runtime().block_on(async {
            let store = Store::open(directory.path()).unwrap();
            let blob = store.put(&Digest::of(&content), content.clone()).await.unwrap();
            for (start, end) in ranges {
                let pieces = pieces(blob.stream(start as u64..end as u64)).await;
                prop_assert!(pieces.iter().all(|piece| (1..=CHUNK).contains(&piece.len())));
                prop_assert!(pieces.concat() == expected(&content, start, end), "{start}..{end} of {size}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_range_of_growing_content_is_the_slice(
        size in 0..4 * CHUNK,
        ranges in prop::collection::vec((0..4 * CHUNK, 0..4 * CHUNK), 1..8),
        length in 1_000..2 * CHUNK,
        broken_after in prop::collection::vec(0..40_usize, 0..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let content = content(size);
        runtime().block_on(async {
            let store = Store::open(directory.path()).unwrap();
            let acts = broken_after.iter().map(|count| in_pieces(&content, length, *count));
            let source = Scripted::new(acts.chain([in_pieces(&content, length, usize::MAX / length)]));
            let growing: Content = store.fetch(&place("acme"), &Digest::of(&content), source).await.unwrap();
            let readers: Vec<_> = ranges
                .into_iter()
                .map(|(start, end)| (start, end, tokio::spawn(pieces(growing.stream(start as u64..end as u64).boxed()))))
                .collect();
            for (start, end, reader) in readers {
                let pieces = reader.await.unwrap();
                prop_assert!(pieces.iter().all(|piece| (1..=CHUNK).contains(&piece.len())));
                prop_assert!(pieces.concat() == expected(&content, start, end), "{start}..{end} of {size}");
            }
            Ok(())
        })?;
    }
}

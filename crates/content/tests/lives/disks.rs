//! Disks that become full. A child has a small one to itself, in a mount namespace of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use content::{Content, FetchError, Incoming, SourceError, Store};
use futures_util::{FutureExt, StreamExt, stream};
use oci::Digest;
use tokio::sync::oneshot;

use crate::{
    child::{behind, inherited, log, namespaces},
    link::{Far, Link, MB, long_content},
    scripted::{Act, CHUNK, Scripted, act, body, content, everything, files, place, refuse, send, until_failure},
};

/// A disk of so many MiB.
fn of(mebibytes: usize, directory: &Path) -> String {
    format!("mount -t tmpfs -o size={mebibytes}m tmpfs {}", directory.display())
}

/// Takes so many bytes of the disk, and gives them back when it is dropped.
struct Filler(PathBuf);

impl Filler {
    fn new(directory: &Path, bytes: usize) -> Self {
        let path = directory.join("filler");
        fs::write(&path, vec![1; bytes]).unwrap();
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// Says how much there is, and sends it when it is told to.
fn send_later(content: &Bytes) -> (Act, oneshot::Sender<()>) {
    let (go_on, told) = oneshot::channel();
    let content = content.clone();
    let begin = act(move |offset| {
        let pieces: Vec<_> = content
            .chunks(10_000)
            .map(|piece| Ok(content.slice_ref(piece)))
            .collect();
        let pieces = told.map(|_| stream::iter(pieces)).flatten_stream();
        Ok(Incoming {
            total: content.len() as u64,
            offset,
            body: body(pieces),
        })
    });
    (begin, go_on)
}

/// The child on a disk of 8 MiB that somebody else fills for a while.
async fn pull_until_there_is_room(directory: &Path) {
    log();
    let store = Store::open(directory).unwrap();
    let large = content(20 * CHUNK);
    let digest = Digest::of(&large);
    for pull in 1..=3 {
        let (begun, go_on) = send_later(&large);
        let source = Scripted::new([begun, send(&large)]);
        let found = store.fetch(&place("acme"), &digest, source.clone()).await.unwrap();
        let _filler = Filler::new(directory, 18 * CHUNK);
        go_on.send(()).unwrap();
        assert!(everything(found.stream(..)).await.unwrap() == large);
        assert!(
            matches!(source.offsets()[..], [0, offset] if offset > 8 * CHUNK as u64),
            "{:?}",
            source.offsets()
        );
        drop(found);
        assert!(files(directory).is_empty());
        assert!(store.blob(&digest).await.unwrap().is_none());
        let status = store.status();
        assert_eq!((status.failed_writes, status.bypassed), (pull, pull), "{status:?}");
    }

    // What is known not to fit does not fill the disk.
    let filler = Filler::new(directory, 18 * CHUNK);
    let source = Scripted::new([send(&large), send(&large)]);
    let error = store.fetch(&place("acme"), &digest, source.clone()).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::Disk(error) if error.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
    let passage = store.pass_through(&digest, source).await.unwrap();
    assert!(everything(passage.stream(..)).await.unwrap() == large);
    let status = store.status();
    assert_eq!((status.failed_writes, status.bypassed), (4, 4), "{status:?}");

    // What fits is kept meanwhile, and the large one when there is room.
    let small = content(CHUNK);
    for (content, room) in [(small, None), (large, Some(filler))] {
        drop(room);
        let digest = Digest::of(&content);
        let source = Scripted::new([send(&content)]);
        let found = store.fetch(&place("acme"), &digest, source).await.unwrap();
        assert!(everything(found.stream(..)).await.unwrap() == content);
        let found = loop {
            // The name comes after the last byte.
            match store.fetch(&place("acme"), &digest, Scripted::new([])).await.unwrap() {
                Content::Whole(blob) => break blob,
                Content::Growing(_) => tokio::task::yield_now().await,
            }
        };
        assert!(everything(found.stream(..)).await.unwrap() == content);
    }
    assert_eq!(store.status().failed_writes, 4);
}

#[tokio::test]
async fn content_that_does_not_fit_is_pulled_to_its_end_and_kept_when_there_is_room() {
    if let Some(directory) = inherited() {
        return pull_until_there_is_room(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "disks::content_that_does_not_fit_is_pulled_to_its_end_and_kept_when_there_is_room";
    let log = behind(namespaces(), &of(8, directory.path()), test, directory.path());
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("No space left") && warning.contains("cache.max_size")),
        "{warnings:?}"
    );
}

const CHUNK_OR_MORE: u64 = CHUNK as u64;

/// The child on a disk of 40 MiB, which is full at another moment each time, while a download over several connections
/// has readers who are at other places.
async fn follow_onto_a_full_disk(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let content = long_content(40_000_000);
    let digest = Digest::of(&content);
    for filled in [4, 11, 23, 34, 38] {
        let before = store.status();
        let link = Link::new(content.clone(), 10 * MB, u64::MAX).without_trouble();
        let other = Link::new(content.clone(), 50 * MB, u64::MAX).without_trouble();
        let of = |link: &Arc<Link>| Arc::new(Far(Arc::clone(link)));
        let growing = store.fetch(&place("acme"), &digest, of(&link)).await.unwrap();
        let filler = Filler::new(directory, filled << 20);
        let foreign = store.fetch(&place("other"), &digest, of(&other)).await.unwrap();
        let mut slow = growing.stream(..);
        let first = slow.next().await.unwrap().unwrap();

        let size = content.len() as u64;
        let ranges = [
            0..size,
            0..10,
            size / 2..size,
            100..3 * MB,
            size - 5..size,
            7..7,
            5 * MB..6 * MB,
        ];
        let readers = ranges
            .clone()
            .map(|range| tokio::spawn(everything(growing.stream(range))));
        let foreign = everything(foreign.stream(MB..)).await.unwrap();
        assert!(foreign == content.slice(MB as usize..), "{filled}");
        for (range, reader) in ranges.into_iter().zip(readers) {
            let expected = content.slice(range.start as usize..range.end as usize);
            assert!(reader.await.unwrap().unwrap() == expected, "{range:?} with {filled}");
        }
        // Who has read next to nothing so far still finds what had come, and the rest.
        assert!(first.len() < content.len() / 4);
        assert!(
            everything(slow).await.unwrap() == content.slice(first.len()..),
            "{filled}"
        );

        let status = store.status();
        assert_eq!(status.failed_writes - before.failed_writes, 1, "{filled}");
        assert_eq!(status.bypassed - before.bypassed, 9, "{filled}");
        assert!(link.most_open() > 1 || filled > 30);
        let requests = other.requests();
        assert!(
            matches!(requests[..], [(CHUNK_OR_MORE.., None)]),
            "the other place asks its own source, and only for what was behind the first hole: {requests:?}"
        );
        drop(growing);
        drop(filler);
        assert!(files(directory).is_empty());
        assert!(store.blob(&digest).await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_becomes_full_in_the_middle_is_noticed_by_no_reader() {
    if let Some(directory) = inherited() {
        return follow_onto_a_full_disk(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "disks::a_disk_that_becomes_full_in_the_middle_is_noticed_by_no_reader";
    behind(namespaces(), &of(40, directory.path()), test, directory.path());
}

/// The child on a full disk, whose source goes on with wrong bytes, or not at all.
async fn go_on_wrongly(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let content = content(20 * CHUNK);
    let digest = Digest::of(&content);
    let mut wrong = content.to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    let wrong = Bytes::from(wrong);
    for range in [0..20 * CHUNK as u64, 0..10, 19 * CHUNK as u64..20 * CHUNK as u64] {
        let (begun, go_on) = send_later(&content);
        let source = Scripted::new([begun, send(&wrong)]);
        let growing = store.fetch(&place("acme"), &digest, source).await.unwrap();
        let _filler = Filler::new(directory, 18 * CHUNK);
        go_on.send(()).unwrap();
        let (bytes, error) = until_failure(growing.stream(range.clone())).await;
        assert!(matches!(error, FetchError::Mismatch(_)), "{error}");
        let asked = (range.end - range.start) as usize;
        assert!(
            bytes.len() <= asked.saturating_sub(CHUNK),
            "{} of {range:?}",
            bytes.len()
        );
        assert!(content[range.start as usize..].starts_with(&bytes));
    }
    let (begun, go_on) = send_later(&content);
    let source = Scripted::new([begun, refuse(SourceError::permanent("denied"))]);
    let growing = store.fetch(&place("acme"), &digest, source).await.unwrap();
    let _filler = Filler::new(directory, 18 * CHUNK);
    go_on.send(()).unwrap();
    let (_, error) = until_failure(growing.stream(..)).await;
    assert!(
        matches!(&error, FetchError::Source(error) if error.to_string() == "denied"),
        "{error}"
    );
    assert!(store.blob(&digest).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_full_disk_completes_only_if_all_of_it_is_right() {
    if let Some(directory) = inherited() {
        return go_on_wrongly(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "disks::what_follows_a_full_disk_completes_only_if_all_of_it_is_right";
    behind(namespaces(), &of(8, directory.path()), test, directory.path());
}

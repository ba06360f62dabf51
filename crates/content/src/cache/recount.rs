use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    time::{Duration, Instant},
};

use oci::Algorithm;

use super::{keeper, shelf::Shelf};

/// Looks now and then for what somebody else took out of the cache's directories, `wharfinger cache prune` above all: else
/// the cache would count as full of what is gone, and what is there would have to make room for it.
///
/// A directory that nothing came into or went out of since the last look costs one question.
#[derive(Debug)]
pub(super) struct Recount {
    seen: HashMap<Shard, Option<Stamp>>,
    next: Instant,
}

/// The first byte of the digests in a directory.
pub(super) type Shard = (Algorithm, u8);

/// Which directory it is, and when its names changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    directory: (u64, u64),
    changed: (i64, i64),
}

impl Recount {
    /// Looks first at this moment.
    pub(super) fn first_at(next: Instant) -> Self {
        Self {
            seen: HashMap::new(),
            next,
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Notes what a directory is like that is about to be read. Answers with whether it changed since it was last noted,
    /// and whether it is another one.
    pub(super) fn note(&mut self, shelf: &Shelf, shard: Shard) -> (bool, bool) {
        let stamp = fs::metadata(shelf.layout.blobs_of(shard)).ok().map(|metadata| Stamp {
            directory: (metadata.dev(), metadata.ino()),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        });
        let before = self.seen.insert(shard, stamp).flatten();
        let directory = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.directory);
        (before != stamp, directory(before) != directory(stamp))
    }

    /// Looks once. `pause` lets others have the disk, and says whether to go on.
    pub(super) fn run(&mut self, shelf: &Shelf, pause: impl Fn(Duration) -> bool) {
        let begun = Instant::now();
        let mut changed = HashSet::new();
        for shard in shards() {
            let (is_changed, is_another) = self.note(shelf, shard);
            if is_another {
                keeper::see(shelf, shard);
            }
            if is_changed {
                changed.insert(shard);
            }
        }
        // From the end down: what goes is replaced by what was the last, and that was looked at.
        let mut end = if changed.is_empty() { 0 } else { usize::MAX };
        while end > 0 {
            let step = Instant::now();
            let (digests, begin) = shelf.known_before(end, |shard| changed.contains(&shard));
            for digest in &digests {
                if let Err(error) = fs::symlink_metadata(shelf.layout.blob(digest))
                    && error.kind() == io::ErrorKind::NotFound
                {
                    shelf.forget_missing(digest);
                }
            }
            end = begin;
            if !pause(step.elapsed()) {
                return;
            }
        }
        self.next = Instant::now() + EVERY.max(begun.elapsed() * SELDOM);
    }
}

/// All directories that content may lie in.
pub(super) fn shards() -> impl Iterator<Item = Shard> {
    let algorithms = [Algorithm::Sha256, Algorithm::Sha512].into_iter();
    algorithms.flat_map(|algorithm| (0..=u8::MAX).map(move |first| (algorithm, first)))
}

/// How soon whoever prunes sees it in the metrics.
pub(super) const EVERY: Duration = Duration::from_secs(30);
/// In a cache so large, and so busy, that a look takes long, at most a fiftieth of the time is spent on it.
const SELDOM: u32 = 50;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use oci::Digest;

    use super::*;
    use crate::{Budget, directory::Directory};

    fn put(directory: &Directory, text: &'static str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        let mut content = directory.begin(digest.algorithm(), text.len() as u64).unwrap();
        content.append(&Bytes::from_static(text.as_bytes())).unwrap();
        directory.keep(content.verify(&digest).unwrap()).unwrap();
        digest
    }

    fn entries(directory: &Directory) -> (usize, u64) {
        let status = directory.shelf().status.borrow();
        (status.entries, status.bytes)
    }

    #[test]
    fn what_others_took_out_of_the_cache_does_not_count_any_more() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path(), Budget::default()).unwrap();
        let [first, _, third] = ["one", "two", "three"].map(|text| put(&directory, text));
        let mut recount = Recount::first_at(Instant::now());
        recount.run(directory.shelf(), |_| true);
        assert_eq!(entries(&directory), (3, 3 * 4096));
        for digest in [first, third] {
            fs::remove_file(directory.layout().blob(&digest)).unwrap();
        }
        recount.run(directory.shelf(), |_| true);
        assert_eq!(entries(&directory), (1, 4096));
    }

    #[test]
    fn directories_that_went_and_came_back_are_counted_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path(), Budget::default()).unwrap();
        let digests = ["one", "two"].map(|text| put(&directory, text));
        let mut recount = Recount::first_at(Instant::now());
        recount.run(directory.shelf(), |_| true);
        let (blobs, away) = (root.path().join("blobs"), root.path().join("away"));
        fs::rename(&blobs, &away).unwrap();
        recount.run(directory.shelf(), |_| true);
        assert_eq!(entries(&directory), (0, 0));
        fs::rename(&away, &blobs).unwrap();
        recount.run(directory.shelf(), |_| true);
        assert_eq!(entries(&directory), (2, 2 * 4096));
        assert!(digests.iter().all(|digest| directory.find(digest).unwrap().is_some()));
    }
}

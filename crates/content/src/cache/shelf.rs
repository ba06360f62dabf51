use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, Metadata},
    hash::{BuildHasher, RandomState},
    io,
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use jiff::Timestamp;
use oci::Digest;
use tokio::sync::{Semaphore, watch};

use super::{
    budget::Budget,
    check::{self, Check},
    index::Index,
    recount::Shard,
    status::CacheStatus,
    usage::Usage,
};
use crate::{blob::Blob, layout::Layout};

/// The finished content and what is known of it. The files are the truth: whatever is known here is only ever a reason to
/// look at a file less closely, or to let it go.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(super) layout: Layout,
    pub(super) budget: Budget,
    known: Mutex<Known>,
    pub(crate) status: watch::Sender<CacheStatus>,
    /// How many large blobs are checked at a time.
    pub(super) checkers: Arc<Semaphore>,
    marks: RandomState,
}

#[derive(Debug, Default)]
struct Known {
    index: Index,
    /// Large blobs that are being checked for those who read them.
    checks: HashMap<Digest, Weak<Check>>,
    /// Wrong content whose file cannot be removed. It counts as absent.
    condemned: HashSet<Digest>,
    /// Content that could only stay alone, because it is larger than what an eviction leaves. It is the first to go: else
    /// everything that others use would go before it, at every pull of it.
    oversized: HashSet<Digest>,
}

impl Shelf {
    pub(crate) fn new(layout: Layout, budget: Budget) -> Arc<Self> {
        let checkers = std::thread::available_parallelism().map_or(1, usize::from);
        let status = CacheStatus {
            max_bytes: budget.max_size,
            ..CacheStatus::default()
        };
        Arc::new(Self {
            layout,
            budget,
            known: Mutex::default(),
            status: watch::Sender::new(status),
            checkers: Arc::new(Semaphore::new(checkers)),
            marks: RandomState::new(),
        })
    }

    /// The blob in this file, to be read by somebody who wants it: this counts as a use.
    ///
    /// Content that was not looked at today is checked before anybody has all of it: at once where it is small, where
    /// nothing is answered if it is wrong; else while it is read.
    pub(crate) fn lend(self: &Arc<Self>, digest: &Digest, file: File, metadata: &Metadata) -> io::Result<Option<Blob>> {
        let on_disk = Usage::of(metadata);
        let (usage, is_sound, is_condemned) = {
            let mut known = self.known();
            let usage = known.index.usage(digest).unwrap_or(on_disk).used((self.budget.clock)());
            let is_sound = known.index.mark(digest) == self.mark(metadata);
            if known.index.usage(digest).is_some() {
                known.index.set_usage(digest, usage);
            } else {
                known.insert(digest, metadata.len(), usage, &self.budget);
                self.publish(&known.index);
            }
            (usage, is_sound, known.condemned.contains(digest))
        };
        if is_condemned {
            return Ok(None);
        }
        let mut mark = self.mark(metadata);
        // Where it cannot be written, the disk is read-only, or the file another user's: it is served all the same.
        if usage.is_worth_writing(on_disk) && file.set_modified(usage.file_time()).is_ok() {
            mark = self.mark(&file.metadata()?);
            if is_sound {
                self.known().index.set_mark(digest, mark);
            }
        }
        let blob = Blob::new(digest.clone(), metadata.len(), Arc::new(file)).on(Arc::clone(self));
        if is_sound {
            return Ok(Some(blob));
        }
        if metadata.len() > check::AT_ONCE {
            let check = self.check(&blob, mark);
            return Ok(Some(blob.checked_by(check)));
        }
        // What the disk does not give back is as wrong as what it gives back otherwise.
        let is_right = check::is_right(digest, blob.file()).unwrap_or(false);
        if is_right {
            self.note_sound(digest, blob.file(), mark);
        } else {
            self.discard(digest, blob.file());
        }
        Ok(is_right.then_some(blob))
    }

    /// Notes content that this process wrote, and that therefore is right.
    pub(crate) fn keep(&self, digest: &Digest, size: u64, file: &File, usage: Usage) {
        let mark = file.metadata().map_or(0, |metadata| self.mark(&metadata));
        let mut known = self.known();
        known.condemned.remove(digest);
        known.insert(digest, size, usage, &self.budget);
        known.index.set_mark(digest, mark);
        self.publish(&known.index);
    }

    /// The usage of content that is about to be kept.
    pub(crate) fn usage_of_new(&self, digest: &Digest) -> Usage {
        let now = (self.budget.clock)();
        let known = self.known().index.usage(digest);
        known.map_or(Usage::first(now), |usage| usage.used(now))
    }

    /// Notes content that was found in a directory.
    pub(super) fn saw(&self, found: impl IntoIterator<Item = (Digest, u64, Usage)>) {
        let mut known = self.known();
        for (digest, size, usage) in found {
            // What was used since the start is known better.
            if known.index.usage(&digest).is_none() {
                known.insert(&digest, size, usage, &self.budget);
            }
        }
        self.publish(&known.index);
    }

    /// Some of what is known, from before `end` in the index, as far as it lies in directories for which `is_in` holds;
    /// and what is to be the next `end`, 0 when there is no more.
    pub(super) fn known_before(&self, end: usize, is_in: impl Fn(Shard) -> bool) -> (Vec<Digest>, usize) {
        self.known().index.before(end, is_in)
    }

    /// Forgets content whose file is not there. It may have come back by now: whoever keeps content notes it when its file
    /// is there, so nothing that is there is forgotten.
    pub(super) fn forget_missing(&self, digest: &Digest) {
        let mut known = self.known();
        if !self.layout.blob(digest).exists() {
            known.remove(digest);
            self.publish(&known.index);
        }
    }

    /// Forgets content whose file is not there.
    pub(crate) fn gone(&self, digest: &Digest) {
        let mut known = self.known();
        if known.index.usage(digest).is_some() {
            known.remove(digest);
            self.publish(&known.index);
        }
    }

    /// Removes the content that is worth least, as far as it is not pinned. Readers that have it open read on. Answers
    /// with the bytes that are left, or nothing where nothing may go.
    pub(super) fn evict_one(&self, pinned: &HashSet<Digest>) -> io::Result<Option<u64>> {
        let Some(digest) = self.known().candidate((self.budget.clock)(), pinned) else {
            return Ok(None);
        };
        let path = self.layout.blob(&digest);
        let size = match fs::metadata(&path).and_then(|metadata| fs::remove_file(&path).map(|()| metadata.len())) {
            Ok(size) => Some(size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut known = self.known();
        let is_oversized = known.oversized.contains(&digest);
        // Unless it came back meanwhile: whoever keeps content notes it when its file is there, so nothing that is there
        // is forgotten.
        if !path.exists() {
            known.remove(&digest);
        }
        self.publish(&known.index);
        let left = known.index.bytes();
        drop(known);
        if let Some(size) = size {
            if is_oversized {
                tracing::warn!(%digest, size, "content is too large to stay beside other content, and goes; raise `cache.max_size` above it");
            } else {
                tracing::debug!(%digest, size, "content was evicted");
            }
            self.status.send_modify(|status| {
                status.evicted += 1;
                status.evicted_bytes += size;
            });
        }
        Ok(Some(left))
    }

    /// Removes wrong content, if the name still stands for this file; the next pull fetches it again.
    pub(crate) fn discard(&self, digest: &Digest, file: &File) {
        tracing::warn!(%digest, "the file of this content is damaged; it is removed and will be fetched again");
        let path = self.layout.blob(digest);
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let is_same = match (fs::metadata(&path), file.metadata()) {
            (Ok(named), Ok(open)) => identity(named) == identity(open),
            (Err(error), _) => error.kind() != io::ErrorKind::NotFound,
            (_, Err(_)) => true,
        };
        if !is_same {
            return;
        }
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%digest, %error, "the damaged file cannot be removed; it is not used any more");
            self.known().condemned.insert(digest.clone());
        }
        self.status.send_modify(|status| status.damaged += 1);
        self.gone(digest);
    }

    /// Counts an answer that the disk had no part in, or only at its beginning.
    pub(crate) fn bypassed(&self) {
        self.status.send_modify(|status| status.bypassed += 1);
    }

    /// Notes that this file was found to be right, unless somebody has changed it since it had this mark: what was read
    /// before says nothing about it then.
    pub(crate) fn note_sound(&self, digest: &Digest, file: &File, mark: u32) {
        if file.metadata().is_ok_and(|metadata| self.mark(&metadata) == mark) {
            self.known().index.set_mark(digest, mark);
        }
    }

    /// The one check of this blob, as long as nobody changes its file. An earlier check may be held by a slow reader long
    /// after it has passed.
    fn check(self: &Arc<Self>, blob: &Blob, mark: u32) -> Arc<Check> {
        let mut known = self.known();
        let running = known.checks.get(blob.digest()).and_then(Weak::upgrade);
        if let Some(check) = running.filter(|check| check.mark() == mark) {
            return check;
        }
        known.checks.retain(|_, check| check.strong_count() > 0);
        let check = Check::new(Arc::clone(self), blob, mark);
        known.checks.insert(blob.digest().clone(), Arc::downgrade(&check));
        check
    }

    /// A number for the file as it is today, which changes when anybody changes the file: the time of its last change
    /// (`ctime`) cannot be set. What rots without a change is found within a day, because the day is a part of it.
    fn mark(&self, metadata: &Metadata) -> u32 {
        let day = (self.budget.clock)().as_second() / (24 * 3600);
        let file = (metadata.dev(), metadata.ino(), metadata.len());
        let hash = self
            .marks
            .hash_one((file, metadata.ctime(), metadata.ctime_nsec(), day));
        // 0 stands for none.
        (hash as u32).max(1)
    }

    /// Says how much there is. Called while `known` is locked, so that the last word is the latest.
    fn publish(&self, index: &Index) {
        self.status.send_modify(|status| {
            (status.entries, status.bytes) = (index.len(), index.bytes());
            // Until room was made down to the goal.
            status.is_full |= self.budget.is_exceeded(status.bytes);
        });
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in there has to agree with anything else for an answer to be right.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, digest: &Digest, size: u64, usage: Usage, budget: &Budget) {
        self.index.insert(digest, size, usage);
        if size > budget.goal() {
            self.oversized.insert(digest.clone());
        }
    }

    fn remove(&mut self, digest: &Digest) {
        self.index.remove(digest);
        self.oversized.remove(digest);
    }

    /// What is to go next.
    fn candidate(&mut self, now: Timestamp, pinned: &HashSet<Digest>) -> Option<Digest> {
        let may_go = |digest: &Digest| !pinned.contains(digest);
        let oversized = self.oversized.iter().find(|digest| may_go(digest)).cloned();
        oversized.or_else(|| self.index.candidate(now, may_go))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_after_it_was_read_is_not_noted_as_right() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let shelf = Shelf::new(layout.clone(), Budget::default());
        let digest = Digest::of(b"abc");
        let path = layout.blob(&digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"abc").unwrap();
        let lend = || {
            let file = File::open(&path).unwrap();
            let metadata = file.metadata().unwrap();
            shelf.lend(&digest, file, &metadata).unwrap()
        };
        let found = lend().unwrap();
        let mark = shelf.mark(&found.file().metadata().unwrap());
        // Longer, for the times of two changes may be the same.
        fs::write(&path, b"abcd").unwrap();
        shelf.note_sound(&digest, found.file(), mark);
        assert!(lend().is_none());
    }
}

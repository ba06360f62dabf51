use std::{
    ffi::OsStr,
    fs, io,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use oci::{Algorithm, Digest};

use super::{
    pins::Pinned,
    recount::{EVERY, Recount, Shard, shards},
    shelf::Shelf,
    usage::Usage,
};

/// The thread that surveys the cache after a start and makes room when there is too much. It ends with this handle.
#[derive(Debug)]
pub(crate) struct Keeper {
    bell: SyncSender<()>,
}

impl Keeper {
    /// Begins in the background: nothing waits for it, and nothing that is served depends on it.
    pub(crate) fn start(shelf: Arc<Shelf>) -> io::Result<Self> {
        let (bell, rung) = mpsc::sync_channel(1);
        thread::Builder::new().name("cache-keeper".to_owned()).spawn(move || {
            let mut recount = Recount::first_at(Instant::now() + EVERY);
            if survey(&shelf, &rung, &mut recount).is_some() {
                keep(&shelf, &rung, recount);
            }
        })?;
        Ok(Self { bell })
    }

    /// There is more than before.
    pub(crate) fn ring(&self) {
        // Full means that it has been told already.
        let _ = self.bell.try_send(());
    }
}

/// Reads one directory after the other. It pauses after each for as long as that took, so that it never takes more than
/// half of what the disk can do. Nothing where it is to end.
fn survey(shelf: &Shelf, rung: &Receiver<()>, recount: &mut Recount) -> Option<()> {
    for shard in shards() {
        let begun = Instant::now();
        recount.note(shelf, shard);
        see(shelf, shard);
        make_room(shelf, rung);
        let pause = begun.elapsed().min(LONGEST_PAUSE);
        if let Err(RecvTimeoutError::Disconnected) = rung.recv_timeout(pause) {
            return None;
        }
    }
    let status = *shelf.status.borrow();
    tracing::info!(entries = status.entries, bytes = status.bytes, "the cache is surveyed");
    shelf.status.send_modify(|status| status.is_surveyed = true);
    Some(())
}

/// Makes room when it is rung for, and counts again when it is time, until the store is closed.
fn keep(shelf: &Shelf, rung: &Receiver<()>, mut recount: Recount) {
    loop {
        let wait = recount.next().saturating_duration_since(Instant::now());
        match rung.recv_timeout(wait) {
            Ok(()) => make_room(shelf, rung),
            Err(RecvTimeoutError::Timeout) => recount.run(shelf, |taken| {
                let is_closed = rung.recv_timeout(taken.min(LONGEST_PAUSE)) == Err(RecvTimeoutError::Disconnected);
                make_room(shelf, rung);
                !is_closed
            }),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Notes what is in the directory and not known yet.
pub(super) fn see(shelf: &Shelf, shard: Shard) {
    let path = shelf.layout.blobs_of(shard);
    match read(shard.0, &path) {
        Ok(found) => shelf.saw(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "a directory of the cache cannot be read"),
    }
}

fn read(algorithm: Algorithm, path: &Path) -> io::Result<Vec<(Digest, u64, Usage)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Some(digest) = digest(algorithm, &entry.file_name()) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => found.push((digest, metadata.len(), Usage::of(&metadata))),
            // Another thing, or gone meanwhile.
            _ => {}
        }
    }
    Ok(found)
}

/// The digest that a file's name says.
pub(crate) fn digest(algorithm: Algorithm, name: &OsStr) -> Option<Digest> {
    format!("{}:{}", algorithm.as_str(), name.to_str()?).parse().ok()
}

/// Removes what is worth least until there is as much as there may be. It stops where the store is closed.
fn make_room(shelf: &Shelf, rung: &Receiver<()>) {
    while shelf.status.borrow().is_full {
        let mut pinned = Pinned::new(&shelf.layout);
        let mut left = shelf.status.borrow().bytes;
        while left > shelf.budget.goal() {
            if let Err(mpsc::TryRecvError::Disconnected) = rung.try_recv() {
                return;
            }
            let problem = match shelf.evict_one(pinned.now()) {
                Ok(Some(bytes)) => {
                    left = bytes;
                    continue;
                }
                Ok(None) => "what it holds is pinned".to_owned(),
                Err(error) => format!("files cannot be removed: {error}"),
            };
            tracing::warn!("the cache is larger than `cache.max_size`, and {problem}");
            // Until something more comes.
            shelf.status.send_modify(|status| status.is_full = false);
            return;
        }
        let is_exceeded = |bytes| shelf.budget.is_exceeded(bytes);
        shelf
            .status
            .send_modify(|status| status.is_full = is_exceeded(status.bytes));
    }
}

/// A disk that answers slowly is no reason never to finish.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, layout::Layout};

    #[tokio::test]
    async fn what_others_removed_is_noticed_when_it_is_time_without_being_rung_for() {
        let root = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(Layout::new(root.path()), Budget::default());
        let digest = Digest::of(b"abc");
        let path = shelf.layout.blob(&digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"abc").unwrap();
        see(
            &shelf,
            (Algorithm::Sha256, u8::from_str_radix(&digest.hex()[..2], 16).unwrap()),
        );
        assert_eq!(shelf.status.borrow().entries, 1);
        fs::remove_file(&path).unwrap();

        let (bell, rung) = mpsc::sync_channel(1);
        let keeper = {
            let shelf = Arc::clone(&shelf);
            thread::spawn(move || keep(&shelf, &rung, Recount::first_at(Instant::now())))
        };
        let mut status = shelf.status.subscribe();
        let noticed = status.wait_for(|status| status.entries == 0);
        tokio::time::timeout(Duration::from_secs(30), noticed)
            .await
            .expect("it is noticed")
            .unwrap();
        drop(bell);
        keeper.join().unwrap();
    }
}

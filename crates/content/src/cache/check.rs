use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use oci::{Digest, Hasher};
use tokio::sync::watch;

use super::shelf::Shelf;
use crate::{blob::Blob, blocking::blocking};

/// The check of one large blob that was found on disk, for all who read it meanwhile: they get everything but their last
/// bytes at once, and these when the check has passed.
///
/// Hashing what is sent, in each reader, would check nothing where a reader wants a part, and everything several times
/// where there are several readers. Hashing before the first byte would hold everybody up for seconds.
#[derive(Debug)]
pub(crate) struct Check {
    shelf: Arc<Shelf>,
    digest: Digest,
    file: Arc<File>,
    /// What the file was marked with before the first byte was read.
    mark: u32,
    has_begun: AtomicBool,
    outcome: watch::Sender<Option<bool>>,
}

impl Check {
    pub(super) fn new(shelf: Arc<Shelf>, blob: &Blob, mark: u32) -> Arc<Self> {
        Arc::new(Self {
            shelf,
            digest: blob.digest().clone(),
            file: Arc::clone(blob.file()),
            mark,
            has_begun: AtomicBool::new(false),
            outcome: watch::Sender::new(None),
        })
    }

    pub(super) fn mark(&self) -> u32 {
        self.mark
    }

    /// Begins to read and hash the file, the first time that it is called. It goes on without readers. Who only asks
    /// whether a blob is there does not come here.
    pub(crate) fn begin(self: &Arc<Self>) {
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            tokio::spawn(Arc::clone(self).run());
        }
    }

    async fn run(self: Arc<Self>) {
        let Ok(_turn) = self.shelf.checkers.acquire().await else {
            return;
        };
        let (digest, file) = (self.digest.clone(), Arc::clone(&self.file));
        let is_right = match blocking(move || is_right(&digest, &file)).await {
            Ok(is_right) => is_right,
            Err(error) => {
                tracing::warn!(digest = %self.digest, %error, "the file of this content cannot be read to its end");
                false
            }
        };
        if is_right {
            self.shelf.note_sound(&self.digest, &self.file, self.mark);
        } else {
            let this = Arc::clone(&self);
            let _ = blocking(move || {
                this.shelf.discard(&this.digest, &this.file);
                Ok(())
            })
            .await;
        }
        self.outcome.send_replace(Some(is_right));
    }

    /// Waits until the file is known to be right.
    pub(crate) async fn passed(self: Arc<Self>) -> io::Result<()> {
        self.begin();
        let mut outcome = self.outcome.subscribe();
        // It cannot end: the sender is in `self`.
        let is_right = outcome
            .wait_for(Option::is_some)
            .await
            .is_ok_and(|outcome| *outcome == Some(true));
        if is_right { Ok(()) } else { Err(damaged(&self.digest)) }
    }
}

/// What a reader is told.
pub(crate) fn damaged(digest: &Digest) -> io::Error {
    let message = format!("the cached content of {digest} was damaged and has been removed; try again");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Whether the file's content has the digest.
pub(crate) fn is_right(digest: &Digest, file: &File) -> io::Result<bool> {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; 256 * 1024];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset) {
            Ok(0) => return Ok(hasher.finish() == *digest),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Up to how many bytes content is checked before it is answered: a few milliseconds at most. Manifests and
/// configurations are smaller.
pub(super) const AT_ONCE: u64 = 1024 * 1024;

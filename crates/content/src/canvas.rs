use std::{
    fs::File,
    io::{self, IoSlice},
    os::unix::fs::FileExt,
    sync::{
        Arc, Mutex, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use oci::{Algorithm, Digest, Hasher};
use rustix::io::Errno;

use crate::reader::CHUNK;

/// A file that is filled from several places at once, and hashed in order. Everything here blocks.
pub(crate) struct Canvas {
    file: Arc<File>,
    hasher: Mutex<Hasher>,
    /// How far the hasher has come. Changes only while that is locked.
    hashed: AtomicU64,
}

impl Canvas {
    pub(crate) fn new(file: Arc<File>, algorithm: Algorithm) -> Self {
        Self {
            file,
            hasher: Mutex::new(Hasher::new(algorithm)),
            hashed: AtomicU64::new(0),
        }
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// How many bytes from the beginning are hashed.
    pub(crate) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Acquire)
    }

    pub(crate) fn write(&self, mut offset: u64, pieces: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> = pieces
            .iter()
            .filter(|piece| !piece.is_empty())
            .map(|piece| IoSlice::new(piece))
            .collect();
        let mut left = slices.as_mut_slice();
        while !left.is_empty() {
            // A stream comes in small pieces, and a file takes many of them at the price of one.
            match rustix::io::pwritev(&self.file, &left[..left.len().min(MOST_SLICES)], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Hashes these bytes if it is their turn and nobody else is hashing: they need not be read again then. Whatever is
    /// left over is for [`Canvas::catch_up`].
    pub(crate) fn hash(&self, offset: u64, pieces: &[Bytes]) {
        let mut hasher = match self.hasher.try_lock() {
            Ok(hasher) => hasher,
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        if self.hashed() != offset {
            return;
        }
        for piece in pieces {
            hasher.update(piece);
            self.hashed.fetch_add(piece.len() as u64, Ordering::Release);
        }
    }

    /// Reads and hashes what can be read and is not hashed yet. `frontier` says how far the file is filled without a
    /// hole, and is asked again and again: it may grow meanwhile.
    pub(crate) fn catch_up(&self, frontier: impl Fn() -> u64) -> io::Result<()> {
        let mut hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = Vec::new();
        loop {
            let hashed = self.hashed();
            let length = frontier().saturating_sub(hashed).min(CHUNK);
            if length == 0 {
                return Ok(());
            }
            buffer.resize(usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?, 0);
            self.file.read_exact_at(&mut buffer, hashed)?;
            hasher.update(&buffer);
            self.hashed.fetch_add(length, Ordering::Release);
        }
    }

    /// The hash so far, and of how many bytes it is. Waits for whoever hashes.
    pub(crate) fn so_far(&self) -> (Hasher, u64) {
        let hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        (hasher.clone(), self.hashed())
    }

    /// The digest and the length of what is hashed.
    pub(crate) fn finish(self) -> (Digest, u64) {
        let hashed = self.hashed();
        let hasher = self.hasher.into_inner().unwrap_or_else(PoisonError::into_inner);
        (hasher.finish(), hashed)
    }
}

/// What the kernel takes at a time (`IOV_MAX`).
const MOST_SLICES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> Canvas {
        Canvas::new(Arc::new(tempfile::tempfile().unwrap()), Algorithm::Sha256)
    }

    fn pieces(pieces: &[&'static str]) -> Vec<Bytes> {
        pieces.iter().copied().map(Bytes::from).collect()
    }

    #[test]
    fn what_comes_in_order_is_hashed_at_once() {
        let canvas = canvas();
        for (offset, text) in [(0, "ab"), (2, "c")] {
            canvas.write(offset, &pieces(&[text])).unwrap();
            canvas.hash(offset, &pieces(&[text]));
        }
        assert_eq!(canvas.finish(), (Digest::of(b"abc"), 3));
    }

    #[test]
    fn more_pieces_than_are_written_at_a_time_all_arrive() {
        let (canvas, pieces) = (canvas(), vec![Bytes::from_static(b"ab"); 2 * MOST_SLICES + 1]);
        canvas.write(0, &pieces).unwrap();
        canvas.catch_up(|| pieces.concat().len() as u64).unwrap();
        assert_eq!(canvas.finish().0, Digest::of(&pieces.concat()));
    }

    #[test]
    fn what_comes_early_is_read_again_when_the_gap_is_filled() {
        let canvas = canvas();
        for (offset, text) in [(2, &["c", "d"][..]), (0, &["ab"])] {
            canvas.write(offset, &pieces(text)).unwrap();
            canvas.hash(offset, &pieces(text));
        }
        assert_eq!(canvas.hashed(), 2);
        canvas.catch_up(|| 4).unwrap();
        assert_eq!(canvas.finish(), (Digest::of(b"abcd"), 4));
    }
}

use std::mem;

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Fuse, FusedFuture},
};

use super::{FetchError, transfer::Piece};

/// Brings one piece to the disk, while more of it comes: the network does not wait for disk and hash, as far as they keep
/// up with it.
pub(super) struct Writer<'a> {
    piece: &'a Piece<'a>,
    /// Where the next bytes belong that come, and where the first that wait.
    position: u64,
    written: u64,
    waiting: Vec<Bytes>,
    writing: Fuse<BoxFuture<'static, Result<(), FetchError>>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(piece: &'a Piece<'a>) -> Self {
        Self {
            piece,
            position: piece.start,
            written: piece.start,
            waiting: Vec::new(),
            writing: Fuse::terminated(),
        }
    }

    /// Where the next bytes belong.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether there is room for more. Otherwise the disk is slower than the network, and has to be waited for.
    pub(super) fn has_room(&self) -> bool {
        self.position - self.written < BUFFER
    }

    /// Takes the next bytes, as far as the piece wants them. Answers whether it wanted all.
    pub(super) fn push(&mut self, batch: Vec<Bytes>) -> bool {
        let length: u64 = batch.iter().map(|piece| piece.len() as u64).sum();
        let wanted = self.piece.receive(length);
        let mut left = wanted;
        for mut piece in batch {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            if !piece.is_empty() {
                self.waiting.push(piece);
            }
        }
        self.position += wanted;
        self.begin();
        wanted == length
    }

    /// Waits for what is being written; for ever where nothing is. May be dropped and called again.
    pub(super) async fn progress(&mut self) -> Result<(), FetchError> {
        (&mut self.writing).await?;
        self.begin();
        Ok(())
    }

    /// Waits until everything that was taken is written.
    pub(super) async fn flush(&mut self) -> Result<(), FetchError> {
        while !self.writing.is_terminated() {
            self.progress().await?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        if self.writing.is_terminated() && !self.waiting.is_empty() {
            let offset = mem::replace(&mut self.written, self.position);
            let bytes = mem::take(&mut self.waiting);
            self.writing = self.piece.write(offset, bytes).boxed().fuse();
        }
    }
}

/// How much waits besides what is being written, up to a batch more.
const BUFFER: u64 = 1024 * 1024;

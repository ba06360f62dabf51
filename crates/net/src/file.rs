use std::{
    fs::File,
    io::{self, IoSliceMut},
    ops::Range,
    os::unix::fs::FileExt,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::BoxStream};
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::JoinHandle;

use crate::wire::{Segment, Wire};

/// Parts of a file on their way to a client.
pub(crate) struct FileBody {
    file: Arc<File>,
    parts: BoxStream<'static, io::Result<Range<u64>>>,
    /// What is left of the part at hand.
    left: Range<u64>,
    wire: Option<Wire>,
    /// The blocking pool reads the next piece, or has it come into the page cache.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    pub(crate) fn new(file: Arc<File>, parts: BoxStream<'static, io::Result<Range<u64>>>) -> Self {
        Self {
            file,
            parts,
            left: 0..0,
            wire: None,
            reading: None,
        }
    }

    pub(crate) fn send_over(&mut self, wire: &Wire) {
        self.wire = Some(wire.clone());
    }

    /// The next piece. What a wire sends itself is a blank that stands for it.
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        while self.left.is_empty() {
            match ready!(self.parts.poll_next_unpin(context)) {
                Some(Ok(part)) => self.left = part,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let most = if self.wire.is_some() { Wire::LONGEST } else { PIECE };
        let length = usize::try_from(self.left.end - self.left.start).map_or(most, |left| left.min(most));
        let read = match &mut self.reading {
            Some(reading) => {
                let read = ready!(std::pin::Pin::new(reading).poll(context));
                self.reading = None;
                read.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            }
            None => match self.at_hand(length) {
                Ok(Some(bytes)) => Ok(bytes),
                Ok(None) => {
                    self.reading = Some(self.read_apart(length));
                    return self.poll_piece(context);
                }
                Err(error) => Err(error),
            },
        };
        Poll::Ready(Some(read.map(|bytes| self.advance(bytes, length))))
    }

    /// What can be had without waiting for a disk. For a wire these are no bytes, but the certainty that they are in the
    /// page cache.
    fn at_hand(&self, length: usize) -> io::Result<Option<Bytes>> {
        if self.wire.is_some() {
            let end = self.left.start + length as u64;
            // The kernel reads ahead: where the last byte is there, so is with near certainty the rest.
            return match self.read_now(&mut [0], end - 1)? {
                Some(1..) => Ok(Some(Bytes::new())),
                _ => Ok(None),
            };
        }
        let mut bytes = BytesMut::zeroed(length);
        match self.read_now(&mut bytes, self.left.start)? {
            Some(read @ 1..) => {
                bytes.truncate(read);
                Ok(Some(bytes.freeze()))
            }
            _ => Ok(None),
        }
    }

    /// Reads out of the page cache alone; nothing where that does not have it, or the file system cannot tell.
    fn read_now(&self, bytes: &mut [u8], at: u64) -> io::Result<Option<usize>> {
        match rustix::io::preadv2(&self.file, &mut [IoSliceMut::new(bytes)], at, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read_apart(&self, length: usize) -> JoinHandle<io::Result<Bytes>> {
        let (file, at) = (self.file.clone(), self.left.start);
        tokio::task::spawn_blocking(move || {
            let mut bytes = BytesMut::zeroed(length);
            file.read_exact_at(&mut bytes, at)?;
            Ok(bytes.freeze())
        })
    }

    fn advance(&mut self, bytes: Bytes, length: usize) -> Bytes {
        let start = self.left.start;
        match &self.wire {
            Some(wire) => {
                self.left.start += length as u64;
                wire.push(Segment::new(self.file.clone(), start, length))
            }
            None => {
                self.left.start += bytes.len() as u64;
                bytes
            }
        }
    }
}

/// How much is read at a time where the bytes come through this process.
const PIECE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::{future, stream};

    use super::*;
    use crate::wire;

    /// The pieces of a body over three MiB, in two parts.
    async fn pieces(wire: Option<&Wire>) -> Vec<Bytes> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 3 * 1024 * 1024]).unwrap();
        let parts = [Ok(0..5), Ok(5..3 * 1024 * 1024)];
        let mut body = FileBody::new(Arc::new(file), stream::iter(parts).boxed());
        if let Some(wire) = wire {
            body.send_over(wire);
        }
        let mut pieces = Vec::new();
        while let Some(piece) = future::poll_fn(|context| body.poll_piece(context)).await {
            pieces.push(piece.unwrap());
        }
        pieces
    }

    #[tokio::test]
    async fn over_a_wire_no_byte_of_the_file_comes_into_this_process() {
        let pieces = pieces(Some(&Wire::default())).await;
        assert!(pieces.iter().all(|piece| wire::is_blank(piece)));
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 3 * 1024 * 1024);
    }

    #[tokio::test]
    async fn without_a_wire_the_bytes_themselves_come() {
        let pieces = pieces(None).await;
        assert!(!pieces.iter().any(|piece| wire::is_blank(piece)));
        assert!(pieces.concat() == vec![7; 3 * 1024 * 1024]);
    }
}

//! How files reach a client in the clear without a way through this process.
//!
//! hyper knows bodies of bytes only. So a body gives it *blanks* in place of a file's bytes: slices of one static region,
//! of the right length, whose content nobody reads. The stream below hyper knows them by their address, and has the kernel
//! send what they stand for (`sendfile`). Blanks arrive there in the order in which they were made, for hyper writes one
//! answer of a connection after the other; one that does not is an error and ends the connection, so that no blank ever
//! reaches a client.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

use crate::line::Line;

/// What is to be sent over one connection, in order.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<VecDeque<Segment>>>);

/// A piece of a file.
pub(crate) struct Segment {
    file: Arc<File>,
    at: u64,
    length: usize,
    sent: usize,
}

/// A connection in the clear that sends files itself.
pub(crate) struct WiredStream {
    line: Line,
    wire: Wire,
}

static BLANK: [u8; Wire::LONGEST] = [0; Wire::LONGEST];

impl Wire {
    /// How long a segment may be.
    pub(crate) const LONGEST: usize = 1024 * 1024;

    /// Has the segment sent in its turn; the blank that stands for it.
    pub(crate) fn push(&self, segment: Segment) -> Bytes {
        let blank = Bytes::from_static(&BLANK[..segment.length]);
        self.lock().push_back(segment);
        blank
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Segment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what a blank stands for, as much as the socket takes.
    fn send(&self, blank: Blank, stream: &TcpStream) -> io::Result<usize> {
        let mut segments = self.lock();
        let segment = segments.front_mut().filter(|segment| segment.is_next(blank));
        let segment = segment.ok_or_else(|| io::Error::other("a blank stands for nothing that is to be sent"))?;
        let mut at = segment.at + segment.sent as u64;
        let sent = rustix::fs::sendfile(stream, &segment.file, Some(&mut at), blank.length)?;
        if sent == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a file became shorter while it was sent",
            ));
        }
        segment.sent += sent;
        if segment.sent == segment.length {
            segments.pop_front();
        }
        Ok(sent)
    }
}

impl Segment {
    /// `length` is at most [`Wire::LONGEST`].
    pub(crate) fn new(file: Arc<File>, at: u64, length: usize) -> Self {
        Self {
            file,
            at,
            length,
            sent: 0,
        }
    }

    /// Whether the blank is what is left of this segment's.
    fn is_next(&self, blank: Blank) -> bool {
        blank.offset == self.sent && blank.offset + blank.length <= self.length
    }
}

/// A slice of the static region.
#[derive(Clone, Copy)]
struct Blank {
    offset: usize,
    length: usize,
}

impl Blank {
    fn of(slice: &[u8]) -> Option<Self> {
        let offset = (slice.as_ptr() as usize).checked_sub(BLANK.as_ptr() as usize)?;
        (offset < BLANK.len() && !slice.is_empty()).then_some(Self {
            offset,
            length: slice.len(),
        })
    }
}

impl WiredStream {
    pub(crate) fn new(line: Line, wire: Wire) -> Self {
        Self { line, wire }
    }

    fn poll_send(&mut self, context: &mut Context<'_>, blank: Blank) -> Poll<io::Result<usize>> {
        let wire = &self.wire;
        self.line.poll_by_kernel(|stream| {
            loop {
                ready!(stream.poll_write_ready(context))?;
                match stream.try_io(Interest::WRITABLE, || wire.send(blank, stream)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    sent => return Poll::Ready(sent),
                }
            }
        })
    }
}

impl AsyncWrite for WiredStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Blank::of(bytes) {
            Some(blank) => self.poll_send(context, blank),
            None => Pin::new(&mut self.line).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let at = slices.iter().position(|slice| Blank::of(slice).is_some());
        let Some(at) = at else {
            return Pin::new(&mut self.line).poll_write_vectored(context, slices);
        };
        let before = &slices[..at];
        match Blank::of(&slices[at]) {
            Some(blank) if before.iter().all(|slice| slice.is_empty()) => self.poll_send(context, blank),
            _ => Pin::new(&mut self.line).poll_write_vectored(context, before),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(context)
    }
}

impl AsyncRead for WiredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_read(context, buffer)
    }
}

/// Whether these bytes stand for others.
#[cfg(test)]
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    Blank::of(bytes).is_some()
}

//! A connection's socket: it counts what goes through, and ends where nothing of what waits can be sent for too long.
//!
//! That is for the kernel to tell. It alone knows when the peer last took a byte: with megabytes in the socket's buffer a
//! slow client makes room for the next write once in minutes, and whoever goes by that cuts off clients that move.
//! `TCP_USER_TIMEOUT` ends a connection when data stayed unacknowledged, or unsent before a closed window, for its time,
//! and costs nothing on the way. What waits above the socket, behind the windows of HTTP/2, is for [`crate::owed`].

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tracing::warn;

use crate::traffic::Traffic;

/// A connection's socket.
pub(crate) struct Line {
    stream: TcpStream,
    traffic: Traffic,
    state: Arc<State>,
}

/// What is known of a socket beside it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// It takes nothing at the moment; the kernel watches over it.
    is_blocked: AtomicBool,
    /// The connection was given up.
    is_cut: AtomicBool,
}

impl Line {
    /// `patience` is how long what waits may wait for the peer.
    pub(crate) fn new(stream: TcpStream, traffic: Traffic, patience: Duration) -> Self {
        let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        // 0 would stand for the system's own time.
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, milliseconds.max(1)) {
            warn!(%error, "a client that reads nothing is not cut off in time");
        }
        Self {
            stream,
            traffic,
            state: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Sends by `send`, which moves bytes from elsewhere to the socket.
    pub(crate) fn poll_by_kernel(
        &mut self,
        send: impl FnOnce(&TcpStream) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let sent = self.noted(send(&self.stream));
        if let Poll::Ready(Ok(bytes)) = &sent {
            self.traffic.note_sent_by_kernel(*bytes);
        }
        sent
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let written = self.noted(written);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.traffic.note_written(*bytes);
        }
        written
    }

    fn noted<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let is_blocked = outcome.is_pending();
        if self.state.is_blocked.load(Relaxed) != is_blocked {
            self.state.is_blocked.store(is_blocked, Relaxed);
        }
        self.watched(outcome)
    }

    /// Counts the end by the kernel, which whoever reads or writes first is told, once.
    fn watched<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome
            && error.kind() == io::ErrorKind::TimedOut
        {
            self.state.cut(&self.traffic);
        }
        outcome
    }
}

impl State {
    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Relaxed)
    }

    /// Gives the connection up, and counts it.
    pub(crate) fn cut(&self, traffic: &Traffic) {
        if !self.is_cut.swap(true, Relaxed) {
            traffic.note_stalled();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Else the kernel would keep megabytes for somebody who does not take them.
        if self.state.is_cut.load(Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watched(read)
    }
}

//! The wire below TLS: what goes to the client can be slowed down, and the connection can be cut from elsewhere.

mod pace;

use std::{
    io::{self, IoSlice},
    num::{NonZeroU8, NonZeroU64},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use pace::Pace;

/// A TCP connection from a client.
pub(crate) struct Wire {
    stream: TcpStream,
    connection: Connection,
    pace: Pace,
    paused: Option<Pin<Box<Sleep>>>,
}

/// A handle on the connection that a call came by, for those who answer the call.
#[derive(Clone, Default)]
pub(crate) struct Connection(Arc<Shared>);

/// A connection that was cut on purpose: there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was cut as a rule wants it")]
pub(crate) struct Severed;

#[derive(Default)]
struct Shared {
    fate: AtomicU8,
    /// How many hops the packets go from the next one on; 0 is as many as they will.
    hops: AtomicU8,
    /// Bytes a second; 0 is as fast as it goes.
    rate: AtomicU64,
    /// Counts the answers that began.
    answers: AtomicU64,
    written: AtomicU64,
    /// Whether bytes are waiting: for the client to take them, or for their time.
    blocked: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// [`Shared::fate`] of a connection that is to end with a FIN.
const CLOSE: u8 = 1;
/// [`Shared::fate`] of a connection that is to end with a RST.
const RESET: u8 = 2;

/// How long nothing may have been written until everything is taken to be written.
const QUIET: Duration = Duration::from_millis(10);

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            connection: Connection::default(),
            pace: Pace::new(Instant::now()),
            paused: None,
        }
    }

    /// The handle for those who answer calls.
    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// How much of `length` may be written now.
    fn admit(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<usize> {
        let Some(rate) = self.connection.rate() else {
            return Poll::Ready(length);
        };
        let answer = self.connection.0.answers.load(Ordering::Acquire);
        loop {
            if let Some(paused) = &mut self.paused {
                ready!(paused.as_mut().poll(cx));
                self.paused = None;
            }
            match self.pace.admit(Instant::now(), rate, answer, length) {
                Ok(length) => return Poll::Ready(length),
                Err(until) => self.paused = Some(Box::pin(sleep_until(until))),
            }
        }
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        length: usize,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>, usize) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let shared = Arc::clone(&self.connection.0);
        shared.writer.register(cx.waker());
        self.connection.check()?;
        let hops = shared.hops.swap(0, Ordering::AcqRel);
        if hops > 0 {
            self.stream.set_ttl(u32::from(hops))?;
        }
        let written = match self.admit(cx, length) {
            Poll::Ready(length) => write(Pin::new(&mut self.stream), cx, length),
            Poll::Pending => Poll::Pending,
        };
        shared.blocked.store(written.is_pending(), Ordering::Release);
        if let Poll::Ready(Ok(length)) = written {
            shared.written.fetch_add(length as u64, Ordering::Release);
            if let Some(rate) = self.connection.rate() {
                self.pace.spend(rate, length);
            }
        }
        written
    }
}

impl Connection {
    /// An answer begins, whose bytes go out at this rate; at full speed where there is none.
    pub(crate) fn begin_answer(&self, rate: Option<NonZeroU64>) {
        self.0.rate.store(rate.map_or(0, NonZeroU64::get), Ordering::Release);
        self.0.answers.fetch_add(1, Ordering::AcqRel);
    }

    /// Sends everything from now on no further than so many hops, by the IP time-to-live: with 1 no router passes it on.
    pub(crate) fn limit_hops(&self, hops: NonZeroU8) {
        self.0.hops.store(hops.get(), Ordering::Release);
    }

    /// Ends the connection: what has not been written is not written any more.
    pub(crate) fn close(&self) {
        self.end(CLOSE);
    }

    /// Ends the connection as an error of TCP.
    ///
    /// What the client's machine has not received is lost with it.
    pub(crate) fn reset(&self) {
        self.end(RESET);
    }

    /// Waits until everything that was handed to the connection is on its way.
    ///
    /// TLS and HTTP in between do not say when they are done; that nothing was written for a while, and nothing waits,
    /// does.
    pub(crate) async fn flushed(&self) {
        let mut before = None;
        loop {
            let written = self.0.written.load(Ordering::Acquire);
            if before == Some(written) && !self.0.blocked.load(Ordering::Acquire) {
                return;
            }
            before = Some(written);
            tokio::time::sleep(QUIET).await;
        }
    }

    fn rate(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0.rate.load(Ordering::Acquire))
    }

    fn end(&self, fate: u8) {
        // The first end counts.
        let _ = self
            .0
            .fate
            .compare_exchange(0, fate, Ordering::AcqRel, Ordering::Acquire);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    fn check(&self) -> io::Result<()> {
        match self.0.fate.load(Ordering::Acquire) {
            0 => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::ConnectionAborted, Severed)),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Registered before the check, so that an end in between wakes this task.
        this.connection.0.reader.register(cx.waker());
        this.connection.check()?;
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, buf.len(), |stream, cx, length| {
            stream.poll_write(cx, &buf[..length.min(buf.len())])
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs.iter().map(|buf| buf.len()).sum();
        self.get_mut().write(cx, total, |stream, cx, length| {
            if length >= total {
                return stream.poll_write_vectored(cx, bufs);
            }
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            stream.poll_write(cx, &first[..length.min(first.len())])
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.connection.check()?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.connection.check()?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.connection.0.fate.load(Ordering::Acquire) == RESET
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::debug!(%error, "a connection is closed instead of being reset");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    async fn pair() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Wire::new(listener.accept().await.unwrap().0), client)
    }

    #[tokio::test]
    async fn a_closed_wire_ends_after_what_was_written() {
        let (mut wire, mut client) = pair().await;
        wire.write_all(b"abc").await.unwrap();
        wire.connection().close();
        assert!(wire.write_all(b"def").await.is_err());
        assert!(wire.read_u8().await.is_err());
        drop(wire);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"abc");
    }

    #[tokio::test]
    async fn a_reset_wire_is_an_error_of_tcp() {
        let (mut wire, mut client) = pair().await;
        wire.write_all(b"abc").await.unwrap();
        let mut read = [0; 3];
        client.read_exact(&mut read).await.unwrap();
        wire.connection().reset();
        wire.connection().close();
        drop(wire);
        assert_eq!(
            client.read_u8().await.unwrap_err().kind(),
            io::ErrorKind::ConnectionReset
        );
    }

    #[tokio::test]
    async fn a_limit_of_hops_is_in_force_before_the_next_byte() {
        let (mut wire, _client) = pair().await;
        wire.write_all(b"abc").await.unwrap();
        assert!(wire.stream.ttl().unwrap() > 3);
        wire.connection().limit_hops(NonZeroU8::new(3).unwrap());
        wire.write_all(b"def").await.unwrap();
        assert_eq!(wire.stream.ttl().unwrap(), 3);
    }

    #[tokio::test]
    async fn the_end_wakes_whoever_reads() {
        let (mut wire, _client) = pair().await;
        let connection = wire.connection();
        let reader = tokio::spawn(async move { wire.read_u8().await });
        tokio::task::yield_now().await;
        connection.close();
        assert_eq!(
            reader.await.unwrap().unwrap_err().kind(),
            io::ErrorKind::ConnectionAborted
        );
    }

    #[tokio::test]
    async fn what_goes_out_is_paced() {
        let (mut wire, mut client) = pair().await;
        wire.connection().begin_answer(NonZeroU64::new(10_000_000));
        let reader = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read.len()
        });
        let started = Instant::now();
        wire.write_all(&vec![7; 3 << 20]).await.unwrap();
        let took = started.elapsed();
        drop(wire);
        assert_eq!(reader.await.unwrap(), 3 << 20);
        // 315 ms, of which the last 8 may be ahead of their time. How much longer it takes is the machine's affair.
        assert!(took >= Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

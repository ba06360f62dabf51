//! What the answers of an HTTP/2 connection owe the client, and since when none of it went out.
//!
//! HTTP/2 has windows of its own. A client that opens none takes nothing, and its socket is idle all the while, so that
//! the kernel has nothing to watch. What a body gave out and was not written yet is counted here, and one timer for the
//! connection looks at it. PINGs and the like, which such a client may well answer, are no part of it.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{self, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep};

use crate::{Body, BoxError, line::State};

/// What a connection owes.
#[derive(Clone, Debug)]
pub(crate) struct Owed(Arc<Account>);

#[derive(Debug)]
struct Account {
    socket: Arc<State>,
    bytes: AtomicUsize,
    born: Instant,
    /// When something was last written, or first owed after nothing was; nanoseconds since `born`.
    moved: AtomicU64,
}

/// A body whose bytes are owed until they are written.
pub(crate) struct OwedBody {
    body: Body,
    owed: Owed,
}

/// Bytes of such a body.
pub(crate) struct Piece {
    bytes: Bytes,
    owed: Owed,
}

impl Owed {
    pub(crate) fn new(socket: Arc<State>) -> Self {
        Self(Arc::new(Account {
            socket,
            bytes: AtomicUsize::new(0),
            born: Instant::now(),
            moved: AtomicU64::new(0),
        }))
    }

    pub(crate) fn body(&self, body: Body) -> OwedBody {
        OwedBody {
            body,
            owed: self.clone(),
        }
    }

    /// Ends when something was owed for `patience` and none of it could be written.
    pub(crate) async fn standstill(&self, patience: Duration) {
        let mut timer = pin!(sleep(patience));
        loop {
            timer.as_mut().await;
            let now = Instant::now();
            // Where the socket takes nothing, the kernel says when it is enough.
            if self.0.socket.is_blocked() {
                self.touch();
            }
            let until = match self.0.bytes.load(Relaxed) {
                0 => now + patience,
                _ => self.0.born + Duration::from_nanos(self.0.moved.load(Relaxed)) + patience,
            };
            if until <= now {
                return;
            }
            timer.as_mut().reset(until);
        }
    }

    fn owe(&self, bytes: Bytes) -> Piece {
        if self.0.bytes.fetch_add(bytes.len(), Relaxed) == 0 {
            self.touch();
        }
        let owed = self.clone();
        Piece { bytes, owed }
    }

    fn settle(&self, bytes: usize) {
        self.touch();
        self.0.bytes.fetch_sub(bytes, Relaxed);
    }

    fn touch(&self) {
        let age = self.0.born.elapsed().as_nanos();
        self.0.moved.store(u64::try_from(age).unwrap_or(u64::MAX), Relaxed);
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.owed.settle(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // Of an answer that was given up. That nothing is owed of it any more is no movement of the others.
        self.owed.0.bytes.fetch_sub(self.bytes.len(), Relaxed);
    }
}

impl http_body::Body for OwedBody {
    type Data = Piece;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|bytes| self.owed.owe(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);
    const NEARLY: Duration = Duration::from_secs(59);
    const MOMENT: Duration = Duration::from_secs(1);

    fn owed() -> Owed {
        Owed::new(Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_comes_to_a_standstill() {
        let owed = owed();
        let mut standstill = pin!(owed.standstill(LIMIT));
        // From here on its timer runs.
        assert!(standstill.as_mut().now_or_never().is_none());
        advance(NEARLY).await;
        let _piece = owed.owe(Bytes::from_static(b"some bytes"));
        for _ in 0..59 {
            advance(MOMENT).await;
            assert!(standstill.as_mut().now_or_never().is_none());
        }
        advance(MOMENT).await;
        assert!(standstill.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_and_moves_does_not() {
        let owed = owed();
        let mut standstill = pin!(owed.standstill(LIMIT));
        // From here on its timer runs.
        assert!(standstill.as_mut().now_or_never().is_none());
        let _stuck = owed.owe(Bytes::from_static(b"the window of this stream stays closed"));
        let mut piece = owed.owe(Bytes::from_static(&[0; 10]));
        while piece.has_remaining() {
            advance(NEARLY).await;
            assert!(standstill.as_mut().now_or_never().is_none());
            piece.advance(1);
        }
        drop(piece);
        advance(NEARLY).await;
        assert!(standstill.as_mut().now_or_never().is_none());
        advance(MOMENT).await;
        assert!(standstill.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_owed_of_what_was_given_up_or_not_begun() {
        let owed = owed();
        let mut standstill = pin!(owed.standstill(LIMIT));
        // From here on its timer runs.
        assert!(standstill.as_mut().now_or_never().is_none());
        let mut piece = owed.owe(Bytes::from_static(b"some bytes"));
        piece.advance(4);
        drop(piece);
        assert_eq!(owed.0.bytes.load(Relaxed), 0);
        for _ in 0..100 {
            advance(NEARLY).await;
            assert!(standstill.as_mut().now_or_never().is_none());
        }
    }
}

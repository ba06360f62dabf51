use std::{pin::Pin, time::Duration};

use bytes::{Buf, Bytes};
use futures_util::{
    FutureExt, StreamExt,
    stream::{BoxStream, Peekable},
};
use tokio::time;

use super::FetchError;
use crate::{reader::CHUNK, source::SourceError};

/// What a source sends in one attempt, in batches that are worth a way to the disk.
pub(super) struct Body {
    pieces: Peekable<BoxStream<'static, Result<Bytes, SourceError>>>,
    /// How many bytes at the beginning are there already.
    surplus: u64,
    idle: Duration,
}

impl Body {
    pub(super) fn new(pieces: BoxStream<'static, Result<Bytes, SourceError>>, surplus: u64, idle: Duration) -> Self {
        Self {
            pieces: pieces.peekable(),
            surplus,
            idle,
        }
    }

    /// Waits for bytes, and takes along what has arrived with them, up to about a chunk. Nothing at the end.
    pub(super) async fn next_batch(&mut self) -> Result<Option<Vec<Bytes>>, FetchError> {
        let Some(first) = self.next_piece().await? else {
            return Ok(None);
        };
        let mut length = first.len() as u64;
        let mut batch = vec![first];
        while length < CHUNK
            && let Some(Some(Ok(piece))) = Pin::new(&mut self.pieces).next_if(Result::is_ok).now_or_never()
        {
            length += piece.len() as u64;
            batch.push(piece);
        }
        Ok(Some(batch))
    }

    /// Makes sure that no byte follows the last of `size`. Any other trouble with the rest of the body is none: what
    /// counts is there.
    pub(super) async fn expect_end(&mut self, size: u64) -> Result<(), FetchError> {
        match self.next_piece().await {
            Ok(Some(_)) => Err(FetchError::Long { size }),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// The next bytes behind the surplus, never an empty piece.
    async fn next_piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let piece = time::timeout(self.idle, self.pieces.next())
                .await
                .map_err(|_| FetchError::Stalled(self.idle))?;
            let Some(mut piece) = piece.transpose()? else {
                return Ok(None);
            };
            let cut = usize::try_from(self.surplus).map_or(piece.len(), |surplus| surplus.min(piece.len()));
            piece.advance(cut);
            self.surplus -= cut as u64;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn body(pieces: Vec<Result<&'static str, SourceError>>, surplus: u64) -> Body {
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from));
        Body::new(stream::iter(pieces).boxed(), surplus, Duration::from_secs(1))
    }

    #[tokio::test]
    async fn what_has_arrived_comes_in_one_batch_and_a_failure_after_it() {
        let failure = SourceError::transient("reset");
        let mut body = body(vec![Ok("a"), Ok(""), Ok("bc"), Err(failure), Ok("d")], 0);
        assert_eq!(body.next_batch().await.unwrap().unwrap().concat(), b"abc");
        assert!(matches!(body.next_batch().await, Err(FetchError::Source(_))));
    }

    #[tokio::test]
    async fn the_surplus_is_dropped_across_pieces() {
        let mut body = body(vec![Ok("ab"), Ok("cd"), Ok("ef")], 3);
        assert_eq!(body.next_batch().await.unwrap().unwrap().concat(), b"def");
        assert!(body.next_batch().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn bytes_behind_the_end_are_an_error_and_other_trouble_is_none() {
        assert!(body(vec![Ok(""), Ok("x")], 0).expect_end(1).await.is_err());
        assert!(body(vec![Ok("")], 0).expect_end(1).await.is_ok());
        assert!(
            body(vec![Err(SourceError::transient("reset"))], 0)
                .expect_end(1)
                .await
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_stall() {
        let mut body = Body::new(stream::pending().boxed(), 0, Duration::from_secs(1));
        assert!(matches!(body.next_batch().await, Err(FetchError::Stalled(_))));
    }
}

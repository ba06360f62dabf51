use std::sync::Arc;

use tokio::{
    select,
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};

use super::{
    FetchError,
    body::Body,
    patience::Patience,
    transfer::{Piece, Transfer},
    writer::Writer,
};
use crate::{
    limits::Limits,
    source::{Incoming, Source},
};

/// One connection of a download: fetches piece after piece, until it is one too many or nothing is left.
pub(super) struct Lane<'a> {
    pub(super) transfer: &'a Arc<Transfer>,
    pub(super) source: &'a dyn Source,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    /// The right to be one of all the further connections; the first one of a download needs none.
    pub(super) right: Option<OwnedSemaphorePermit>,
}

/// How an attempt ended that did not fail.
enum Ended {
    Fetched,
    /// The source cannot begin where it was asked to, and others are at it.
    OneTooMany,
}

impl Lane<'_> {
    /// An error means that this connection has given up; one that is transient, that others may still succeed.
    ///
    /// `first` is what an opened source sends from the beginning.
    pub(super) async fn run(mut self, mut first: Option<Incoming>) -> Result<(), FetchError> {
        while let Some(piece) = self.transfer.next_piece().await {
            let ended = self.fetch(&piece, first.take()).await;
            let brought = piece.brought();
            // Before the pause: who has nothing to do fetches the rest.
            drop(piece);
            match ended {
                Ok(Ended::Fetched) => self.patience.succeeded(brought),
                Ok(Ended::OneTooMany) => {
                    self.transfer.leave(1);
                    break;
                }
                Err(error) => {
                    let pause = error
                        .is_transient()
                        .then(|| self.patience.pause_after(brought))
                        .flatten();
                    let Some(pause) = pause else {
                        self.transfer.leave(1);
                        return Err(error);
                    };
                    tracing::debug!(?pause, %error, "a connection broke off and is made again");
                    self.transfer.rests();
                    time::sleep(pause).await;
                    self.transfer.rested();
                }
            }
        }
        drop(self.right);
        Ok(())
    }

    /// Fetches a piece from its first byte on. On an error, what came is written.
    async fn fetch(&self, piece: &Piece<'_>, incoming: Option<Incoming>) -> Result<Ended, FetchError> {
        let incoming = match incoming {
            Some(incoming) => incoming,
            None => {
                let begun = Instant::now();
                let incoming = open(self.source, self.limits, piece.start, piece.end).await?;
                self.transfer.opened(begun.elapsed());
                incoming
            }
        };
        let size = self.transfer.size();
        let surplus = check(&incoming, piece.start, size)?;
        if surplus > 0 && !self.transfer.begins_early() {
            return Ok(Ended::OneTooMany);
        }

        let mut body = Body::new(incoming.body, surplus, self.limits.idle);
        let mut writer = Writer::new(piece);
        let received = receive(piece, &mut body, &mut writer, size).await;
        // After a failure too: what has come is not fetched again.
        writer.flush().await?;
        received?;
        if writer.position() == size {
            body.expect_end(size).await?;
        }
        Ok(Ended::Fetched)
    }
}

/// Asks the source for bytes.
pub(super) async fn open(
    source: &dyn Source,
    limits: Limits,
    start: u64,
    end: Option<u64>,
) -> Result<Incoming, FetchError> {
    let incoming = time::timeout(limits.idle, source.open(start, end))
        .await
        .map_err(|_| FetchError::Stalled(limits.idle))??;
    if incoming.total > limits.largest_blob {
        return Err(FetchError::TooLarge {
            size: incoming.total,
            limit: limits.largest_blob,
        });
    }
    Ok(incoming)
}

/// Compares what a source declares with what is known. Answers with how many bytes come that nobody asked for.
fn check(incoming: &Incoming, start: u64, size: u64) -> Result<u64, FetchError> {
    if incoming.total != size {
        let now = incoming.total;
        return Err(FetchError::SizeChanged { size, now });
    }
    start.checked_sub(incoming.offset).ok_or(FetchError::Gap {
        asked: start,
        answered: incoming.offset,
    })
}

async fn receive(piece: &Piece<'_>, body: &mut Body, writer: &mut Writer<'_>, size: u64) -> Result<(), FetchError> {
    while !piece.has_come() {
        select! {
            written = writer.progress() => written?,
            batch = body.next_batch(), if writer.has_room() => {
                let broke_off = FetchError::Short { received: writer.position(), size };
                let is_wanted = writer.push(batch?.ok_or(broke_off)?);
                if !is_wanted && writer.position() == size {
                    return Err(FetchError::Long { size });
                }
            }
        }
    }
    Ok(())
}

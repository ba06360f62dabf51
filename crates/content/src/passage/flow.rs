use std::{collections::VecDeque, io, ops::Range, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};
use oci::{Digest, Hasher};
use tokio::time;

use crate::{
    download::{FetchError, Overflow},
    limits::Limits,
    reader::{self, ByteStream, CHUNK},
    source::{Incoming, Source},
    verification::Mismatch,
};

/// A passage under way.
pub(crate) struct Flow {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) source: Arc<dyn Source>,
    pub(super) limits: Limits,
    /// None between two attempts.
    pub(super) incoming: Option<Incoming>,
    /// None once the digest was compared.
    pub(super) hasher: Option<Hasher>,
    pub(super) received: u64,
    pub(super) wanted: Range<u64>,
    /// What the reader wants and has not been given, in order.
    pub(super) held: VecDeque<Bytes>,
    pub(super) held_length: u64,
    /// Attempts in a row that brought next to nothing.
    pub(super) failures: u32,
    pub(super) received_before: u64,
}

impl Flow {
    /// Goes on where a download onto the disk had to end. The bytes of `wanted` have not been given to the reader yet, and
    /// at most a chunk of them is behind what the download had hashed.
    pub(crate) async fn after(
        overflow: &Overflow,
        digest: Digest,
        wanted: Range<u64>,
        source: Arc<dyn Source>,
        limits: Limits,
    ) -> io::Result<Self> {
        let from_source = wanted.start.max(overflow.hashed).min(wanted.end);
        let in_file = reader::read(&overflow.file, wanted.start..from_source).await?;
        let held: VecDeque<_> = (!in_file.is_empty()).then_some(in_file).into_iter().collect();
        Ok(Self {
            digest,
            size: overflow.size,
            source,
            limits,
            incoming: None,
            hasher: Some(overflow.hasher.clone()),
            received: overflow.hashed,
            wanted: from_source..wanted.end,
            held_length: from_source - wanted.start,
            held,
            failures: 0,
            received_before: overflow.hashed,
        })
    }

    /// The bytes. An error holds a [`FetchError`].
    pub(crate) fn stream(self) -> ByteStream {
        stream::try_unfold(self, |mut flow| async move {
            let next = flow.next().await.map_err(io::Error::other)?;
            Ok(next.map(|bytes| (bytes, flow)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        while self.hasher.is_some() {
            // What is held is enough to hold back, so what came first may go.
            if let Some(first) = self.held.front()
                && self.held_length - first.len() as u64 >= CHUNK
            {
                return Ok(self.release());
            }
            match self.piece().await {
                Ok(Some(piece)) => self.take(piece),
                Ok(None) => self.verify()?,
                Err(error) => {
                    if self.received - self.received_before >= WORTH_WHILE {
                        self.failures = 0;
                    }
                    (self.incoming, self.received_before) = (None, self.received);
                    self.failures += 1;
                    pause(error, self.failures, &self.limits).await?;
                }
            }
        }
        Ok(self.release())
    }

    /// The next bytes that are missing, nothing at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        let incoming = match &mut self.incoming {
            Some(incoming) => incoming,
            None if self.received == self.size => return Ok(None),
            None => {
                let incoming = open(&*self.source, self.received, &self.limits).await?;
                if incoming.total != self.size {
                    let (size, now) = (self.size, incoming.total);
                    return Err(FetchError::SizeChanged { size, now });
                }
                self.incoming.insert(incoming)
            }
        };
        loop {
            let piece = time::timeout(self.limits.idle, incoming.body.next())
                .await
                .map_err(|_| FetchError::Stalled(self.limits.idle))?;
            let Some(mut piece) = piece.transpose()? else {
                let (received, size) = (self.received, self.size);
                let is_whole = received == size;
                return if is_whole {
                    Ok(None)
                } else {
                    Err(FetchError::Short { received, size })
                };
            };
            // A source may begin earlier than it was asked to.
            let surplus = (self.received - incoming.offset).min(piece.len() as u64);
            incoming.offset += piece.len() as u64;
            piece.advance(surplus as usize);
            if piece.len() as u64 > self.size - self.received {
                return Err(FetchError::Long { size: self.size });
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    fn take(&mut self, mut piece: Bytes) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        let begin = self.received;
        self.received += piece.len() as u64;
        // The part that the reader wants.
        let end = self.wanted.end.clamp(begin, self.received) - begin;
        let start = (self.wanted.start.clamp(begin, self.received) - begin).min(end);
        piece.truncate(end as usize);
        piece.advance(start as usize);
        while !piece.is_empty() {
            let part = piece.split_to(piece.len().min(CHUNK as usize));
            self.held_length += part.len() as u64;
            self.held.push_back(part);
        }
    }

    fn verify(&mut self) -> Result<(), FetchError> {
        let expected = self.digest.clone();
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != expected => Err(Mismatch { expected, found }.into()),
            _ => Ok(()),
        }
    }

    fn release(&mut self) -> Option<Bytes> {
        let first = self.held.pop_front()?;
        self.held_length -= first.len() as u64;
        Some(first)
    }
}

pub(super) async fn open(source: &dyn Source, offset: u64, limits: &Limits) -> Result<Incoming, FetchError> {
    let incoming = time::timeout(limits.idle, source.open(offset, None))
        .await
        .map_err(|_| FetchError::Stalled(limits.idle))??;
    if incoming.offset > offset {
        let (asked, answered) = (offset, incoming.offset);
        return Err(FetchError::Gap { asked, answered });
    }
    Ok(incoming)
}

/// Waits before the next attempt, or gives the error back where there is none.
pub(super) async fn pause(error: FetchError, failures: u32, limits: &Limits) -> Result<(), FetchError> {
    if !error.is_transient() || failures >= limits.attempts {
        return Err(error);
    }
    let doubled = limits.first_pause.saturating_mul(1 << (failures - 1).min(16));
    time::sleep(doubled.min(LONGEST_PAUSE)).await;
    Ok(())
}

/// As with downloads onto the disk: see [`Limits::attempts`] and [`Limits::first_pause`].
const WORTH_WHILE: u64 = 1024 * 1024;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

use std::{
    collections::VecDeque,
    fmt, io,
    ops::{Range, RangeBounds},
    sync::Arc,
    time::Duration,
};

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

/// Content that goes from its source to one reader, without the disk.
///
/// It is hashed on the way. The last bytes of what the reader asked for (256 KiB, or all if there are fewer) are held in
/// memory until **all** of the content has come and is right, also where the reader asked for a part.
pub struct Passage {
    digest: Digest,
    size: u64,
    source: Arc<dyn Source>,
    limits: Limits,
    incoming: Incoming,
}

/// A passage under way.
pub(crate) struct Flow {
    digest: Digest,
    size: u64,
    source: Arc<dyn Source>,
    limits: Limits,
    /// None between two attempts.
    incoming: Option<Incoming>,
    /// None once the digest was compared.
    hasher: Option<Hasher>,
    received: u64,
    wanted: Range<u64>,
    /// What the reader wants and has not been given, in order.
    held: VecDeque<Bytes>,
    held_length: u64,
    /// Attempts in a row that brought next to nothing.
    failures: u32,
    received_before: u64,
}

impl Passage {
    pub(crate) async fn open(digest: Digest, source: Arc<dyn Source>, limits: Limits) -> Result<Self, FetchError> {
        let mut failures = 0;
        let incoming = loop {
            match open(&*source, 0, &limits).await {
                Ok(incoming) => break incoming,
                Err(error) => {
                    failures += 1;
                    pause(error, failures, &limits).await?;
                }
            }
        };
        let size = incoming.total;
        if size > limits.largest_blob {
            let limit = limits.largest_blob;
            return Err(FetchError::TooLarge { size, limit });
        }
        Ok(Self {
            digest,
            size,
            source,
            limits,
            incoming,
        })
    }

    /// The digest of the content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The length in bytes that the source declared, which the body either meets or fails.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of `range`, as far as it lies within the content. Everything else is received as well, and hashed.
    ///
    /// An error of the stream holds a [`FetchError`].
    pub fn stream(self, range: impl RangeBounds<u64>) -> ByteStream {
        let flow = Flow {
            wanted: reader::clamp(range, self.size),
            hasher: Some(Hasher::new(self.digest.algorithm())),
            digest: self.digest,
            size: self.size,
            source: self.source,
            limits: self.limits,
            incoming: Some(self.incoming),
            received: 0,
            held: VecDeque::new(),
            held_length: 0,
            failures: 0,
            received_before: 0,
        };
        flow.stream()
    }
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

async fn open(source: &dyn Source, offset: u64, limits: &Limits) -> Result<Incoming, FetchError> {
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
async fn pause(error: FetchError, failures: u32, limits: &Limits) -> Result<(), FetchError> {
    if !error.is_transient() || failures >= limits.attempts {
        return Err(error);
    }
    let doubled = limits.first_pause.saturating_mul(1 << (failures - 1).min(16));
    time::sleep(doubled.min(LONGEST_PAUSE)).await;
    Ok(())
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage")
            .field("digest", &self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// As with downloads onto the disk: see [`Limits::attempts`] and [`Limits::first_pause`].
const WORTH_WHILE: u64 = 1024 * 1024;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

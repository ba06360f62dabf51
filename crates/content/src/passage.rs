use std::{collections::VecDeque, fmt, ops::RangeBounds, sync::Arc};

use oci::{Digest, Hasher};

use crate::{
    download::FetchError,
    limits::Limits,
    reader::{self, ByteStream},
    source::{Incoming, Source},
};

mod flow;

pub(crate) use flow::Flow;
use flow::{open, pause};

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

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage")
            .field("digest", &self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

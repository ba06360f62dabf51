use std::{
    fs::File,
    ops::RangeBounds,
    sync::{Arc, OnceLock},
};

use oci::Digest;
use tokio::sync::watch;

use crate::{
    blob::Blob,
    reader::{self, ByteStream, Parts},
};

mod body;
mod crew;
mod error;
mod flights;
mod gate;
mod lane;
mod leader;
mod overflow;
mod pace;
mod patience;
mod plan;
mod transfer;
mod turns;
mod writer;

pub use error::FetchError;
pub(crate) use flights::{Flight, Flights};
pub(crate) use gate::Gate;
pub(crate) use leader::Leader;
pub(crate) use overflow::{Detour, Overflow};
pub(crate) use turns::Turns;

/// Content that can be read from its first byte on.
#[derive(Clone, Debug)]
pub enum Content {
    /// Finished content.
    Whole(Blob),
    /// Content that is still coming.
    Growing(Download),
}

/// A download that runs, for any number of readers. It goes on without them.
#[derive(Clone, Debug)]
pub struct Download {
    digest: Digest,
    size: u64,
    file: Arc<File>,
    gate: Gate,
    detour: Detour,
}

/// How far a download has come. The task that runs it tells everybody who follows.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// Nothing is known yet.
    Opening,
    /// The first `written` of `size` bytes can be read from the file. They are not verified.
    Receiving { file: Arc<File>, size: u64, written: u64 },
    /// Everything is there and verified.
    Whole(Blob),
    /// The disk takes no more. Each reader goes on without it.
    Overflowed(Arc<Overflow>),
    /// There will be nothing more.
    Failed(FetchError),
}

impl Content {
    /// The digest of the content.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Whole(blob) => blob.digest(),
            Self::Growing(download) => &download.digest,
        }
    }

    /// The length in bytes; of growing content the one that the source declared, which a body either meets or fails.
    pub fn size(&self) -> u64 {
        match self {
            Self::Whole(blob) => blob.size(),
            Self::Growing(download) => download.size,
        }
    }

    /// The bytes of `range`, as far as it lies within the content.
    ///
    /// The last bytes of the range (256 KiB, or all if there are fewer) of growing content come only after **all** of
    /// the content is verified: an answer made of unverified bytes never completes, whatever part of the content it is.
    pub fn stream(&self, range: impl RangeBounds<u64>) -> ByteStream {
        self.parts(range).bytes()
    }

    /// The parts of the file that make up `range`, each when it may be read. What [`Content::stream`] says of the last
    /// bytes holds here too.
    pub fn parts(&self, range: impl RangeBounds<u64>) -> Parts {
        match self {
            Self::Whole(blob) => blob.parts(range),
            Self::Growing(download) => download.parts(range),
        }
    }
}

impl Download {
    fn parts(&self, range: impl RangeBounds<u64>) -> Parts {
        let range = reader::clamp(range, self.size);
        let gate = self.gate.clone().holding_back(&range);
        let breach = Arc::new(OnceLock::new());
        Parts {
            file: Arc::clone(&self.file),
            ranges: gate.ranges(range.clone(), Arc::clone(&breach)),
            rest: self.detour.clone().rest(self.digest.clone(), breach, range.end),
        }
    }
}

impl Flight {
    /// Waits until the size is known, or there will be nothing. `is_own` says whether the download was begun for the
    /// place that the reader reads for, and `detour` how the reader goes on where the disk does not.
    pub(crate) async fn begun(self, digest: &Digest, is_own: bool, detour: Detour) -> Result<Content, FetchError> {
        let mut progress: watch::Receiver<Phase> = self.progress;
        loop {
            let phase = progress.borrow_and_update().clone();
            let (file, size) = match phase {
                Phase::Opening => {
                    progress.changed().await.map_err(|_| FetchError::Abandoned)?;
                    continue;
                }
                Phase::Receiving { file, size, .. } => (file, size),
                // It may have begun and ended since the last look.
                Phase::Overflowed(overflow) => (Arc::clone(&overflow.file), overflow.size),
                Phase::Whole(blob) => return Ok(Content::Whole(blob)),
                Phase::Failed(error) => return Err(error),
            };
            return Ok(Content::Growing(Download {
                digest: digest.clone(),
                size,
                file,
                gate: Gate::new(progress, is_own),
                detour,
            }));
        }
    }
}

use std::{io, sync::Arc, time::Duration};

use crate::{source::SourceError, verification::Mismatch};

/// Why content could not be fetched, or not to its end. Everybody who reads a download gets the same one.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The source refused, or failed too often in a row.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source gave nothing for too long, too often in a row.
    #[error("the source sent nothing for {} seconds", .0.as_secs_f32())]
    Stalled(Duration),
    /// The body ended early, too often in a row.
    #[error("the body ended after {received} of {size} bytes")]
    Short {
        /// How many bytes came.
        received: u64,
        /// How many were declared.
        size: u64,
    },
    /// The body went on behind its end.
    #[error("the body has more than the declared {size} bytes")]
    Long {
        /// How many bytes were declared.
        size: u64,
    },
    /// The blob is larger than [`Limits::largest_blob`](crate::Limits::largest_blob).
    #[error("the blob has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// How many bytes were declared.
        size: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// The source declared another size when the download was resumed.
    #[error("the source declared {size} bytes, and {now} when the download was resumed")]
    SizeChanged {
        /// How many bytes were declared first.
        size: u64,
        /// How many were declared then.
        now: u64,
    },
    /// The source began behind the byte that it was asked for.
    #[error("the source began at byte {answered}; expected byte {asked} or an earlier one")]
    Gap {
        /// The offset that was asked for.
        asked: u64,
        /// The offset at which the body begins.
        answered: u64,
    },
    /// The content is not what its digest says.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The content could not be read from or written to the disk.
    #[error("the content store's disk failed: {0}")]
    Disk(Arc<io::Error>),
    /// The download was begun for another place, and its source failed in the middle. What that source said is not for
    /// this reader; a new attempt uses the reader's own.
    #[error("the download was interrupted; try again")]
    Interrupted,
    /// The task that ran the download ended without a result.
    #[error("the download was abandoned, because the program is shutting down or has a fault; try again")]
    Abandoned,
}

impl FetchError {
    /// Whether going on from the same byte may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => error.is_transient(),
            Self::Stalled(_) | Self::Short { .. } => true,
            _ => false,
        }
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self::Disk(Arc::new(error))
    }
}

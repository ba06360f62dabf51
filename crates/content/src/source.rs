use std::{error::Error, fmt, sync::Arc};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

/// Where a blob can be downloaded from.
pub trait Source: Send + Sync + 'static {
    /// Begins to send the blob's bytes from `offset` on. It is called again with a higher offset where a body broke off,
    /// and while other bodies come, where several are faster than one.
    ///
    /// Nothing from `end` on is needed, where there is an end; what comes nevertheless is dropped.
    ///
    /// A source that cannot begin in the middle may begin earlier, and says so in [`Incoming::offset`]. It is opened once
    /// at a time from then on.
    fn open(&self, offset: u64, end: Option<u64>) -> BoxFuture<'_, Result<Incoming, SourceError>>;
}

/// The bytes of a blob on their way.
pub struct Incoming {
    /// The length of the whole blob in bytes, wherever the body begins.
    pub total: u64,
    /// The position of the body's first byte within the blob.
    pub offset: u64,
    /// The bytes.
    pub body: BoxStream<'static, Result<Bytes, SourceError>>,
}

/// Why a source gives no bytes, or no more of them. All readers of a download get the same one.
#[derive(Clone, Debug)]
pub struct SourceError {
    is_transient: bool,
    cause: Arc<dyn Error + Send + Sync>,
}

impl SourceError {
    /// A failure that may be gone at the next attempt: a lost connection, a throttled request, an expired URL.
    pub fn transient(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_transient: true,
            cause: cause.into().into(),
        }
    }

    /// A failure that another attempt would only repeat: not found, not permitted.
    pub fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_transient: false,
            cause: cause.into().into(),
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_transient(&self) -> bool {
        self.is_transient
    }

    /// The cause, where it is an `E`: what the source put in comes out again.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.cause.downcast_ref()
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

/// The cause is what is displayed, so the chain goes on behind it.
impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("total", &self.total)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

use std::{
    fmt,
    fs::File,
    io,
    sync::{Arc, OnceLock},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Digest, Hasher};

use super::FetchError;
use crate::{cache::Shelf, limits::Limits, passage::Flow, reader::ByteStream, source::Source};

/// Where a download was when the disk took no more: whoever reads it goes on from here. The file has no name any more, and
/// its room is free again when nobody reads it.
pub(crate) struct Overflow {
    pub(crate) file: Arc<File>,
    pub(crate) size: u64,
    /// All bytes before this one are in the file.
    pub(crate) written: u64,
    /// The hash of the first `hashed` bytes, which are in the file too.
    pub(crate) hasher: Hasher,
    pub(crate) hashed: u64,
    /// Why.
    pub(crate) error: FetchError,
}

/// Where a reader left the file, once it has.
pub(crate) type Breach = OnceLock<(u64, Arc<Overflow>)>;

/// How a reader gets without the disk what the disk does not take: from its own source, for another's is not for it.
#[derive(Clone)]
pub(crate) struct Detour {
    source: Arc<dyn Source>,
    limits: Limits,
    shelf: Arc<Shelf>,
}

impl Detour {
    pub(crate) fn new(source: Arc<dyn Source>, limits: Limits, shelf: Arc<Shelf>) -> Self {
        Self { source, limits, shelf }
    }

    /// The bytes from the breach up to `end`; nothing where there is none when this is polled. As with all that passes
    /// through, the last ones come when all of the content has come and is right.
    pub(super) fn rest(self, digest: Digest, breach: Arc<Breach>, end: u64) -> ByteStream {
        let begin = async move {
            let Some((start, overflow)) = breach.get() else {
                return io::Result::Ok(stream::empty().boxed());
            };
            tracing::debug!(%digest, start, hashed = overflow.hashed, "a reader goes on without the disk");
            self.shelf.bypassed();
            let flow = Flow::after(overflow, digest, *start..end, self.source, self.limits);
            Ok(flow.await?.stream())
        };
        stream::once(begin).try_flatten().boxed()
    }
}

impl fmt::Debug for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overflow")
            .field("written", &self.written)
            .field("hashed", &self.hashed)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Detour")
    }
}

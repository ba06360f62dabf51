//! What a pull tells while it runs.

use std::time::Duration;

use oci::{Digest, MediaType, Platform};

/// Whoever wants to see a pull's progress. Events come one at a time for each blob, and from several blobs at a time.
pub(crate) trait Progress: Send + Sync {
    /// Takes notice of an event. It is called between two pieces of a download and should not take long.
    fn event(&self, event: &Event<'_>);
}

/// One step of a pull.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A manifest or index has arrived and has the digest it should have.
    Manifest {
        /// Its digest.
        digest: &'a Digest,
        /// Its type.
        media_type: &'a MediaType,
        /// Its size in bytes.
        size: u64,
    },
    /// An index was there, and this of its manifests is the one for the platform.
    Platform {
        /// The platform as the index states it.
        platform: &'a Platform,
        /// The manifest's digest.
        digest: &'a Digest,
    },
    /// A blob is there already, has the right digest, and is not asked for.
    Reused(Blob<'a>),
    /// The download of a blob begins, or goes on behind what an earlier pull left.
    Started {
        /// The blob.
        blob: Blob<'a>,
        /// How many bytes are there already.
        received: u64,
    },
    /// More of a blob is there.
    Received {
        /// The blob.
        blob: Blob<'a>,
        /// How many bytes are there by now; fewer than before where the download had to begin again.
        received: u64,
    },
    /// A blob is there and has the right digest.
    Finished(Blob<'a>),
    /// Something failed that may succeed when tried again.
    Retry {
        /// What happened.
        reason: &'a str,
        /// How long the pull waits before it tries again.
        pause: Duration,
    },
    /// The image is there.
    Done {
        /// The digest of its manifest or index.
        digest: &'a Digest,
    },
}

/// A blob of the image that is pulled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blob<'a> {
    /// What it is.
    pub(crate) kind: BlobKind,
    /// Its digest.
    pub(crate) digest: &'a Digest,
    /// Its whole size in bytes.
    pub(crate) size: u64,
}

/// What a blob is to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobKind {
    /// The image's configuration.
    Configuration,
    /// One of its layers.
    Layer,
}

/// Takes notice of nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Silent;

impl Progress for Silent {
    fn event(&self, _: &Event<'_>) {}
}

impl<F: Fn(&Event<'_>) + Send + Sync> Progress for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

impl BlobKind {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Layer => "layer",
        }
    }
}

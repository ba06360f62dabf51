use std::{fs::File, io, ops::RangeBounds, sync::Arc};

use bytes::Bytes;
use oci::Digest;

use crate::reader::{self, ByteStream};

/// Finished content, whose digest was verified. It can be read as long as it is held, whatever becomes of its name on
/// disk.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: Digest,
    size: u64,
    file: Arc<File>,
}

impl Blob {
    pub(crate) fn new(digest: Digest, size: u64, file: Arc<File>) -> Self {
        Self { digest, size, file }
    }

    /// The digest of the content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file that holds the content from its first byte to its last. It never changes.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The bytes of `range`, as far as it lies within the content.
    pub fn stream(&self, range: impl RangeBounds<u64>) -> ByteStream {
        reader::stream(Arc::clone(&self.file), reader::clamp(range, self.size), None)
    }

    /// All bytes at once; meant for manifests.
    ///
    /// # Errors
    /// `FileTooLarge` where there are more than `limit` bytes; besides that, what reading the file gives.
    pub async fn read(&self, limit: u64) -> io::Result<Bytes> {
        if self.size > limit {
            let explanation = format!("{} has {} bytes; expected at most {limit}", self.digest, self.size);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, explanation));
        }
        reader::read(&self.file, 0..self.size).await
    }
}

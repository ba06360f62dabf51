use std::{fs::File, io, ops::RangeBounds, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Digest, Hasher};

use crate::{
    blocking::blocking,
    cache::{Check, Shelf, damaged},
    reader::{self, ByteStream, CHUNK, Parts},
};

/// Finished content, whose digest was verified. It can be read as long as it is held, whatever becomes of its name on
/// disk.
///
/// A disk may give back something else than was written. So content that was not looked at for some time is looked at
/// again while it is read, and damaged content never completes: its file is removed, and the next fetch gets it anew.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: Digest,
    size: u64,
    file: Arc<File>,
    /// Who is told of damage, and the check that the last bytes wait for.
    shelf: Option<Arc<Shelf>>,
    check: Option<Arc<Check>>,
}

impl Blob {
    pub(crate) fn new(digest: Digest, size: u64, file: Arc<File>) -> Self {
        Self {
            digest,
            size,
            file,
            shelf: None,
            check: None,
        }
    }

    pub(crate) fn on(self, shelf: Arc<Shelf>) -> Self {
        Self {
            shelf: Some(shelf),
            ..self
        }
    }

    /// The blob, whose last bytes wait for the check.
    pub(crate) fn checked_by(self, check: Arc<Check>) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// The digest of the content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The parts of the file that make up `range`, each when it may be read. What [`Blob::stream`] says of the last bytes
    /// holds here too.
    pub fn parts(&self, range: impl RangeBounds<u64>) -> Parts {
        let range = reader::clamp(range, self.size);
        let file = Arc::clone(&self.file);
        let Some(check) = self.check.clone() else {
            let whole = (!range.is_empty()).then_some(Ok(range));
            return Parts::new(file, stream::iter(whole).boxed());
        };
        let held_back = range.end.saturating_sub(CHUNK).max(range.start);
        let begin = {
            let check = Arc::clone(&check);
            async move {
                check.begin();
                let early = range.start..held_back;
                io::Result::Ok(stream::iter((!early.is_empty()).then_some(Ok(early))))
            }
        };
        let last = async move {
            check.passed().await?;
            Ok(held_back..range.end)
        };
        let ranges = stream::once(begin).try_flatten().chain(stream::once(last));
        Parts::new(file, ranges.boxed())
    }

    /// The bytes of `range`, as far as it lies within the content.
    ///
    /// Where the content has to be checked again, the last bytes of the range (256 KiB, or all if there are fewer) come
    /// when **all** of the content was found to be right.
    pub fn stream(&self, range: impl RangeBounds<u64>) -> ByteStream {
        self.parts(range).bytes()
    }

    /// All bytes at once, hashed once more; meant for manifests.
    ///
    /// # Errors
    /// `FileTooLarge` where there are more than `limit` bytes; `InvalidData` where they are not what they were; besides
    /// that, what reading the file gives.
    pub async fn read(&self, limit: u64) -> io::Result<Bytes> {
        if self.size > limit {
            let explanation = format!("{} has {} bytes; expected at most {limit}", self.digest, self.size);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, explanation));
        }
        let blob = self.clone();
        blocking(move || {
            let length = usize::try_from(blob.size).map_err(|_| io::ErrorKind::FileTooLarge)?;
            let mut bytes = vec![0; length];
            if blob.file.read_exact_at(&mut bytes, 0).is_ok() {
                let mut hasher = Hasher::new(blob.digest.algorithm());
                hasher.update(&bytes);
                if hasher.finish() == blob.digest {
                    return Ok(Bytes::from(bytes));
                }
            }
            if let Some(shelf) = &blob.shelf {
                shelf.discard(&blob.digest, &blob.file);
            }
            Err(damaged(&blob.digest))
        })
        .await
    }
}

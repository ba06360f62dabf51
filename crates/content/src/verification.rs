use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use oci::{Algorithm, Digest};

use crate::{blob::Blob, canvas::Canvas, staging::StagedFile};

/// Content that is being written and hashed. There is no way from here into the cache but [`Unverified::verify`].
pub(crate) struct Unverified {
    staged: StagedFile,
    canvas: Arc<Canvas>,
}

/// Content that is what its digest says, not yet in the cache.
#[derive(Debug)]
pub(crate) struct Verified {
    staged: StagedFile,
    blob: Blob,
}

/// Content that is not what its digest says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content that came for {expected} has the digest {found}; it was thrown away")]
pub struct Mismatch {
    /// The digest that was asked for.
    pub expected: Digest,
    /// The digest of what came.
    pub found: Digest,
}

impl Unverified {
    pub(crate) fn new(staged: StagedFile, algorithm: Algorithm) -> Self {
        let canvas = Arc::new(Canvas::new(Arc::clone(staged.file()), algorithm));
        Self { staged, canvas }
    }

    /// Adds to content that is written by one alone.
    pub(crate) fn append(&mut self, bytes: &Bytes) -> io::Result<()> {
        let (offset, bytes) = (self.canvas.hashed(), std::slice::from_ref(bytes));
        self.canvas.write(offset, bytes)?;
        self.canvas.hash(offset, bytes);
        Ok(())
    }

    /// Where several write. They must have let go of it before the content is verified.
    pub(crate) fn canvas(&self) -> &Arc<Canvas> {
        &self.canvas
    }

    /// Compares the digest of everything hashed. On a mismatch the file is gone.
    ///
    /// # Panics
    /// If anybody could still write: what is verified must not change.
    pub(crate) fn verify(self, expected: &Digest) -> Result<Verified, Mismatch> {
        let canvas = Arc::into_inner(self.canvas).expect("whoever wrote has let go of the content");
        let (found, size) = canvas.finish();
        if found != *expected {
            return Err(Mismatch {
                expected: expected.clone(),
                found,
            });
        }
        let blob = Blob::new(found, size, Arc::clone(self.staged.file()));
        Ok(Verified {
            staged: self.staged,
            blob,
        })
    }
}

impl Verified {
    pub(crate) fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Moves the content to its final place. The bytes are on the disk before the name is: a crash in between leaves
    /// nothing that could be taken for whole.
    pub(crate) fn keep_as(self, target: &Path) -> io::Result<Blob> {
        self.staged.file().sync_all()?;
        self.staged.keep_as(target)?;
        Ok(self.blob)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::staging::Staging;

    #[test]
    fn only_the_right_content_gets_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let staging = Staging::new(directory.path().to_owned());
        let mut content = Unverified::new(staging.create().unwrap(), Algorithm::Sha256);
        content.append(&Bytes::from_static(b"ab")).unwrap();
        content.append(&Bytes::from_static(b"c")).unwrap();
        let target = directory.path().join("target");
        let blob = content.verify(&Digest::of(b"abc")).unwrap().keep_as(&target).unwrap();
        assert_eq!(blob.size(), 3);
        assert_eq!(fs::read(target).unwrap(), b"abc");
    }

    #[test]
    fn the_wrong_content_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let staging = Staging::new(directory.path().to_owned());
        let mut content = Unverified::new(staging.create().unwrap(), Algorithm::Sha256);
        content.append(&Bytes::from_static(b"abc")).unwrap();
        let mismatch = content.verify(&Digest::of(b"abd")).unwrap_err();
        assert_eq!(mismatch.found, Digest::of(b"abc"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    #[should_panic(expected = "has let go")]
    fn what_somebody_may_still_write_is_never_verified() {
        let directory = tempfile::tempdir().unwrap();
        let staging = Staging::new(directory.path().to_owned());
        let content = Unverified::new(staging.create().unwrap(), Algorithm::Sha256);
        let _writer = Arc::clone(content.canvas());
        drop(content.verify(&Digest::of(b"")));
    }
}

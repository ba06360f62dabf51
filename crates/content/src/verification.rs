use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc};

use oci::{Algorithm, Digest, Hasher};

use crate::{blob::Blob, staging::StagedFile};

/// Content that is being written and hashed. There is no way from here into the cache but [`Unverified::verify`].
pub(crate) struct Unverified {
    staged: StagedFile,
    hasher: Hasher,
    written: u64,
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
        Self {
            staged,
            hasher: Hasher::new(algorithm),
            written: 0,
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.staged.file().write_all_at(bytes, self.written)?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes there are, all of which can be read from [`Unverified::file`].
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        self.staged.file()
    }

    /// Compares the digest of everything written. On a mismatch the file is gone.
    pub(crate) fn verify(self, expected: &Digest) -> Result<Verified, Mismatch> {
        let found = self.hasher.finish();
        if found != *expected {
            return Err(Mismatch {
                expected: expected.clone(),
                found,
            });
        }
        let blob = Blob::new(found, self.written, Arc::clone(self.staged.file()));
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
        content.append(b"ab").unwrap();
        content.append(b"c").unwrap();
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
        content.append(b"abc").unwrap();
        let mismatch = content.verify(&Digest::of(b"abd")).unwrap_err();
        assert_eq!(mismatch.found, Digest::of(b"abc"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

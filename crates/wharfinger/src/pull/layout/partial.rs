use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use oci::{Descriptor, Digest, Hasher};
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};

use super::DiskError;
use crate::pull::blocking::blocking;

/// A blob on its way: how many bytes of it have come, their digest, and the file that they are in.
pub(crate) struct Partial {
    /// Nothing where the bytes are verified and thrown away.
    file: Option<Growing>,
    hasher: Hasher,
    descriptor: Descriptor,
    length: u64,
}

struct Growing {
    path: PathBuf,
    file: BufWriter<tokio::fs::File>,
}

/// A blob whose bytes are all there and are not those that its digest means.
#[derive(Debug)]
pub(crate) struct WrongDigest(pub(crate) Digest);

impl Partial {
    /// Opens the file that an earlier pull left, or an empty one.
    pub(super) async fn open(path: PathBuf, descriptor: &Descriptor) -> Result<Self, DiskError> {
        let (size, algorithm, place) = (descriptor.size, descriptor.digest.algorithm(), path.clone());
        let opened = blocking(move |abandoned| {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&place)?;
            let mut hasher = Hasher::new(algorithm);
            let mut length = file.metadata()?.len();
            if length > size {
                file.set_len(0)?;
                length = 0;
            }
            hash(&mut abandoned.watch((&file).take(length)), &mut hasher)?;
            file.seek(SeekFrom::Start(length))?;
            Ok((file, hasher, length))
        });
        let (file, hasher, length) = opened.await.map_err(DiskError::at("opened", &path))?;
        let file = BufWriter::with_capacity(BUFFER, file.into());
        Ok(Self {
            file: Some(Growing { path, file }),
            hasher,
            descriptor: descriptor.clone(),
            length,
        })
    }

    /// A blob that is not kept.
    pub(crate) fn passing(descriptor: &Descriptor) -> Self {
        Self {
            file: None,
            hasher: Hasher::new(descriptor.digest.algorithm()),
            descriptor: descriptor.clone(),
            length: 0,
        }
    }

    /// How many bytes are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes are to come.
    pub(crate) fn missing(&self) -> u64 {
        self.descriptor.size.saturating_sub(self.length)
    }

    /// Takes the next bytes. The caller sees to it that there are no more than [`missing`](Self::missing).
    pub(crate) async fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if let Some(Growing { path, file }) = &mut self.file {
            file.write_all(bytes).await.map_err(DiskError::at("written", path))?;
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what is there.
    pub(crate) async fn restart(&mut self) -> Result<(), DiskError> {
        if let Some(Growing { path, file }) = &mut self.file {
            let emptied = async {
                file.flush().await?;
                file.get_mut().set_len(0).await?;
                file.seek(SeekFrom::Start(0)).await
            };
            emptied.await.map_err(DiskError::at("emptied", path))?;
        }
        self.hasher = Hasher::new(self.descriptor.digest.algorithm());
        self.length = 0;
        Ok(())
    }

    /// Leaves what is there to the next pull.
    pub(crate) async fn keep(self) -> Result<(), DiskError> {
        let Some(Growing { path, mut file }) = self.file else {
            return Ok(());
        };
        file.flush().await.map_err(DiskError::at("written", &path))
    }

    /// Whether the bytes are those that the digest means. To be asked when none is missing.
    pub(crate) fn verify(&mut self) -> Result<(), WrongDigest> {
        let next = Hasher::new(self.descriptor.digest.algorithm());
        let found = std::mem::replace(&mut self.hasher, next).finish();
        if found == self.descriptor.digest {
            Ok(())
        } else {
            Err(WrongDigest(found))
        }
    }

    /// Moves the verified file to where whole blobs are.
    pub(super) async fn publish(self, target: &Path) -> Result<(), DiskError> {
        let Some(Growing { path, mut file }) = self.file else {
            return Ok(());
        };
        let written = async {
            file.flush().await?;
            file.get_ref().sync_all().await
        };
        written.await.map_err(DiskError::at("written", &path))?;
        let renamed = tokio::fs::rename(&path, target).await;
        renamed.map_err(DiskError::at("put in place", target))
    }

    /// Removes the file.
    pub(crate) fn discard(self) -> Result<(), DiskError> {
        let Some(Growing { path, .. }) = self.file else {
            return Ok(());
        };
        fs::remove_file(&path).map_err(DiskError::at("removed", &path))
    }
}

/// Whether a file has the descriptor's size and digest. A file that is not there has not.
pub(super) async fn holds(path: &Path, descriptor: &Descriptor) -> Result<bool, DiskError> {
    let (place, descriptor) = (path.to_owned(), descriptor.clone());
    let held = blocking(move |abandoned| {
        let file = match File::open(&place) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() != descriptor.size {
            return Ok(false);
        }
        let mut hasher = Hasher::new(descriptor.digest.algorithm());
        hash(&mut abandoned.watch(file.take(descriptor.size)), &mut hasher)?;
        Ok(hasher.finish() == descriptor.digest)
    });
    held.await.map_err(DiskError::at("read", path))
}

fn hash(reader: &mut impl Read, hasher: &mut Hasher) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        hasher.update(&buffer[..read]);
    }
}

const BUFFER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use oci::MediaType;

    fn descriptor(content: &[u8]) -> Descriptor {
        Descriptor::new(MediaType::OCI_LAYER_GZIP, Digest::of(content), content.len() as u64)
    }

    #[tokio::test]
    async fn what_was_kept_is_counted_and_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("partial"), folder.path().join("whole"));
        let descriptor = descriptor(b"hello world");
        let mut partial = Partial::open(path.clone(), &descriptor).await.unwrap();
        partial.append(b"hello ").await.unwrap();
        partial.keep().await.unwrap();
        let mut partial = Partial::open(path.clone(), &descriptor).await.unwrap();
        assert_eq!((partial.length(), partial.missing()), (6, 5));
        partial.append(b"world").await.unwrap();
        partial.verify().unwrap();
        partial.publish(&target).await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"hello world");
        assert!(!path.exists());
        assert!(holds(&target, &descriptor).await.unwrap());
    }

    #[tokio::test]
    async fn a_restart_forgets_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        let descriptor = descriptor(b"right");
        let mut partial = Partial::open(path.clone(), &descriptor).await.unwrap();
        partial.append(b"wrong").await.unwrap();
        assert_eq!(partial.verify().unwrap_err().0, Digest::of(b"wrong"));
        partial.restart().await.unwrap();
        assert_eq!(partial.length(), 0);
        partial.append(b"right").await.unwrap();
        partial.verify().unwrap();
        partial.keep().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"right");
    }

    #[tokio::test]
    async fn a_file_that_is_too_long_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        fs::write(&path, b"much too long").unwrap();
        let partial = Partial::open(path.clone(), &descriptor(b"short")).await.unwrap();
        assert_eq!(partial.length(), 0);
        partial.discard().unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_the_very_content_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        for content in [None, Some("hellp"), Some("hell"), Some("hello!")] {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            assert!(!holds(&path, &descriptor(b"hello")).await.unwrap(), "{content:?}");
        }
    }
}

use std::{
    collections::HashSet,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use oci::{Algorithm, Digest, Hasher};
use tempfile::TempPath;
use tokio::{
    fs::{self, File},
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::RwLock,
    task::spawn_blocking,
    time::timeout,
};

use crate::{exchange::Body, request_body::RequestBody};

/// The content of layers, on disk and under its digest. Which repository has which layer is not known here.
pub(crate) struct Blobs {
    kept: PathBuf,
    uploads: PathBuf,
    /// Many may keep content at once; whoever removes some does so alone.
    gate: RwLock<()>,
}

/// A layer that is being uploaded, in as many pieces as the client likes. Its file goes with it.
pub(crate) struct Upload {
    file: File,
    path: TempPath,
    length: u64,
    hasher: Hasher,
    /// The length of the last part, where the upload comes in parts.
    last_part: Option<u64>,
    /// Whether a part that was not the last one was shorter than [`Upload::MIN_PART`].
    undersized: bool,
    parts: usize,
}

/// Why a piece of an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("the layer is longer than {max} bytes", max = Upload::MAX)]
    TooLong,
    #[error("the layer has {max} parts already", max = Upload::MAX_PARTS)]
    TooManyParts,
    #[error("the connection ended, or stood still, within the body")]
    Broken,
    #[error("the layer could not be written: {0}")]
    Disk(#[from] io::Error),
}

/// How long a client may send nothing in the middle of an upload.
const STALL: Duration = Duration::from_secs(60);

/// How much of a file is read at once.
const CHUNK: usize = 256 * 1024;

impl Blobs {
    /// A store below `dir`, which is made where it is missing.
    pub(crate) async fn open(dir: &Path) -> io::Result<Self> {
        let blobs = Self {
            kept: dir.join("blobs").join(Algorithm::Sha256.as_str()),
            uploads: dir.join("uploads"),
            gate: RwLock::default(),
        };
        fs::create_dir_all(&blobs.kept).await?;
        // Uploads end with the process, and one that was killed could not clean up.
        match fs::remove_dir_all(&blobs.uploads).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&blobs.uploads).await?;
        Ok(blobs)
    }

    /// Begins an upload.
    pub(crate) async fn begin(&self) -> io::Result<Upload> {
        let dir = self.uploads.clone();
        let file = spawn_blocking(move || tempfile::Builder::new().prefix("layer-").tempfile_in(dir)).await??;
        let (file, path) = file.into_parts();
        Ok(Upload {
            file: File::from_std(file),
            path,
            length: 0,
            hasher: Hasher::new(Algorithm::Sha256),
            last_part: None,
            undersized: false,
            parts: 0,
        })
    }

    /// Keeps an upload whose content has been found to have `digest`. It must be in use by now, or it may be removed
    /// again at once.
    pub(crate) async fn keep(&self, path: TempPath, digest: &Digest) -> io::Result<()> {
        let target = self.path(digest);
        let _open = self.gate.read().await;
        // Under the same name lies the same content, so it does not matter who comes first.
        spawn_blocking(move || path.persist(target)).await??;
        Ok(())
    }

    /// Removes content, unless it is in use (again). Whoever reads it reads it to its end: the file goes with the last
    /// reader.
    pub(crate) async fn remove(&self, digest: &Digest, in_use: impl FnOnce() -> bool) -> io::Result<()> {
        let _closed = self.gate.write().await;
        if in_use() {
            return Ok(());
        }
        match fs::remove_file(self.path(digest)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes everything that is not in use. Nothing else may be under way.
    pub(crate) async fn sweep(&self, in_use: HashSet<String>) -> io::Result<()> {
        let kept = self.kept.clone();
        spawn_blocking(move || {
            for entry in std::fs::read_dir(kept)? {
                let entry = entry?;
                if !entry.file_name().to_str().is_some_and(|name| in_use.contains(name)) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        })
        .await?
    }

    /// A part of a blob as a body that is read as fast as it is sent.
    pub(crate) async fn read(&self, digest: &Digest, range: Range<u64>) -> io::Result<Body> {
        let path = self.path(digest);
        let file = spawn_blocking(move || {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(range.start))?;
            Ok::<_, io::Error>(file)
        });
        let file = file.await??;
        let left = range.end.saturating_sub(range.start);
        let chunks = stream::try_unfold((file, left), |(file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let (file, chunk) = spawn_blocking(move || read_chunk(file, left)).await??;
            let left = left - chunk.len() as u64;
            Ok(Some((Frame::data(chunk), (file, left))))
        });
        Ok(StreamBody::new(chunks).boxed_unsync())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.kept.join(digest.hex())
    }
}

impl Upload {
    /// The longest layer in bytes: 52,000 MiB (ECR user guide, "Service quotas").
    pub(crate) const MAX: u64 = 52_000 * 1024 * 1024;

    /// How many bytes have been taken.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The shortest part in bytes but for the last one: 5 MiB (service model, `LayerPartTooSmallException`).
    pub(crate) const MIN_PART: u64 = 5 * 1024 * 1024;

    /// "Layer parts" (ECR user guide, "Amazon ECR service quotas").
    pub(crate) const MAX_PARTS: usize = 4200;

    /// Whether a part in front of the last one was too short.
    pub(crate) fn is_undersized(&self) -> bool {
        self.undersized
    }

    /// Takes the next part as a whole.
    pub(crate) async fn append_part(&mut self, part: &[u8]) -> Result<(), NotTaken> {
        if self.parts == Self::MAX_PARTS {
            return Err(NotTaken::TooManyParts);
        }
        self.file.seek(SeekFrom::Start(self.length)).await?;
        self.take(part).await?;
        self.file.flush().await?;
        self.undersized |= self.last_part.is_some_and(|last| last < Self::MIN_PART);
        self.last_part = Some(part.len() as u64);
        self.parts += 1;
        Ok(())
    }

    /// Takes the next piece. Where that fails, or the client leaves, the pieces before and what came of this one stay.
    pub(crate) async fn append(&mut self, mut body: RequestBody) -> Result<(), NotTaken> {
        // What was cut off in the middle of a write before is written over: length and hash move together.
        self.file.seek(SeekFrom::Start(self.length)).await?;
        loop {
            let frame = match timeout(STALL, body.frame()).await {
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) | Err(_) => return Err(NotTaken::Broken),
            };
            let Ok(bytes) = frame.into_data() else { continue };
            self.take(&bytes).await?;
        }
        // Errors of writes that were still under way come out here.
        self.file.flush().await?;
        Ok(())
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), NotTaken> {
        if self.length + bytes.len() as u64 > Self::MAX {
            return Err(NotTaken::TooLong);
        }
        self.file.write_all(bytes).await?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digest and the length of everything that was taken, and the file that holds it.
    pub(crate) async fn finish(mut self) -> io::Result<(Digest, u64, TempPath)> {
        self.file.flush().await?;
        self.file.set_len(self.length).await?;
        Ok((self.hasher.finish(), self.length, self.path))
    }
}

/// Reads straight into what is sent: the file of the runtime would copy each chunk once more.
fn read_chunk(mut file: std::fs::File, left: u64) -> io::Result<(std::fs::File, Bytes)> {
    let length = left.min(CHUNK as u64);
    let mut chunk = Vec::with_capacity(usize::try_from(length).unwrap_or(CHUNK));
    file.by_ref().take(length).read_to_end(&mut chunk)?;
    if (chunk.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((file, Bytes::from(chunk)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        let mut upload = blobs.begin().await.unwrap();
        for _ in 0..Upload::MAX_PARTS {
            upload.append_part(b"x").await.unwrap();
        }
        let refused = upload.append_part(b"x").await;
        assert!(matches!(refused, Err(NotTaken::TooManyParts)));
        assert_eq!(upload.length(), Upload::MAX_PARTS as u64);
    }

    #[tokio::test]
    async fn content_goes_when_nobody_uses_it_and_stays_for_its_readers() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        let mut upload = blobs.begin().await.unwrap();
        upload.append_part(b"content").await.unwrap();
        let (digest, length, path) = upload.finish().await.unwrap();
        blobs.keep(path, &digest).await.unwrap();
        blobs.remove(&digest, || true).await.unwrap();
        let body = blobs.read(&digest, 0..length).await.unwrap();
        blobs.remove(&digest, || false).await.unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "content");
        let gone = blobs.read(&digest, 0..length).await.map(|_| ());
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
        blobs.remove(&digest, || false).await.unwrap();
    }
}

//! An OCI image layout on disk (OCI image specification 1.1, "Image Layout"), and the downloads that are not whole yet.

mod index;
mod partial;

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use oci::{Descriptor, Digest};

pub(crate) use partial::{Partial, WrongDigest};

use super::{blocking::blocking, document::Document};

/// A folder with blobs under their digests and an index of what they are.
///
/// While it is open, nobody else's pull writes to it: `oci-layout` is locked.
pub(crate) struct Layout {
    folder: PathBuf,
    _marker: File,
}

/// A folder that images cannot be put into.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayoutError {
    /// Something else is there.
    #[error("{0} is no OCI image layout and not empty; expected a new, an empty or an OCI layout's folder")]
    NotALayout(PathBuf),
    /// Another pull is at work.
    #[error("another pull is writing to {0}; wait for its end, or pull into another folder")]
    Busy(PathBuf),
    /// The index is not what it should be; writing it anew would lose what it holds.
    #[error("{path} {reason}; expected the index of an OCI image layout")]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// See [`DiskError`].
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Something that cannot be done with a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {action}: {source}")]
pub(crate) struct DiskError {
    path: PathBuf,
    action: &'static str,
    source: io::Error,
}

impl Layout {
    /// Whether the folder could become a layout or is one; to be asked before anything is downloaded.
    pub(crate) fn check(folder: &Path) -> Result<(), LayoutError> {
        let entries = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DiskError::at("read", folder)(error).into()),
        };
        if entries && !folder.join(MARKER).is_file() {
            return Err(LayoutError::NotALayout(folder.to_owned()));
        }
        index::read(&folder.join(INDEX)).map(drop)
    }

    /// Opens a layout, or makes one. What looks whole is whole at any moment: `index.json` comes last.
    pub(crate) async fn open(folder: &Path) -> Result<Self, LayoutError> {
        Self::check(folder)?;
        let place = folder.to_owned();
        let opened = blocking(move |_| {
            fs::create_dir_all(&place)?;
            let mut marker = File::options()
                .read(true)
                .append(true)
                .create(true)
                .open(place.join(MARKER))?;
            match marker.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if marker.metadata()?.len() == 0 {
                marker.write_all(MARKER_CONTENT)?;
            }
            fs::create_dir_all(place.join(PARTIAL))?;
            Ok(Some(marker))
        });
        let marker = opened.await.map_err(DiskError::at("made a layout", folder))?;
        let marker = marker.ok_or_else(|| LayoutError::Busy(folder.to_owned()))?;
        Ok(Self {
            folder: folder.to_owned(),
            _marker: marker,
        })
    }

    /// Whether a blob is there, with the right size and digest.
    pub(crate) async fn holds(&self, descriptor: &Descriptor) -> Result<bool, DiskError> {
        partial::holds(&self.blob(&descriptor.digest), descriptor).await
    }

    /// A blob's download, begun or gone on with.
    pub(crate) async fn partial(&self, descriptor: &Descriptor) -> Result<Partial, DiskError> {
        Partial::open(
            self.folder.join(PARTIAL).join(descriptor.digest.to_string()),
            descriptor,
        )
        .await
    }

    /// Takes a download that was verified.
    pub(crate) async fn publish(&self, partial: Partial, digest: &Digest) -> Result<(), DiskError> {
        let target = self.blob(digest);
        self.make_room(&target)?;
        partial.publish(&target).await
    }

    /// Takes a manifest.
    pub(crate) async fn put(&self, document: &Document) -> Result<(), DiskError> {
        let mut partial = self.partial(&document.descriptor).await?;
        partial.restart().await?;
        partial.append(&document.bytes).await?;
        self.publish(partial, &document.descriptor.digest).await
    }

    /// Reads a blob that is there, at most `limit` bytes of it.
    pub(crate) fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, DiskError> {
        let path = self.blob(digest);
        let mut content = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut content));
        read.map_err(DiskError::at("read", &path))?;
        Ok(content)
    }

    /// Names an image in `index.json`, in place of what had the name before. Other entries stay.
    pub(crate) fn name(&self, name: &str, image: &Descriptor) -> Result<(), LayoutError> {
        let path = self.folder.join(INDEX);
        let mut index = index::read(&path)?;
        index::enter(&mut index, name, image);
        let next = self.folder.join(PARTIAL).join(INDEX);
        let written = File::create(&next).and_then(|mut file| {
            file.write_all(&index::bytes(&index))?;
            file.sync_all()?;
            fs::rename(&next, &path)
        });
        Ok(written.map_err(DiskError::at("written", &path))?)
    }

    /// Tidies up. Downloads that other images left stay.
    pub(crate) fn close(self) {
        let _ = fs::remove_dir(self.folder.join(PARTIAL));
    }

    /// Where a blob is, or will be once it is whole.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join(blob_path(digest))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn make_room(&self, target: &Path) -> Result<(), DiskError> {
        let folder = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(DiskError::at("made", folder))
    }
}

/// A blob's path inside a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

impl DiskError {
    /// Says of a file what could not be done with it.
    pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            path: path.to_owned(),
            action,
            source,
        }
    }

    pub(crate) fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// Marks a folder as a layout.
pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const MARKER_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX: &str = "index.json";
/// What is not whole yet.
const PARTIAL: &str = ".wharfinger-partial";

#[cfg(test)]
mod tests {
    use super::*;
    use oci::MediaType;

    #[tokio::test]
    async fn a_layout_is_made_named_and_named_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let image = |content: &[u8]| Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(content), 1);
        for (name, content) in [("r.test/a:1", b"1"), ("r.test/b:1", b"2"), ("r.test/a:1", b"3")] {
            let layout = Layout::open(&folder).await.unwrap();
            layout.name(name, &image(content)).unwrap();
            layout.close();
        }
        let index: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(INDEX)).unwrap()).unwrap();
        let digests: Vec<_> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["digest"].clone())
            .collect();
        assert_eq!(digests, [Digest::of(b"2").to_string(), Digest::of(b"3").to_string()]);
        assert_eq!(fs::read(folder.join(MARKER)).unwrap(), MARKER_CONTENT);
        assert!(!folder.join(PARTIAL).exists());
    }

    #[tokio::test]
    async fn a_folder_with_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "x").unwrap();
        let error = Layout::open(folder.path()).await.err().unwrap();
        assert!(matches!(error, LayoutError::NotALayout(_)), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_index_that_cannot_be_read_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MARKER), MARKER_CONTENT).unwrap();
        for content in ["", "[]", "{}", "{\"manifests\":1}"] {
            fs::write(folder.path().join(INDEX), content).unwrap();
            let error = Layout::open(folder.path()).await.err().unwrap();
            assert!(error.to_string().contains("index.json"), "{error}");
            assert_eq!(fs::read_to_string(folder.path().join(INDEX)).unwrap(), content);
        }
    }

    #[tokio::test]
    async fn two_pulls_into_one_layout_exclude_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let first = Layout::open(folder.path()).await.unwrap();
        let second = Layout::open(folder.path()).await.err().unwrap();
        assert!(matches!(second, LayoutError::Busy(_)), "{second}");
        drop(first);
        assert!(Layout::open(folder.path()).await.is_ok());
    }
}

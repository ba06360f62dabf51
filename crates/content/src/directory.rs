use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use oci::{Algorithm, Digest};

use crate::{
    blob::Blob,
    cache::{Budget, Keeper, Shelf},
    layout::Layout,
    staging::Staging,
    verification::{Unverified, Verified},
};

/// The store's directory. Everything here blocks; it is called from the blocking pool.
#[derive(Debug)]
pub(crate) struct Directory {
    layout: Layout,
    staging: Staging,
    shelf: Arc<Shelf>,
    keeper: Keeper,
    /// The lock lasts as long as the open file.
    _lock: File,
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be created, read or written.
    #[error("content directory `{}`: {source}; expected a directory that this user may create and write", path.display())]
    Unusable {
        /// The path at which it failed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another store holds the directory.
    #[error(
        "content directory `{}` is in use{}; stop that process, or give each its own directory",
        path.display(),
        holder.map(|id| format!(" by process {id}")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, as far as that is known.
        holder: Option<u32>,
    },
}

impl Directory {
    /// Takes the directory for this process and removes what an earlier one left unfinished.
    pub(crate) fn open(root: &Path, budget: Budget) -> Result<Self, OpenError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Unusable { path, source }
        };
        let layout = Layout::new(root);
        create_directories(root).map_err(unusable(root))?;
        let lock = take_lock(root, &layout.lock())?;
        for path in layout.directories() {
            create_directories(&path).map_err(unusable(&path))?;
        }
        let staging = Staging::new(layout.staging());
        staging.sweep().map_err(unusable(&layout.staging()))?;
        let shelf = Shelf::new(layout.clone(), budget);
        let keeper = Keeper::start(Arc::clone(&shelf)).map_err(unusable(root))?;
        Ok(Self {
            layout,
            staging,
            shelf,
            keeper,
            _lock: lock,
        })
    }

    /// What is known of the content.
    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The finished blob, if it is there and not known to be damaged.
    pub(crate) fn find(&self, digest: &Digest) -> io::Result<Option<Blob>> {
        let Some(file) = found(File::open(self.layout.blob(digest)))? else {
            self.shelf.gone(digest);
            return Ok(None);
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        self.shelf.lend(digest, file, &metadata)
    }

    /// A place for new content, which counts for nothing yet.
    pub(crate) fn begin(&self, algorithm: Algorithm) -> io::Result<Unverified> {
        let staged = self.counted(self.staging.create())?;
        Ok(Unverified::new(staged, algorithm))
    }

    /// Makes content finished, so that it is there after a crash too.
    pub(crate) fn keep(&self, content: Verified) -> io::Result<Blob> {
        self.counted(self.move_in(content))
    }

    fn move_in(&self, content: Verified) -> io::Result<Blob> {
        let digest = content.blob().digest().clone();
        let usage = self.shelf.usage_of_new(&digest);
        // Where the times cannot be set, the use is forgotten with the process.
        let _ = content.blob().file().set_modified(usage.file_time());
        let shard = self.layout.shard(&digest);
        match private_directory().create(&shard) {
            Ok(()) => sync_directory(shard.parent().unwrap_or(&shard))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let blob = content.keep_as(&self.layout.blob(&digest))?;
        self.shelf.keep(&digest, blob.size(), blob.file(), usage);
        self.keeper.ring();
        sync_directory(&shard)?;
        Ok(blob.on(Arc::clone(&self.shelf)))
    }

    /// The bytes of a small file, if it is there; nothing where it is larger than `limit`.
    pub(crate) fn read_small(&self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = found(File::open(path))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    /// Writes a small file in one step. It may be lost in a crash, but is never there in part as far as the file system
    /// keeps order; who reads it checks its form.
    pub(crate) fn write_small(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.counted(self.write_whole(path, bytes))
    }

    /// Counts a write that failed, for [`crate::CacheStatus::failed_writes`].
    fn counted<T>(&self, written: io::Result<T>) -> io::Result<T> {
        if written.is_err() {
            self.shelf.status.send_modify(|status| status.failed_writes += 1);
        }
        written
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let staged = self.staging.create()?;
        staged.file().as_ref().write_all(bytes)?;
        if let Some(parent) = path.parent() {
            create_directories(parent)?;
        }
        staged.keep_as(path)
    }

    /// Removes a small file, whether it is there or not.
    pub(crate) fn remove_small(&self, path: &Path) -> io::Result<()> {
        found(fs::remove_file(path)).map(drop)
    }
}

fn take_lock(root: &Path, path: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable {
        path: path.to_owned(),
        source,
    };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let was_read = lock.take(16).read_to_string(&mut holder).is_ok();
            return Err(OpenError::InUse {
                path: root.to_owned(),
                holder: was_read.then(|| holder.trim().parse().ok()).flatten(),
            });
        }
    }
    // For the message above only: the lock itself ends with the process, however that ends.
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(unusable)?;
    Ok(lock)
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn create_directories(path: &Path) -> io::Result<()> {
    private_directory().recursive(true).create(path)
}

fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_held_names_its_holder() {
        let root = tempfile::tempdir().unwrap();
        let held = Directory::open(root.path(), Budget::default()).unwrap();
        let error = Directory::open(root.path(), Budget::default()).unwrap_err();
        let expected = format!("is in use by process {};", std::process::id());
        assert!(error.to_string().contains(&expected), "{error}");
        drop(held);
        Directory::open(root.path(), Budget::default()).unwrap();
    }

    #[test]
    fn a_path_that_cannot_be_a_directory_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Directory::open(&file, Budget::default()).unwrap_err();
        assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }

    #[test]
    fn a_small_file_is_replaced_read_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path(), Budget::default()).unwrap();
        let path = root.path().join("links/a/b");
        assert_eq!(directory.read_small(&path, 10).unwrap(), None);
        directory.write_small(&path, b"one").unwrap();
        directory.write_small(&path, b"two").unwrap();
        assert_eq!(directory.read_small(&path, 3).unwrap().unwrap(), b"two");
        assert_eq!(directory.read_small(&path, 2).unwrap(), None, "over the limit");
        directory.remove_small(&path).unwrap();
        directory.remove_small(&path).unwrap();
        assert_eq!(directory.read_small(&path, 10).unwrap(), None);
    }
}

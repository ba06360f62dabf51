use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The area of unfinished files. Nothing in it counts, and whatever lies there when a store opens is removed.
#[derive(Debug)]
pub(crate) struct Staging {
    directory: PathBuf,
    next: AtomicU64,
}

/// An unfinished file; it is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct StagedFile {
    file: Arc<File>,
    path: PathBuf,
    is_kept: bool,
}

impl Staging {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            next: AtomicU64::new(0),
        }
    }

    /// Removes what an earlier process left. Finished content is not looked at, so this does not grow with the cache.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether there is room for so many bytes, as far as the file system tells: what cannot fit is not to fill the disk
    /// for everybody else before that shows.
    pub(crate) fn has_room(&self, size: u64) -> io::Result<()> {
        let Ok(disk) = rustix::fs::statvfs(&self.directory) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems have no numbers.
        if disk.f_blocks == 0 || size <= free {
            return Ok(());
        }
        let explanation = format!("{size} bytes are needed, and {free} are free");
        Err(io::Error::new(io::ErrorKind::StorageFull, explanation))
    }

    /// A new, empty file. Numbers do as names: the store's lock keeps other processes out.
    pub(crate) fn create(&self) -> io::Result<StagedFile> {
        let path = self
            .directory
            .join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(StagedFile {
            file: Arc::new(file),
            path,
            is_kept: false,
        })
    }
}

impl StagedFile {
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Moves the file to its final place, in one step: it is there as a whole or not at all.
    pub(crate) fn keep_as(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "an unfinished file stays until the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_dropped_file_is_gone_and_a_kept_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let staging = Staging::new(directory.path().to_owned());
        drop(staging.create().unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

        staging
            .create()
            .unwrap()
            .keep_as(&directory.path().join("kept"))
            .unwrap();
        let mode = fs::metadata(directory.path().join("kept"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_moved_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let staging = Staging::new(directory.path().to_owned());
        let staged = staging.create().unwrap();
        assert!(staged.keep_as(&directory.path().join("missing/target")).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn sweeping_removes_whatever_lies_there() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("0"), "half").unwrap();
        fs::create_dir(directory.path().join("stray")).unwrap();
        Staging::new(directory.path().to_owned()).sweep().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
    time::Instant,
};

use oci::{Algorithm, Digest};
use rustix::{fs::OFlags, io::Errno};

use crate::{
    blob::Blob,
    cache::{Alarm, Budget, Keeper, Shelf},
    hold::{Hold, OpenError},
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
    alarm: Alarm,
    unreadable: Alarm,
    hold: Hold,
}

impl Directory {
    /// Takes the directory for this process and removes what an earlier one left unfinished. Where the directory cannot be
    /// written, it is only read.
    pub(crate) fn open(root: &Path, budget: Budget) -> Result<Self, OpenError> {
        let layout = Layout::new(root);
        let staging = Staging::new(layout.staging());
        let hold = Hold::take(root, &layout, &staging)?;
        let budget = match &hold {
            Hold::Alone(_) => budget,
            // Nothing can go, so there is no use in looking for what should.
            Hold::ReadOnly(_) => Budget {
                max_size: None,
                ..budget
            },
        };
        let shelf = Shelf::new(layout.clone(), budget);
        let is_read_only = matches!(hold, Hold::ReadOnly(_));
        shelf.status.send_modify(|status| status.is_read_only = is_read_only);
        let keeper = Keeper::start(Arc::clone(&shelf)).map_err(OpenError::unusable(root))?;
        Ok(Self {
            layout,
            staging,
            shelf,
            keeper,
            alarm: Alarm::default(),
            unreadable: Alarm::default(),
            hold,
        })
    }

    /// What is known of the content.
    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The finished blob, if it is there, can be read, and is not known to be damaged.
    pub(crate) fn find(&self, digest: &Digest) -> io::Result<Option<Blob>> {
        let path = self.layout.blob(digest);
        let Some(file) = self.readable(&path, open(&path))? else {
            self.shelf.gone(digest);
            return Ok(None);
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        self.shelf.lend(digest, file, &metadata)
    }

    /// A place for new content of so many bytes, which counts for nothing yet.
    pub(crate) fn begin(&self, algorithm: Algorithm, size: u64) -> io::Result<Unverified> {
        let staged = self
            .writable()
            .and_then(|()| self.staging.has_room(size))
            .and_then(|()| self.staging.create());
        Ok(Unverified::new(self.counted(staged)?, algorithm))
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

    /// The bytes of a small file, if it is there and can be read; nothing where it is larger than `limit`.
    pub(crate) fn read_small(&self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let read = open(path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(limit + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = self.readable(path, read)?;
        Ok(bytes.filter(|bytes| bytes.len() as u64 <= limit))
    }

    /// What was read, if the file can be read. One that cannot, because it is another user's or the disk is broken there,
    /// counts as absent: it is brought anew, and takes the name. Only where this process lacks something, it fails.
    fn readable<T>(&self, path: &Path, read: io::Result<T>) -> io::Result<Option<T>> {
        match found(read) {
            Err(error) if !is_of_process(&error) => {
                self.unreadable.ring_for(path, &error, Instant::now());
                Ok(None)
            }
            result => result,
        }
    }

    /// Writes a small file in one step. It may be lost in a crash, but is never there in part as far as the file system
    /// keeps order; who reads it checks its form.
    pub(crate) fn write_small(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.counted(self.writable().and_then(|()| self.write_whole(path, bytes)))
    }

    /// Whether it is worth while to bring content here.
    pub(crate) fn accepts(&self) -> io::Result<()> {
        self.counted(self.writable())
    }

    fn writable(&self) -> io::Result<()> {
        match self.hold {
            Hold::Alone(_) => Ok(()),
            Hold::ReadOnly(why) => Err(io::Error::new(
                why,
                "the directory could not be written when it was opened",
            )),
        }
    }

    /// Counts a write that failed, for [`crate::CacheStatus::failed_writes`], and tells of it now and then.
    pub(crate) fn counted<T>(&self, written: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &written {
            self.failed(error);
        }
        written
    }

    /// A write failed that began elsewhere.
    pub(crate) fn failed(&self, error: &io::Error) {
        self.shelf.status.send_modify(|status| status.failed_writes += 1);
        // That a directory is only read was told when it was opened.
        if let Hold::Alone(_) = self.hold {
            self.alarm.ring(error, Instant::now());
        }
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
        match (self.writable(), found(fs::symlink_metadata(path))) {
            (Ok(()), _) => self.counted(found(fs::remove_file(path)).map(drop)),
            (Err(_), Ok(None)) => Ok(()),
            (Err(error), _) => self.counted(Err(error)),
        }
    }
}

/// Opens a file for reading. Something that is none, a pipe for one, does not make it wait.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Whether another attempt may go well, with the same file.
fn is_of_process(error: &io::Error) -> bool {
    let passing = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::AGAIN];
    Errno::from_io_error(error).is_some_and(|error| passing.contains(&error))
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn create_directories(path: &Path) -> io::Result<()> {
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

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{cache::remedy, directory::create_directories, layout::Layout, staging::Staging};

/// What this process may do in a store's directory.
#[derive(Debug)]
pub(crate) enum Hold {
    /// Everything, and no other process may. The lock lasts as long as the open file.
    Alone(#[expect(dead_code, reason = "it is held, not used")] File),
    /// Only read, for this reason. That takes no lock: content never changes, and what vanishes was never there.
    ReadOnly(io::ErrorKind),
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be created or read, or it takes nothing and that is not because of rights.
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

impl OpenError {
    pub(crate) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unusable { path, source }
    }
}

impl Hold {
    /// Takes the directory, which is made if it is not there, and tidies it up.
    pub(crate) fn take(root: &Path, layout: &Layout, staging: &Staging) -> Result<Self, OpenError> {
        create_directories(root).map_err(OpenError::unusable(root))?;
        match alone(root, layout, staging) {
            Ok(lock) => Ok(Self::Alone(lock)),
            Err(OpenError::Unusable { path, source }) if is_for_want_of_rights(&source) => {
                // Who may not even read it would find nothing, and never know why.
                fs::read_dir(root).map_err(OpenError::unusable(root))?;
                tracing::warn!(
                    path = %path.display(),
                    error = %source,
                    "the content directory cannot be written: what it has is served, and everything else is passed through \
                     and not kept; {}, and start again",
                    remedy(source.kind())
                );
                Ok(Self::ReadOnly(source.kind()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Takes the directory for this process, and makes and tidies up what lies in it.
fn alone(root: &Path, layout: &Layout, staging: &Staging) -> Result<File, OpenError> {
    let lock = lock(root, &layout.lock())?;
    for path in layout.directories() {
        create_directories(&path).map_err(OpenError::unusable(&path))?;
    }
    staging.sweep().map_err(OpenError::unusable(&layout.staging()))?;
    Ok(lock)
}

fn lock(root: &Path, path: &Path) -> Result<File, OpenError> {
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(OpenError::unusable(path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(OpenError::unusable(path)(source)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let was_read = lock.take(16).read_to_string(&mut holder).is_ok();
            return Err(OpenError::InUse {
                path: root.to_owned(),
                holder: was_read.then(|| holder.trim().parse().ok()).flatten(),
            });
        }
    }
    // For the message above only, so a full disk is no reason not to start: the lock itself ends with the process, however
    // that ends.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

fn is_for_want_of_rights(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}

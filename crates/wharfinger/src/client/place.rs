//! Files are put in their places: first it is seen whether all may be, then each is written as a whole.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::zeroize::Zeroizing;

use super::{
    logins::merged,
    settings::{Content, File},
};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Written,
    /// It was there as it should be.
    Unchanged,
}

/// Why the command ends without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// An option, or a file that is there.
    #[error("{0}")]
    Input(String),
    #[error("`{}` cannot be written: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

/// Writes the files. Nothing is written where one of them must not be: it is there and says something else.
pub(super) fn write(files: &[File], force: bool) -> Result<Vec<Fate>, Trouble> {
    let planned: Vec<_> = files
        .iter()
        .map(|file| plan(file, force))
        .collect::<Result<_, _>>()
        .map_err(Trouble::Input)?;
    let mut fates = Vec::new();
    for (file, planned) in files.iter().zip(planned) {
        fates.push(match planned {
            None => Fate::Unchanged,
            Some(planned) => {
                replace(&planned).map_err(|error| Trouble::Write {
                    path: file.path.clone(),
                    error,
                })?;
                Fate::Written
            }
        });
    }
    Ok(fates)
}

struct Planned {
    /// Behind all links: a link stays one.
    path: PathBuf,
    text: Zeroizing<String>,
    mode: u32,
}

/// What has to be written; nothing where it is there already.
fn plan(file: &File, force: bool) -> Result<Option<Planned>, String> {
    let there = There::look(&file.path)?;
    let text = match (&file.content, &there) {
        (Content::Entry(entry), Some(there)) => merged(&file.path, &there.text, entry, force)?,
        _ => file.text(),
    };
    let Some(there) = there else {
        return Ok(Some(Planned {
            path: file.path.clone(),
            text,
            mode: file.mode(),
        }));
    };
    let is_open = file.is_secret() && there.mode & 0o077 != 0;
    if *text == *there.text && !is_open {
        return Ok(None);
    }
    if *text != *there.text && !force && !matches!(file.content, Content::Entry(_)) {
        return Err(format!(
            "`{}` is there and says something else; expected no such file, or --force to overwrite it",
            file.path.display()
        ));
    }
    Ok(Some(Planned {
        path: there.path,
        text,
        mode: if file.is_secret() { 0o600 } else { there.mode },
    }))
}

/// A file that is there.
struct There {
    path: PathBuf,
    text: Zeroizing<String>,
    mode: u32,
}

impl There {
    fn look(path: &Path) -> Result<Option<Self>, String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            format!(
                "`{}` is there and cannot be read: {error}; expected a text file",
                path.display()
            )
        };
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let metadata = fs::metadata(&real).map_err(|error| unreadable(&error))?;
        if !metadata.is_file() {
            return Err(unreadable(&"it is no file"));
        }
        if metadata.len() > MAX_LENGTH {
            return Err(unreadable(&format!("it has more than {MAX_LENGTH} bytes")));
        }
        let text = fs::read_to_string(&real).map_err(|error| unreadable(&error))?;
        Ok(Some(Self {
            path: real,
            text: Zeroizing::new(text),
            mode: metadata.permissions().mode() & 0o777,
        }))
    }
}

/// Whoever reads meanwhile finds the former file or the whole new one.
fn replace(planned: &Planned) -> io::Result<()> {
    let folder = planned.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Made for its owner alone: nobody else opens it before it has its mode.
    let mut file = tempfile::Builder::new().prefix(".wharfinger-").tempfile_in(folder)?;
    file.write_all(planned.text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(planned.mode))?;
    file.as_file().sync_all()?;
    file.persist(&planned.path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

/// The most bytes of a file that is there.
const MAX_LENGTH: u64 = 4 * 1024 * 1024;

#[cfg(test)]
#[path = "place/tests.rs"]
mod tests;

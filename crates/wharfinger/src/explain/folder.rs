//! The files of a folder, taken for what they are.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use iam::Dossier;

/// Reads every `*.json` below a folder, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Dossier, String> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files).map_err(|error| format!("`{}` cannot be read: {error}", folder.display()))?;
    if files.is_empty() {
        return Err(format!("`{}` has no file *.json", folder.display()));
    }
    if files.len() > MOST_FILES {
        return Err(format!("`{}` has more than {MOST_FILES} files", folder.display()));
    }
    let mut dossier = Dossier::new();
    for path in files {
        let text = text_of(&path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        // What a file is called below the folder may say whose documents it has; the folder itself says nothing.
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        dossier
            .add(&name, &text)
            .map_err(|error| format!("`{}` is no JSON: {error}", path.display()))?;
    }
    Ok(dossier)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && depth < DEEPEST && !is_hidden {
            collect(&path, depth + 1, files)?;
        } else if !kind.is_dir() && path.extension().is_some_and(|extension| extension == "json") && !is_hidden {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            break;
        }
    }
    Ok(())
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

const MOST_FILES: usize = 1000;
const DEEPEST: usize = 8;
/// A byte more than is parsed, so that what is longer is refused rather than cut.
const LONGEST: u64 = 32 * 1024 * 1024 + 1;

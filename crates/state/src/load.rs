use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{Documents, Inconsistent, InvalidDocument, Snapshot};

/// Resources that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or directory cannot be read.
    #[error("{path} cannot be read: {source}; expected a file with documents, or a directory of such files")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// See [`InvalidDocument`].
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// See [`Inconsistent`].
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}

/// Reads files, and of directories the files that end in `.yaml`, `.yml` or `.json` and do not begin with a dot.
///
/// # Errors
/// See [`LoadError`].
pub fn load(paths: &[PathBuf]) -> Result<Snapshot, LoadError> {
    let mut documents = Vec::new();
    for path in paths {
        for file in files(path).map_err(|source| LoadError::Unreadable {
            path: path.clone(),
            source,
        })? {
            let text = read(&file).map_err(|source| LoadError::Unreadable {
                path: file.clone(),
                source,
            })?;
            documents.push(Documents::parse(&file.display().to_string(), &text)?);
        }
    }
    Ok(Snapshot::build(documents)?)
}

fn read(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    // The length is taken of what is read: a file may grow meanwhile.
    let mut text = String::new();
    file.take(Documents::MAX_LENGTH as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let is_document = file
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e));
        let is_hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_document && !is_hidden && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: &str = "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: { name: NAME }\n";

    #[test]
    fn of_a_directory_the_documents_are_read() {
        let directory = tempfile::tempdir().unwrap();
        for (file, team) in [
            ("a.yaml", "a"),
            ("b.yml", "b"),
            ("c.json", "c"),
            ("d.txt", "d"),
            (".e.yaml", "e"),
        ] {
            fs::write(directory.path().join(file), TEAM.replace("NAME", team)).unwrap();
        }
        fs::create_dir(directory.path().join("f.yaml")).unwrap();
        assert_eq!(load(&[directory.path().to_owned()]).unwrap().counts(), (3, 0, 0));
    }

    #[test]
    fn a_file_is_read_whatever_its_name_and_a_missing_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("resources");
        fs::write(&file, TEAM.replace("NAME", "a")).unwrap();
        assert_eq!(load(std::slice::from_ref(&file)).unwrap().counts(), (1, 0, 0));
        let missing = directory.path().join("missing");
        assert!(
            load(&[file, missing])
                .unwrap_err()
                .to_string()
                .contains("missing cannot be read")
        );
    }
}

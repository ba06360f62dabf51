use std::{io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::directory::Directory;

/// A small file: JSON, with the version of its form.
#[derive(Serialize, Deserialize)]
struct Record<T> {
    version: u32,
    #[serde(flatten)]
    body: T,
}

/// The record at `path`. One that is damaged, or of another version, counts as absent: it is a cache's, so it will be
/// written again.
pub(crate) fn read<T: DeserializeOwned>(directory: &Directory, path: &Path) -> io::Result<Option<T>> {
    let Some(bytes) = directory.read_small(path, LARGEST)? else {
        return Ok(None);
    };
    match serde_json::from_slice::<Record<T>>(&bytes) {
        Ok(record) if record.version == VERSION => Ok(Some(record.body)),
        Ok(record) => {
            tracing::warn!(path = %path.display(), version = record.version, "a record of another version is ignored");
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a damaged record is ignored");
            Ok(None)
        }
    }
}

/// Writes the record in one step.
pub(crate) fn write<T: Serialize>(directory: &Directory, path: &Path, body: T) -> io::Result<()> {
    let record = Record { version: VERSION, body };
    directory.write_small(path, &serde_json::to_vec(&record)?)
}

const VERSION: u32 = 1;

/// Far above what any record needs, far below what would hurt.
const LARGEST: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cache::Budget;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path(), Budget::default()).unwrap();
        let path = root.path().join("links/note");
        let note = || Note { text: "x".to_owned() };
        write(&directory, &path, note()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"version":1,"text":"x"}"#);
        assert_eq!(read(&directory, &path).unwrap(), Some(note()));
    }

    #[test]
    fn damage_counts_as_absence() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path(), Budget::default()).unwrap();
        let path = root.path().join("links/note");
        let large = format!(r#"{{"version":1,"text":"{}"}}"#, "x".repeat(20_000));
        for damaged in [
            "",
            "\0\0\0\0",
            r#"{"version":1,"text":"#,
            r#"{"version":1,"text":"x"}x"#,
            r#"{"version":1}"#,
            r#"{"version":2,"text":"x"}"#,
            r#"{"text":"x"}"#,
            &large,
        ] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(read::<Note>(&directory, &path).unwrap(), None, "{damaged}");
        }
    }
}

//! Configurations in TOML, with errors of one line.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use serde::de::DeserializeOwned;

/// A configuration that cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub(crate) String);

/// The text of a file.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_LENGTH + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LENGTH {
        return Err(io::Error::other(format!("it has more than {MAX_LENGTH} bytes")));
    }
    Ok(text)
}

/// What the text says; the error names line and key.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, InvalidConfig> {
    let deserializer = toml::Deserializer::parse(text).map_err(|error| in_line(text, &error, ""))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        in_line(text, error.inner(), &path)
    })
}

fn in_line(text: &str, error: &toml::de::Error, path: &str) -> InvalidConfig {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let path = if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("{path}: ")
    };
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    InvalidConfig(format!("{line}{path}{message}"))
}

/// The longest configuration in bytes.
const MAX_LENGTH: u64 = 1024 * 1024;

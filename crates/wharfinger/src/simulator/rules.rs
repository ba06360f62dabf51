use std::{
    convert::Infallible,
    fs,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};

use super::Failed;

/// A JSON document of the command line: written there, or `@FILE`, or `-` for standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Here(String),
    File(PathBuf),
    StandardInput,
}

/// The longest document in bytes.
const MAX: u64 = 256 * 1024;

impl Json {
    pub(super) fn read(self) -> Result<String, Failed> {
        match self {
            Self::Here(text) => Ok(text),
            Self::File(path) => {
                let text = fs::File::open(&path).and_then(limited);
                text.map_err(|error| Failed::Input(format!("`{}` cannot be read: {error}", path.display())))
            }
            Self::StandardInput => limited(io::stdin().lock())
                .map_err(|error| Failed::Input(format!("standard input cannot be read: {error}"))),
        }
    }
}

impl FromStr for Json {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if text == "-" => Self::StandardInput,
            None => Self::Here(text.to_owned()),
        })
    }
}

fn limited(reader: impl Read) -> io::Result<String> {
    let mut text = String::new();
    reader.take(MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX {
        return Err(io::Error::other(format!("it is longer than {MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_from_three_places() {
        let read = |text: &str| text.parse::<Json>().unwrap();
        assert_eq!(read("{}"), Json::Here("{}".to_owned()));
        assert_eq!(read("-"), Json::StandardInput);
        assert_eq!(read("@rules.json"), Json::File("rules.json".into()));
        let missing = read("@/nonexistent/rules.json").read().unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("`/nonexistent/rules.json` cannot be read: "),
            "{missing}"
        );
        assert!(limited(&vec![b' '; 300 * 1024][..]).is_err());
    }
}

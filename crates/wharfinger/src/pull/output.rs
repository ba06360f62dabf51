//! Where an image is put.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use oci::ImageReference;

/// Where an image is put, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// `oci:DIR`: an OCI image layout. It may hold other images already.
    Layout(PathBuf),
    /// `docker-archive:FILE`: one tar file as `docker save` writes it. A file of that name is replaced once the new one
    /// is whole.
    DockerArchive(PathBuf),
}

/// Text that is not an output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("output `{text}` {reason}; expected oci:DIR or docker-archive:FILE")]
pub(crate) struct InvalidOutput {
    text: String,
    reason: &'static str,
}

impl Output {
    /// The output where none is given: a layout in the current folder, named after the last component of the repository.
    pub(crate) fn for_image(image: &ImageReference) -> Self {
        let last = image.repository.components().last();
        Self::Layout(last.unwrap_or(image.repository.as_str()).into())
    }

    /// The folder of the layout: the output itself, or where an archive is put together (`FILE.part`).
    pub(crate) fn folder(&self) -> PathBuf {
        match self {
            Self::Layout(folder) => folder.clone(),
            Self::DockerArchive(file) => {
                let mut path = OsString::from(file);
                path.push(".part");
                path.into()
            }
        }
    }

    fn parts(&self) -> (&'static str, &Path) {
        match self {
            Self::Layout(folder) => ("oci", folder),
            Self::DockerArchive(file) => ("docker-archive", file),
        }
    }
}

impl FromStr for Output {
    type Err = InvalidOutput;

    fn from_str(text: &str) -> Result<Self, InvalidOutput> {
        let invalid = |reason| InvalidOutput {
            text: text.chars().take(200).collect(),
            reason,
        };
        let (kind, path) = text
            .split_once(':')
            .ok_or_else(|| invalid("does not say what is to be written"))?;
        let output = match kind {
            "oci" => Self::Layout,
            "docker-archive" => Self::DockerArchive,
            _ => return Err(invalid("is of an unknown kind")),
        };
        if path.is_empty() {
            return Err(invalid("has no path"));
        }
        // skopeo and podman take what follows a colon for an image's name, so they could not read such a path.
        if path.contains(':') {
            return Err(invalid(
                "has a colon in its path (the image's own name is entered in any case)",
            ));
        }
        if path.contains(char::is_control) {
            return Err(invalid("has a control character in its path"));
        }
        Ok(output(path.into()))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path) = self.parts();
        write!(f, "{kind}:{}", path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_kinds_are_read() {
        assert_eq!("oci:a/b".parse(), Ok(Output::Layout("a/b".into())));
        let archive: Output = "docker-archive:/x/app.tar".parse().unwrap();
        assert_eq!(archive, Output::DockerArchive("/x/app.tar".into()));
        assert_eq!(archive.folder(), Path::new("/x/app.tar.part"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "app",
            "oci:",
            "docker:x",
            "docker-archive:",
            "oci:app:1",
            "oci:a\u{1b}b",
            "OCI:x",
        ] {
            let error = text.parse::<Output>().unwrap_err().to_string();
            assert!(error.contains("expected oci:DIR or docker-archive:FILE"), "{error}");
        }
    }

    #[test]
    fn the_repository_names_the_folder() {
        for (image, folder) in [
            ("r.test/team/app:1", "oci:app"),
            (
                "r.test/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "oci:app",
            ),
        ] {
            assert_eq!(Output::for_image(&image.parse().unwrap()).to_string(), folder);
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(text in "(oci|docker-archive):\\PC{1,20}") {
            if let Ok(output) = text.parse::<Output>() {
                prop_assert_eq!(output.to_string(), text);
            }
        }
    }
}

use std::{fmt, str::FromStr};

use crate::{Digest, InvalidDigest, InvalidName, InvalidTag, RepositoryName, Tag};

/// What names a manifest inside a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that may come to mean another manifest.
    Tag(Tag),
    /// The manifest itself.
    Digest(Digest),
}

/// An image as people write it: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.
///
/// The host is never left out: there is no default registry here. Without tag and digest the tag is `latest`; with both
/// the digest counts, as in every client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// Host name with its port where one was written.
    pub host: String,
    /// The repository at that host.
    pub repository: RepositoryName,
    /// The manifest in that repository.
    pub reference: Reference,
}

/// Text that does not name an image or a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// No `/` behind a host, or no host.
    #[error("image `{0}` names no registry; expected HOST/REPOSITORY[:TAG|@DIGEST]")]
    NoHost(String),
    /// The host has a character that no host has.
    #[error("image host `{0}` is not a host name with an optional port; expected HOST/REPOSITORY[:TAG|@DIGEST]")]
    Host(String),
    /// See [`InvalidName`].
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// See [`InvalidTag`].
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// See [`InvalidDigest`].
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        // A tag has no colon and every digest has one.
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for ImageReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let shown = || text.chars().take(140).collect::<String>();
        let (host, rest) = text.split_once('/').ok_or_else(|| InvalidReference::NoHost(shown()))?;
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(InvalidReference::NoHost(shown()));
        }
        if !is_host(host) {
            return Err(InvalidReference::Host(host.chars().take(140).collect()));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, tag.parse()?),
            None => (rest, "latest".parse::<Tag>()?),
        };
        let reference = digest.map_or(Reference::Tag(tag), Reference::Digest);
        Ok(Self {
            host: host.to_owned(),
            repository: repository.parse()?,
            reference,
        })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.reference {
            Reference::Tag(_) => ':',
            Reference::Digest(_) => '@',
        };
        write!(f, "{}/{}{separator}{}", self.host, self.repository, self.reference)
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        }
    };
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn images_are_read_as_clients_read_them() {
        let cases = [
            ("r.example.com/app", "r.example.com/app:latest".to_owned()),
            ("localhost/app:1", "localhost/app:1".to_owned()),
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1".to_owned()),
            ("[::1]:5000/a:1", "[::1]:5000/a:1".to_owned()),
            (
                &format!("r.example.com/app@{DIGEST}"),
                format!("r.example.com/app@{DIGEST}"),
            ),
            (
                &format!("r.example.com/app:1@{DIGEST}"),
                format!("r.example.com/app@{DIGEST}"),
            ),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_names_no_image_is_refused() {
        for text in [
            "",
            "app",
            "team/app",
            "r.example.com/",
            "r.example.com/A",
            "r.example.com/a:",
            "r.example.com/a@sha256:0",
            "r_x.com/a",
            "r.example.com:0/a",
            "r.example.com:99999/a",
            "https://r.example.com/a",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(host in "[a-z]{1,8}\\.[a-z]{2,4}(:[1-9][0-9]{0,3})?", name in "[a-z]{1,6}(/[a-z]{1,6}){0,2}", tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,12}") {
            let text = format!("{host}/{name}:{tag}");
            prop_assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<ImageReference>();
        }
    }
}

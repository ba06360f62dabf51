use std::{fmt, str::FromStr};

use crate::{Digest, text::as_text};

/// A tag: up to 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`
/// (OCI distribution specification 1.1, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A tag that the grammar does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tag `{0}` is not one; expected up to 128 letters, digits, `_`, `.`, `-`, not beginning with `.` or `-`")]
pub struct InvalidTag(String);

impl Tag {
    /// The longest tag in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// The tag under which clients keep the list of what refers to a manifest, where a registry has no referrers API: the
    /// algorithm, `-`, and up to 64 digits (OCI distribution specification 1.1, "Referrers Tag Schema").
    pub fn of_referrers(subject: &Digest) -> Self {
        let (algorithm, hex) = (subject.algorithm().as_str(), subject.hex());
        Self(format!("{algorithm}-{}", &hex[..hex.len().min(64)]))
    }

    /// The tag as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(tag: &str) -> Result<Self, InvalidTag> {
        let begins_well = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let holds_well = tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if tag.len() > Self::MAX_LENGTH || !begins_well || !holds_well {
            return Err(InvalidTag(tag.chars().take(140).collect()));
        }
        Ok(Self(tag.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_decides() {
        for tag in ["1", "latest", "V1.2_3-rc", "_x", &"a".repeat(128)] {
            assert!(tag.parse::<Tag>().is_ok(), "{tag}");
        }
        for tag in ["", ".a", "-a", "a b", "a/b", "a:b", "ä", &"a".repeat(129)] {
            assert!(tag.parse::<Tag>().is_err(), "{tag}");
        }
    }

    #[test]
    fn the_tag_of_referrers_is_the_digest_as_far_as_the_schema_takes_it() {
        for (algorithm, digits) in [("sha256", 64), ("sha512", 128)] {
            let subject = format!("{algorithm}:{}", "a".repeat(digits)).parse().unwrap();
            let tag = Tag::of_referrers(&subject);
            assert_eq!(tag.as_str(), format!("{algorithm}-{}", "a".repeat(64)));
            assert_eq!(tag.as_str().parse(), Ok(tag.clone()));
        }
    }
}

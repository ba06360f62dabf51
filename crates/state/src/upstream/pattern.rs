use std::str::FromStr;

use oci::Tag;
use serde::{Deserialize, Deserializer};

use crate::wildcard;

/// Names of repositories: a name, in which `*` stands for any text, slashes included, as in the policies of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPattern(String);

/// Text that is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pattern of repositories; expected lower-case letters, digits, `.`, `_`, `-`, `/` and `*`, such as team/*"
)]
pub struct InvalidRepositoryPattern(String);

impl RepositoryPattern {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is one of them.
    pub fn matches(&self, name: &str) -> bool {
        wildcard::matches(&self.0, name)
    }
}

/// Tags: a tag, in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPattern(String);

/// Text that is not a pattern of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern of tags; expected letters, digits, `.`, `_`, `-` and `*`, such as v*")]
pub struct InvalidTagPattern(String);

impl TagPattern {
    /// Whether the tag is one of them.
    pub fn matches(&self, tag: &Tag) -> bool {
        wildcard::matches(&self.0, tag.as_str())
    }
}

impl FromStr for TagPattern {
    type Err = InvalidTagPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTagPattern> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-*".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidTagPattern(text.chars().take(80).collect()))
    }
}

impl<'de> Deserialize<'de> for TagPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl FromStr for RepositoryPattern {
    type Err = InvalidRepositoryPattern;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryPattern> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/*".contains(&b);
        if (1..=256).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidRepositoryPattern(text.chars().take(80).collect()))
    }
}

impl<'de> Deserialize<'de> for RepositoryPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, matches) in [
            ("team/app", "team/app", true),
            ("team/app", "team/app2", false),
            ("team/*", "team/app/x", true),
            ("team/*", "team", false),
            ("*", "anything/at/all", true),
            ("*/app", "a/b/app", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "ac", false),
            ("ab*ba", "aba", false),
        ] {
            let pattern: RepositoryPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(name), matches, "{pattern:?} {name}");
        }
        let versions: TagPattern = "v*".parse().unwrap();
        assert!(versions.matches(&"v1.2".parse().unwrap()) && !versions.matches(&"latest".parse().unwrap()));
        for text in ["", "a b", "a/b", "v?"] {
            assert!(text.parse::<TagPattern>().is_err(), "{text}");
        }
        for text in ["", "Team", "a b", "a?", "a$"] {
            assert!(text.parse::<RepositoryPattern>().is_err(), "{text}");
        }
    }
}

use std::{fmt, str::FromStr};

use crate::text::as_text;

/// The name of a repository, such as `team/app`.
///
/// Grammar of the OCI distribution specification 1.1, "Pulling manifests": components of lower-case letters and digits,
/// separated inside by one `.`, one or two `_`, or any number of `-`; components joined by `/`.
///
/// A component never begins with `.`, `_` or `-` and never holds anything that a file system gives a meaning to, so a
/// name can be used as a relative path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

/// A repository name that the grammar does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("repository name `{name}` {reason}; expected lower-case components such as `team/app`")]
pub struct InvalidName {
    name: String,
    reason: &'static str,
}

impl RepositoryName {
    /// The longest name in bytes. Amazon ECR allows 256; a proxy's name carries a registry's host in front of that.
    pub const MAX_LENGTH: usize = 512;

    /// The longest component in bytes: what file systems take as one name.
    pub const MAX_COMPONENT_LENGTH: usize = 255;

    /// The name as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components between the slashes; there is at least one.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The first component and the name that the others make, where there is more than one.
    ///
    /// ```
    /// let name: oci::RepositoryName = "prod/team/app".parse().unwrap();
    /// let (first, rest) = name.split_first().unwrap();
    /// assert_eq!((first, rest.as_str()), ("prod", "team/app"));
    /// ```
    pub fn split_first(&self) -> Option<(&str, RepositoryName)> {
        let (first, rest) = self.0.split_once('/')?;
        Some((first, RepositoryName(rest.to_owned())))
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let invalid = |reason| InvalidName {
            name: name.chars().take(80).collect(),
            reason,
        };
        if name.len() > Self::MAX_LENGTH {
            return Err(invalid("is longer than 512 bytes"));
        }
        for component in name.split('/') {
            if component.len() > Self::MAX_COMPONENT_LENGTH {
                return Err(invalid("has a component longer than 255 bytes"));
            }
            if !is_component(component.as_bytes()) {
                return Err(invalid(
                    "has a component that is empty or has a character where it may not stand",
                ));
            }
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &[u8]) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_are_alphanumeric =
        component.first().is_some_and(is_alphanumeric) && component.last().is_some_and(is_alphanumeric);
    ends_are_alphanumeric
        && component.split(is_alphanumeric).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
        })
}

as_text!(RepositoryName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_field_are_taken() {
        for name in [
            "a",
            "team/app",
            "a__b",
            "a--b-c.d_e/f",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com/public.ecr.aws/x",
        ] {
            assert_eq!(name.parse::<RepositoryName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for name in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a_.b", "-a", "a-", ".a", "..", "a/../b", "a b", "ä",
            "a:b", "a%2f",
        ] {
            assert!(name.parse::<RepositoryName>().is_err(), "{name:?}");
        }
        assert!("a".repeat(256).parse::<RepositoryName>().is_err());
        assert!(vec!["abc"; 129].join("/").parse::<RepositoryName>().is_err());
    }

    #[test]
    fn an_error_shows_no_more_than_the_beginning_of_a_long_name() {
        let error = "A".repeat(10_000).parse::<RepositoryName>().unwrap_err();
        assert!(error.to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_a_safe_relative_path(name in "[a-zA-Z0-9._/ -]{0,40}") {
            if let Ok(name) = name.parse::<RepositoryName>() {
                for component in name.components() {
                    prop_assert!(!component.is_empty() && !component.starts_with(['.', '_', '-']));
                }
            }
        }

        #[test]
        fn what_the_grammar_generates_is_taken(name in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}){0,3}") {
            prop_assert!(name.parse::<RepositoryName>().is_ok());
        }
    }
}

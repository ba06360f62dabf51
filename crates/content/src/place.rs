use std::fmt;

use oci::RepositoryName;

/// Where content belongs: a repository as one owner sees it.
///
/// The same bytes are kept once, however many places they belong to; but what one place may read, another may not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Who owns the membership.
    pub scope: Scope,
    /// The repository.
    pub repository: RepositoryName,
}

/// Who owns a membership, such as team, upstream and registry together. The store gives the parts no meaning; it only
/// keeps different scopes apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope(String);

/// Parts that make no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "scope `{scope}` {reason}; expected parts of letters, digits, `.`, `_`, `-` and `:`, each beginning with a letter \
     or a digit, together at most {} bytes",
    Scope::MAX_LENGTH
)]
pub struct InvalidScope {
    scope: String,
    reason: &'static str,
}

impl Scope {
    /// The longest scope in bytes, with one byte between two parts: what file systems take as one name.
    pub const MAX_LENGTH: usize = 255;

    /// The scope that these parts make, in their order. Different parts make different scopes.
    ///
    /// ```
    /// let scope = content::Scope::new(["acme", "prod", "111122223333.dkr.ecr.us-east-1.amazonaws.com"])?;
    /// assert_ne!(scope, content::Scope::new(["acme-prod", "111122223333.dkr.ecr.us-east-1.amazonaws.com"])?);
    /// # Ok::<(), content::InvalidScope>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidScope`] where there is no part, or a part could not stand in a file's name.
    pub fn new<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> Result<Self, InvalidScope> {
        let mut scope = String::new();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                scope.push(SEPARATOR);
            }
            scope.push_str(part.as_ref());
            if !is_part(part.as_ref()) {
                return Err(InvalidScope::new(
                    &scope,
                    "has a part with a character where it may not stand",
                ));
            }
            if scope.len() > Self::MAX_LENGTH {
                return Err(InvalidScope::new(&scope, "is too long"));
            }
        }
        if scope.is_empty() {
            return Err(InvalidScope::new(&scope, "has no parts"));
        }
        Ok(Self(scope))
    }

    /// The scope as one file name.
    pub(crate) fn as_file_name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.repository)
    }
}

impl InvalidScope {
    fn new(scope: &str, reason: &'static str) -> Self {
        Self {
            scope: scope.chars().take(80).collect(),
            reason,
        }
    }
}

fn is_part(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_alphanumeric())
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
}

/// Stands in no part, so that different parts never make the same scope.
const SEPARATOR: char = ',';

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_teams_upstreams_and_registries_make_a_scope() {
        let scope = Scope::new(["acme", "prod", "localhost:5000"]).unwrap();
        assert_eq!(scope.to_string(), "acme,prod,localhost:5000");
    }

    #[test]
    fn parts_that_could_leave_the_directory_or_blur_a_boundary_are_refused() {
        for part in [
            "", ".", "..", ".x", "-x", "_x", "a/b", "a,b", "a\0b", "a b", "ä", "a\nb",
        ] {
            assert!(Scope::new(["acme", part]).is_err(), "{part:?}");
        }
        assert!(Scope::new([] as [&str; 0]).is_err());
    }

    #[test]
    fn a_scope_is_never_longer_than_a_file_name() {
        assert!(Scope::new(["a".repeat(255)]).is_ok());
        assert!(Scope::new(["a".repeat(256)]).is_err());
        assert!(Scope::new(["a".repeat(127), "b".repeat(128)]).is_err());
    }

    #[test]
    fn an_error_shows_no_more_than_the_beginning() {
        let error = Scope::new(["/".repeat(10_000)]).unwrap_err();
        assert!(error.to_string().len() < 400);
    }

    proptest! {
        #[test]
        fn different_parts_make_different_scopes(
            parts in prop::collection::vec("[a-z][a-z0-9._:-]{0,5}", 2..5),
            glue in "[a-z0-9._:,-]?",
        ) {
            let apart = Scope::new(&parts);
            prop_assert!(apart.is_ok());
            prop_assert_ne!(apart, Scope::new([parts.join(&glue)]));
        }
    }
}

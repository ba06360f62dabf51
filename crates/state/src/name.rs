use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer};

/// The name of a resource: a DNS label, so that it can stand in host names, in image names and in Kubernetes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(String);

/// Text that is not the name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name; expected 1 to 63 lower-case letters, digits and `-`, not at an end")]
pub struct InvalidResourceName(String);

impl ResourceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceName {
    type Err = InvalidResourceName;

    fn from_str(text: &str) -> Result<Self, InvalidResourceName> {
        let holds_well = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !(1..=63).contains(&text.len()) || !holds_well || text.starts_with('-') || text.ends_with('-') {
            return Err(InvalidResourceName(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Borrow<str> for ResourceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<'de> Deserialize<'de> for ResourceName {
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
    fn the_grammar_decides() {
        for name in ["a", "acme", "a-1", "1", &"a".repeat(63)] {
            assert!(name.parse::<ResourceName>().is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a.b", "a/b", "a_b", "ä", &"a".repeat(64)] {
            assert!(name.parse::<ResourceName>().is_err(), "{name}");
        }
    }
}

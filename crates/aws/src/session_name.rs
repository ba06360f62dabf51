use std::{fmt, str::FromStr};

use oci::Digest;

/// The name of a role session: what CloudTrail and the session's ARN show. 2 to 64 characters of `[\w+=,.@-]` (STS API
/// reference, `RoleSessionName`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionName(String);

/// Text that is not the name of a role session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a role session; expected 2 to 64 letters, digits and _+=,.@-")]
pub struct InvalidSessionName(String);

impl SessionName {
    /// A name made of `wharfinger` and the parts, in AWS's alphabet and length. What the alphabet lacks becomes `-`; a
    /// name that is too long is cut and ends with eight digits of its digest, so that two of them differ still.
    pub fn of(parts: &[&str]) -> Self {
        let mut name = "wharfinger".to_owned();
        for part in parts {
            name.push('-');
            name.extend(part.chars().map(|c| if is_allowed(c) { c } else { '-' }));
        }
        if name.len() > MAX_LENGTH {
            let digest = Digest::of(name.as_bytes());
            name.truncate(MAX_LENGTH - 9);
            name.push('-');
            name.push_str(&digest.hex()[..8]);
        }
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionName {
    type Err = InvalidSessionName;

    fn from_str(text: &str) -> Result<Self, InvalidSessionName> {
        if (2..=MAX_LENGTH).contains(&text.len()) && text.chars().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidSessionName(text.chars().take(80).collect()))
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

const MAX_LENGTH: usize = 64;

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_can_be_read() {
        assert_eq!(
            SessionName::of(&["acme", "prod/eu west"]).as_str(),
            "wharfinger-acme-prod-eu-west"
        );
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart() {
        let team = "a".repeat(63);
        let [one, other] = ["x", "y"].map(|client| SessionName::of(&[&team, "prod", client]).to_string());
        assert_ne!(one, other);
        assert!(one.starts_with("wharfinger-aaa") && one.len() == 64, "{one}");
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_sts_takes(parts in proptest::collection::vec("\\PC{0,60}", 0..4)) {
            let parts: Vec<_> = parts.iter().map(String::as_str).collect();
            let name = SessionName::of(&parts).to_string();
            prop_assert!(name.parse::<SessionName>().is_ok(), "{}", name);
        }
    }
}

use std::fmt;

/// The name of a role session: what CloudTrail and the session's ARN show. 2 to 64 characters of `[\w+=,.@-]` (STS API
/// reference, `RoleSessionName`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionName(String);

impl SessionName {
    /// A name made of `wharfinger` and the parts, in AWS's alphabet and length. What the alphabet lacks becomes `-`.
    pub fn of(parts: &[&str]) -> Self {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        let mut name = "wharfinger".to_owned();
        for part in parts {
            name.push('-');
            name.extend(part.chars().map(|c| if is_allowed(c) { c } else { '-' }));
        }
        name.truncate(64);
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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

    proptest! {
        #[test]
        fn every_name_is_one_that_sts_takes(parts in proptest::collection::vec("\\PC{0,60}", 0..4)) {
            let parts: Vec<_> = parts.iter().map(String::as_str).collect();
            let name = SessionName::of(&parts).to_string();
            prop_assert!((2..=64).contains(&name.len()));
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)));
        }
    }
}

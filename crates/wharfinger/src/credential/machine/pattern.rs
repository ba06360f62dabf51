use std::str::FromStr;

use aws::RegistryHost;
use serde::{Deserialize, Deserializer};
use state::wildcard;

/// Hosts of ECR: one by its name, or several by a name with `*`, which stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

/// Text that no host of ECR matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no registry of ECR; expected a host such as 111122223333.dkr.ecr.us-east-1.amazonaws.com or public.ecr.aws, or one with `*` for any characters"
)]
pub(crate) struct InvalidPattern(String);

impl Pattern {
    /// Every host.
    pub(crate) fn any() -> Self {
        Self("*".to_owned())
    }

    /// The host, where it is one alone.
    pub(crate) fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// Whether the host is one of them.
    pub(crate) fn matches(&self, host: &str) -> bool {
        wildcard::matches(&self.0, host)
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self(text.to_ascii_lowercase());
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-.*".contains(c);
        let is_right = match pattern.exact() {
            Some(host) => host.parse::<RegistryHost>().is_ok(),
            None => pattern.0.len() <= 253 && pattern.0.chars().all(is_host),
        };
        match is_right {
            true => Ok(pattern),
            false => Err(InvalidPattern(text.chars().take(200).collect())),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

    #[test]
    fn a_star_stands_for_any_characters() {
        for pattern in [
            "*",
            HOST,
            "*.dkr.ecr.us-east-1.amazonaws.com",
            "111122223333.*",
            "*.us-*.amazonaws.com",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com*",
            "**",
        ] {
            assert!(pattern.parse::<Pattern>().unwrap().matches(HOST), "{pattern}");
        }
        for pattern in [
            "public.ecr.aws",
            "*.dkr.ecr.eu-west-1.amazonaws.com",
            "2*",
            "*.us-*.us-*",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com*.amazonaws.com",
        ] {
            assert!(!pattern.parse::<Pattern>().unwrap().matches(HOST), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_host_of_ecr_is_refused() {
        for text in ["", "docker.io", "images.example.com", "*:5000", "https://*", "* *"] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}`")) && error.contains("expected"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_of_a_host_match_it(cuts in proptest::collection::vec(0..HOST.len(), 2)) {
            let (from, to) = (cuts[0].min(cuts[1]), cuts[0].max(cuts[1]));
            let pattern = format!("{}*{}", &HOST[..from], &HOST[to..]);
            prop_assert!(pattern.parse::<Pattern>().unwrap().matches(HOST), "{pattern}");
        }
    }
}

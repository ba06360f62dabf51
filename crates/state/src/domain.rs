use std::{borrow::Borrow, fmt, str::FromStr};

use aws::RegistryHost;
use serde::{Deserialize, Deserializer};

/// A host name that stands for one upstream, so that images have names of their own: `images.example.com/team/app:1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// Text that is not such a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` {reason}; expected a host name of its own such as images.example.com, without scheme, port and path")]
pub struct InvalidDomainName {
    name: String,
    reason: &'static str,
}

impl DomainName {
    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in what a client says it called: `Host` or `:authority`, which may have a port.
    pub fn of_authority(authority: &str) -> Option<Self> {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        host.strip_suffix('.').unwrap_or(host).parse().ok()
    }
}

impl FromStr for DomainName {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, InvalidDomainName> {
        let invalid = |reason| InvalidDomainName {
            name: text.chars().take(80).collect(),
            reason,
        };
        let name = text.to_ascii_lowercase();
        let is_label = |label: &str| {
            let holds_well = label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            (1..=63).contains(&label.len()) && holds_well && !label.starts_with('-') && !label.ends_with('-')
        };
        if name.len() > MAX_LENGTH || !name.split('.').all(is_label) {
            return Err(invalid("is no host name"));
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if !name.contains('.') || last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid(
                "is an address, or a name without a dot, which image names cannot begin with",
            ));
        }
        // Clients that name ECR's host mean ECR's registry, whoever has mapped what.
        if name.parse::<RegistryHost>().is_ok() {
            return Err(invalid("is the host of an ECR registry"));
        }
        Ok(Self(name))
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// RFC 1035 §2.3.4, without the dot at the end.
const MAX_LENGTH: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_taken_in_any_case() {
        for (text, name) in [
            ("images.example.com", "images.example.com"),
            ("Images.Example.COM", "images.example.com"),
            ("a-1.b", "a-1.b"),
        ] {
            assert_eq!(text.parse::<DomainName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_is_no_host_name_of_ones_own_is_refused() {
        for text in [
            "",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "images.example.com:5000",
            "https://images.example.com",
            "images.example.com/team",
            "*.example.com",
            "-a.example.com",
            "a..com",
            "images.example.com.",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com",
            "public.ecr.aws",
            &format!("{}.com", "a".repeat(64)),
            &vec!["abc"; 64].join("."),
        ] {
            assert!(text.parse::<DomainName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_port_and_the_last_dot_are_no_part_of_the_name() {
        for authority in [
            "images.example.com",
            "IMAGES.example.com:443",
            "images.example.com.:8443",
            "images.example.com.",
        ] {
            let name = DomainName::of_authority(authority).unwrap();
            assert_eq!(name.as_str(), "images.example.com");
        }
        for authority in [
            "",
            ":",
            "127.0.0.1:5000",
            "[::1]:5000",
            "images.example.com:x",
            "user@a.b",
        ] {
            assert_eq!(DomainName::of_authority(authority), None, "{authority}");
        }
    }
}

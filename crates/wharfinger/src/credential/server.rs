use std::fmt;

use aws::{InvalidRegistryHost, RegistryHost};

/// The name of a registry, as docker tells it to its helpers: a host with or without a port, a scheme and a path. Only
/// host and port count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerName(String);

/// Text that names no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}; expected HOST[:PORT], such as 111122223333.dkr.ecr.us-east-1.amazonaws.com")]
pub(crate) struct InvalidServerName {
    text: String,
    reason: &'static str,
}

impl ServerName {
    /// Reads the name.
    ///
    /// # Errors
    /// [`InvalidServerName`]; what stands before an `@` is not repeated.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidServerName> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let invalid = |reason| InvalidServerName {
            text: shown(text),
            reason,
        };
        if authority.contains('@') {
            return Err(InvalidServerName {
                text: shown(authority.rsplit('@').next().unwrap_or_default()),
                reason: "has a user name before it",
            });
        }
        if !matches!(scheme, "https" | "http") {
            return Err(invalid("begins with another scheme than https"));
        }
        let name = authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
        let (host, port) = name.rsplit_once(':').unwrap_or((&name, "1"));
        if !is_host(host) || port.parse::<u16>().is_err() {
            return Err(invalid("is not the name of a registry"));
        }
        Ok(Self(name))
    }

    /// The name, in lower case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry of ECR that it is.
    ///
    /// # Errors
    /// [`InvalidRegistryHost`] where it is none.
    pub(crate) fn registry(&self) -> Result<RegistryHost, InvalidRegistryHost> {
        self.0.parse()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_host(host: &str) -> bool {
    let is_address = host.starts_with('[') && host.ends_with(']');
    let inside = if is_address { &host[1..host.len() - 1] } else { host };
    (1..=253).contains(&inside.len())
        && inside
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || (is_address && byte == b':'))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_way_in_which_docker_writes_a_registry_is_read() {
        for (text, name) in [
            ("images.example.com", "images.example.com"),
            ("https://images.example.com", "images.example.com"),
            ("https://Images.Example.com/v2/", "images.example.com"),
            ("images.example.com/v1/", "images.example.com"),
            ("https://images.example.com:443/", "images.example.com"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("http://[::1]:5000", "[::1]:5000"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(ServerName::parse(text).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_names_no_registry_is_refused_and_no_login_repeated() {
        for text in [
            "",
            "https://",
            "ftp://a.test",
            "a.test:port",
            "a b",
            "a.test:",
            "ünï.test",
        ] {
            let error = ServerName::parse(text).unwrap_err().to_string();
            assert!(error.contains("expected HOST[:PORT]"), "{error}");
        }
        let error = ServerName::parse("https://me:hunter2@a.test").unwrap_err().to_string();
        assert!(error.contains("a.test") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_registry_of_ecr_is_known() {
        let ecr = ServerName::parse("https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/").unwrap();
        assert_eq!(ecr.registry().unwrap().region(), "eu-west-1");
        assert!(ServerName::parse("docker.io").unwrap().registry().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = ServerName::parse(&text);
        }
    }
}

use std::{fmt, str::FromStr};

/// The URL that identifies an issuer, as AWS IAM takes it for an identity provider.
///
/// `https://`, no port, no user, no query, no fragment, at most 255 characters; a path is allowed and counts, a trailing
/// slash is not (IAM API reference, `CreateOpenIDConnectProvider`). The URL is compared letter by letter with `iss`, so
/// it is kept as it was written; only the host must be in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerUrl(String);

/// A URL that AWS would not take for an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{url}` {reason}; expected https://HOST[/PATH] without port, query and trailing slash, such as https://images.example.com"
)]
pub struct InvalidIssuerUrl {
    url: String,
    reason: &'static str,
}

impl IssuerUrl {
    /// The longest URL in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// The URL as it stands in `iss`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL without its scheme: what the provider's ARN ends with and what condition keys begin with.
    pub fn without_scheme(&self) -> &str {
        self.0.strip_prefix(SCHEME).unwrap_or(&self.0)
    }

    /// The host name.
    pub fn host(&self) -> &str {
        self.without_scheme().split('/').next().unwrap_or_default()
    }

    /// The path, empty or beginning with a slash.
    pub fn path(&self) -> &str {
        &self.without_scheme()[self.host().len()..]
    }
}

impl FromStr for IssuerUrl {
    type Err = InvalidIssuerUrl;

    fn from_str(url: &str) -> Result<Self, InvalidIssuerUrl> {
        let invalid = |reason| InvalidIssuerUrl {
            url: url.chars().take(300).collect(),
            reason,
        };
        if url.len() > Self::MAX_LENGTH {
            return Err(invalid("is longer than 255 characters"));
        }
        let rest = url
            .strip_prefix(SCHEME)
            .ok_or_else(|| invalid("does not begin with https://"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.contains('@') {
            return Err(invalid("names a user"));
        }
        if host.contains(':') {
            return Err(invalid("has a port, which AWS does not take in an issuer's URL"));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !host.split('.').all(is_label) {
            return Err(invalid("has no lower-case host name"));
        }
        if path.contains(['?', '#']) {
            return Err(invalid("has a query or a fragment"));
        }
        if path.ends_with('/') {
            return Err(invalid("ends with a slash"));
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if !path.is_empty() && !path[1..].split('/').all(is_segment) {
            return Err(invalid(
                "has a path with an empty segment or a character that would have to be encoded",
            ));
        }
        Ok(Self(url.to_owned()))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const SCHEME: &str = "https://";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_are_found() {
        let url: IssuerUrl = "https://api.example.com/vendor/x".parse().unwrap();
        assert_eq!((url.host(), url.path()), ("api.example.com", "/vendor/x"));
        assert_eq!(url.without_scheme(), "api.example.com/vendor/x");
        assert_eq!("https://example.com".parse::<IssuerUrl>().unwrap().path(), "");
    }

    #[test]
    fn each_rule_refuses() {
        let long = format!("https://example.com/{}", "a".repeat(240));
        for (url, reason) in [
            ("http://example.com", "https://"),
            ("HTTPS://example.com", "https://"),
            ("example.com", "https://"),
            ("https://example.com:8443", "port"),
            ("https://example.com:443", "port"),
            ("https://me@example.com", "user"),
            ("https://example.com/", "slash"),
            ("https://example.com/a/", "slash"),
            ("https://example.com/a?b", "query"),
            ("https://example.com/a#b", "query"),
            ("https://", "host"),
            ("https:///a", "host"),
            ("https://Example.com", "host"),
            ("https://exa mple.com", "host"),
            ("https://example.com/a//b", "segment"),
            ("https://example.com/../b", "segment"),
            ("https://example.com/%41", "segment"),
            (&long, "longer"),
        ] {
            let error = url.parse::<IssuerUrl>().unwrap_err();
            assert!(error.reason.contains(reason), "{url}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_make_the_whole(url in "https://[a-z]{1,8}(\\.[a-z]{1,8}){0,2}(/[a-z0-9._-]{1,8}){0,3}") {
            if let Ok(parsed) = url.parse::<IssuerUrl>() {
                prop_assert_eq!(format!("https://{}{}", parsed.host(), parsed.path()), url);
            }
        }

        #[test]
        fn no_text_panics(url in "(https://)?\\PC{0,40}") {
            let _ = url.parse::<IssuerUrl>();
        }
    }
}

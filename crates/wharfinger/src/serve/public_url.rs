use std::{fmt, str::FromStr};

/// Where clients find the registry: `http://` or `https://` with a host and perhaps a port, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, with its port where one was written: what stands in front of an image's name.
    pub(crate) fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fit = reqwest::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        if !is_fit || rest.contains(['/', '?', '#', '@']) {
            return Err(format!(
                "`{text}` is not where a registry can be; expected https://HOST[:PORT] or http://HOST[:PORT] without a path"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_for_a_registry_is_taken() {
        for url in [
            "https://images.example.com",
            "http://127.0.0.1:5000",
            "https://[::1]:8443",
        ] {
            assert_eq!(url.parse::<PublicUrl>().unwrap().as_str(), url);
        }
        for url in [
            "",
            "images.example.com",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://u:p@a",
        ] {
            assert!(url.parse::<PublicUrl>().is_err(), "{url}");
        }
    }
}

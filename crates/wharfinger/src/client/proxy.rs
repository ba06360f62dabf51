use std::str::FromStr;

use crate::{credential::ServerName, serve::PublicUrl};

/// Where the clients find the Wharfinger, under TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy(String);

impl Proxy {
    /// `HOST[:PORT]`, in lower case and without TLS's own port: as it stands in image names, in logins, and in the names
    /// of folders for certificates. A client that is told it in two ways takes them for two registries.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// The URL.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.0)
    }
}

impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected https://HOST[:PORT] without a path, such as https://images.example.com";
        // A robot's token would go over the wire in clear, and each client would have to be told that it may.
        if !text.starts_with("https://") {
            return Err(format!("`{}` is no address under TLS; {expected}", shown(text)));
        }
        let url = text.strip_suffix('/').unwrap_or(text);
        let wrong = || format!("`{}` is not where a registry can be; {expected}", shown(text));
        url.parse::<PublicUrl>().map_err(|_| wrong())?;
        let name = ServerName::parse(url).map_err(|_| wrong())?;
        // It becomes the name of a folder, and `..` would be another one.
        if name.as_str().starts_with('.') || name.as_str().ends_with('.') {
            return Err(wrong());
        }
        Ok(Self(name.as_str().to_owned()))
    }
}

/// The text without a login that may stand in it.
fn shown(text: &str) -> String {
    let rest = text.rsplit('@').next().unwrap_or_default();
    rest.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_has_one_spelling() {
        for (url, name) in [
            ("https://images.example.com", "images.example.com"),
            ("https://images.example.com/", "images.example.com"),
            ("https://Images.Example.com:443", "images.example.com"),
            ("https://images.example.com:8443", "images.example.com:8443"),
            ("https://[::1]:8443", "[::1]:8443"),
        ] {
            let proxy: Proxy = url.parse().unwrap();
            assert_eq!(proxy.name(), name);
            assert_eq!(proxy.url(), format!("https://{name}"));
        }
    }

    #[test]
    fn what_is_no_place_for_a_registry_is_refused_and_no_login_repeated() {
        for url in [
            "",
            "images.example.com",
            "http://images.example.com",
            "https://",
            "https://images.example.com/v2/",
            "https://images.example.com?a=b",
            "https://a b",
            "https://..",
            "https://a\"b",
            "https://robot:hunter2@images.example.com",
            "robot:hunter2@images.example.com",
        ] {
            let error = url.parse::<Proxy>().unwrap_err();
            assert!(error.contains("expected https://HOST[:PORT]"), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        /// What is taken goes into TOML, JSON and paths as it is.
        #[test]
        fn whatever_is_taken_needs_no_quoting_and_stays_in_its_folder(text in "https://([a-z.:\\[\\]0-9_-]{1,8}|\\PC{0,20})") {
            if let Ok(proxy) = text.parse::<Proxy>() {
                prop_assert!(!proxy.name().contains(['"', '\\', '/', ' ', '\'']));
                prop_assert!(proxy.name() != "." && proxy.name() != "..");
            }
        }
    }
}

use url::{Host, Url};

use crate::query::Fault;

/// The URL of a provider without its scheme, as IAM keeps it.
///
/// `https://`, no port, no user, no query, no fragment; a path may be there, and its case and its last slash matter.
pub(super) fn parse_url(text: &str) -> Result<String, Fault> {
    let unreadable = || Fault::validation("Invalid Open ID Connect Provider URL");
    let refused =
        |rule: &str| Fault::bad_request("InvalidInput", format!("Invalid Open ID Connect Provider URL.{rule}"));
    let (scheme, rest) = text.split_once("://").ok_or_else(unreadable)?;
    if scheme != "https" {
        return Err(refused(" The URL must begin with https://."));
    }
    let url = Url::parse(text).map_err(|_| unreadable())?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // `Url` drops the port 443, so the text is asked.
    let has_port = match url.host() {
        Some(Host::Ipv6(_)) => !authority.ends_with(']'),
        _ => authority.contains(':'),
    };
    let is_name = match url.host() {
        Some(Host::Domain(name)) => name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
        other => other.is_some(),
    };
    if has_port || authority.contains('@') || rest.contains(['?', '#']) || !is_name {
        return Err(refused(""));
    }
    // Whatever the parser would repair makes an ARN that the token's issuer never equals.
    let path = rest.strip_prefix(authority).unwrap_or_default();
    let is_as_read = url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(authority))
        && (path == url.path() || path.is_empty());
    if !is_as_read || rest.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(refused(""));
    }
    Ok(rest.to_owned())
}

/// The host in a URL without scheme, as a name or an address.
pub(super) fn host(url: &str) -> &str {
    let authority = url.split('/').next().unwrap_or_default();
    authority.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_of_issuers_are_kept_as_they_are() {
        for url in [
            "issuer.example.com",
            "issuer.example.com/",
            "oidc.example.com/org/0a-Bc",
            "192.0.2.1",
        ] {
            assert_eq!(parse_url(&format!("https://{url}")), Ok(url.to_owned()));
        }
    }

    #[test]
    fn hosts_are_names_and_addresses() {
        for (url, name) in [
            ("a.example/b/c", "a.example"),
            ("a.example", "a.example"),
            ("[::1]/b", "::1"),
        ] {
            assert_eq!(host(url), name);
        }
    }

    #[test]
    fn other_urls_are_refused_in_the_words_of_iam() {
        let cases = [
            ("example.com", "ValidationError", "Invalid Open ID Connect Provider URL"),
            ("https://", "ValidationError", "Invalid Open ID Connect Provider URL"),
            (
                "http://example.com",
                "InvalidInput",
                "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
            ),
        ];
        for (url, code, message) in cases {
            let fault = parse_url(url).unwrap_err();
            assert_eq!((fault.code, fault.message.as_str()), (code, message), "{url}");
        }
        for url in [
            "https://example.com:443",
            "https://example.com:8443/path",
            "https://user:secret@example.com",
            "https://example.com?a=1",
            "https://example.com/#a",
            "https://exa_mple.com",
            "https://example.com/a b",
        ] {
            let fault = parse_url(url).unwrap_err();
            assert_eq!(fault.message, "Invalid Open ID Connect Provider URL.", "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_url_panics(url in "(https://)?\\PC{0,40}") {
            let _ = parse_url(&url);
        }
    }
}

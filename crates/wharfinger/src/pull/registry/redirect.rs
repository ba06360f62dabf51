use reqwest::{Url, header::HeaderMap, header::LOCATION};

use super::endpoint::is_loopback;

/// How many redirects are followed for one request.
pub(crate) const MOST_REDIRECTS: usize = 5;

/// A redirect that is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefusedRedirect {
    /// Nothing says where to.
    #[error("the answer redirects without a usable `Location`")]
    Nowhere,
    /// The next connection could be read or changed by others.
    #[error("the answer redirects to a URL that is not https")]
    Cleartext,
    /// A URL with a user name or a password.
    #[error("the answer redirects to a URL with credentials in it")]
    Credentials,
    /// See [`MOST_REDIRECTS`].
    #[error("the answer redirects for the sixth time; five redirects are followed")]
    TooMany,
}

/// Where an answer of `from` sends the client.
pub(crate) fn target(from: &Url, headers: &HeaderMap) -> Result<Url, RefusedRedirect> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location
        .and_then(|location| from.join(location).ok())
        .ok_or(RefusedRedirect::Nowhere)?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err(RefusedRedirect::Credentials);
    }
    let stays_here = from.scheme() == "http" && to.scheme() == "http" && is_loopback(from) && is_loopback(&to);
    if to.scheme() == "https" || stays_here {
        Ok(to)
    } else {
        Err(RefusedRedirect::Cleartext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: &str) -> Result<String, RefusedRedirect> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        target(&Url::parse(from).unwrap(), &headers).map(String::from)
    }

    #[test]
    fn https_and_what_stays_on_this_machine_is_followed() {
        for (from, location, to) in [
            (
                "https://r.test/v2/x",
                "https://s3.test/y?sig=1",
                "https://s3.test/y?sig=1",
            ),
            ("https://r.test/v2/x", "/y", "https://r.test/y"),
            ("https://r.test/v2/x", "//s3.test/y", "https://s3.test/y"),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/y", "http://127.0.0.1:2/y"),
            ("http://127.0.0.1:1/x", "y", "http://127.0.0.1:1/y"),
            ("http://r.test/x", "https://r.test/x", "https://r.test/x"),
        ] {
            assert_eq!(follow(from, location).as_deref(), Ok(to));
        }
    }

    #[test]
    fn anything_less_safe_is_refused() {
        use RefusedRedirect::*;
        for (from, location, reason) in [
            ("https://r.test/x", "http://r.test/x", Cleartext),
            ("https://127.0.0.1/x", "http://127.0.0.1/x", Cleartext),
            ("http://r.test/x", "http://r.test/y", Cleartext),
            ("http://127.0.0.1/x", "http://r.test/y", Cleartext),
            ("http://r.test/x", "http://127.0.0.1/y", Cleartext),
            ("https://r.test/x", "file:///etc/passwd", Cleartext),
            ("https://r.test/x", "https://u:p@r.test/", Credentials),
            ("https://r.test/x", "https://", Nowhere),
        ] {
            assert_eq!(follow(from, location), Err(reason), "{from} {location}");
        }
        let from = Url::parse("https://r.test/").unwrap();
        assert_eq!(target(&from, &HeaderMap::new()), Err(Nowhere));
    }
}

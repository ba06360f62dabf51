use std::{fmt, net::IpAddr, str::FromStr};

use oci::{Digest, ImageReference, Reference};
use reqwest::Url;

/// The URL of a Wharfinger (or of any registry that serves images under `REGISTRY HOST/REPOSITORY`), which is asked
/// instead of the registry that an image names.
///
/// `https://` or `http://`, a host, and a path where the registry does not stand at the root. A user name, a password,
/// a query or a fragment is refused: credentials do not belong into URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy(Url);

/// Text that is not the URL of a proxy. The text itself is not repeated: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy's URL {reason}; expected https://HOST[:PORT]")]
pub(crate) struct InvalidProxy {
    reason: &'static str,
}

/// An image whose host cannot stand in a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image host `{0}` cannot stand in a URL; expected a host name with an optional port")]
pub(crate) struct InvalidHost(String);

/// Where the manifests and blobs of one repository are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The registry, without a path.
    root: Url,
    /// `…/v2/REPOSITORY/`
    repository: Url,
    /// The repository as the registry calls it.
    name: String,
}

impl Endpoint {
    /// The registry that the image names, over https; or the proxy, by the path form.
    pub(crate) fn new(image: &ImageReference, proxy: Option<&Proxy>) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost(image.host.clone());
        let (root, name) = match proxy {
            Some(proxy) => (proxy.0.clone(), format!("{}/{}", image.host, image.repository)),
            None => (
                Url::parse(&format!("https://{}/", image.host)).map_err(|_| invalid())?,
                image.repository.to_string(),
            ),
        };
        let repository = root.join(&format!("v2/{name}/")).map_err(|_| invalid())?;
        Ok(Self { root, repository, name })
    }

    /// The registry's URL; only its scheme, host and port mean something.
    pub(crate) fn root(&self) -> &Url {
        &self.root
    }

    /// The scope that a token needs to pull (Docker's token authentication specification, "Token scope").
    pub(crate) fn scope(&self) -> String {
        format!("repository:{}:pull", self.name)
    }

    pub(crate) fn manifest(&self, reference: &Reference) -> Url {
        self.below(&format!("manifests/{reference}"))
    }

    pub(crate) fn blob(&self, digest: &Digest) -> Url {
        self.below(&format!("blobs/{digest}"))
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.repository.clone();
        url.set_path(&format!("{}{path}", self.repository.path()));
        url
    }
}

impl Proxy {
    /// The host, with its port where the URL has one.
    pub(crate) fn host(&self) -> String {
        host_and_port(&self.0)
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let invalid = |reason| InvalidProxy { reason };
        let mut url = Url::parse(text).map_err(|_| invalid("cannot be read"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("begins with neither `https://` nor `http://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("holds a user name or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("holds a `?` or a `#`"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The host as it stands in an image's name: with its port where that is not the scheme's own.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether nobody but this machine can listen in on a connection to the URL's host.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether two URLs have scheme, host and port in common: what one may know, the other may know.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    let origin = |url: &Url| {
        (
            url.scheme().to_owned(),
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    origin(one) == origin(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn endpoint(image: &str, proxy: Option<&str>) -> Endpoint {
        let proxy = proxy.map(|proxy| proxy.parse().unwrap());
        Endpoint::new(&image.parse().unwrap(), proxy.as_ref()).unwrap()
    }

    #[test]
    fn an_image_without_a_proxy_is_asked_of_its_own_host() {
        let endpoint = endpoint("r.example.com:5000/team/app:1", None);
        let manifest = endpoint.manifest(&"1".parse().unwrap());
        assert_eq!(manifest.as_str(), "https://r.example.com:5000/v2/team/app/manifests/1");
        let blob = endpoint.blob(&DIGEST.parse().unwrap());
        assert_eq!(
            blob.as_str(),
            format!("https://r.example.com:5000/v2/team/app/blobs/{DIGEST}")
        );
        assert_eq!(endpoint.scope(), "repository:team/app:pull");
    }

    #[test]
    fn a_proxy_is_asked_by_the_path_form() {
        for (proxy, front) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("https://p.example.com/", "https://p.example.com"),
            ("https://p.example.com/images", "https://p.example.com/images"),
        ] {
            let endpoint = endpoint("r.example.com/team/app:1", Some(proxy));
            let manifest = endpoint.manifest(&"1".parse().unwrap());
            assert_eq!(
                manifest.as_str(),
                format!("{front}/v2/r.example.com/team/app/manifests/1")
            );
            assert_eq!(endpoint.scope(), "repository:r.example.com/team/app:pull");
        }
    }

    #[test]
    fn a_url_that_is_no_proxy_is_refused_and_not_repeated() {
        for text in [
            "",
            "p.example.com",
            "ftp://p.example.com",
            "https://",
            "https://u:hunter2@p.example.com",
            "https://hunter2@p.example.com",
            "https://p.example.com/?token=hunter2",
            "https://p.example.com/#hunter2",
        ] {
            let error = text.parse::<Proxy>().unwrap_err().to_string();
            assert!(
                error.contains("expected https://") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:1/", true),
            ("http://localhost/", true),
            ("http://localhost.example.com/", false),
            ("http://128.0.0.1/", false),
            ("http://127.0.0.1.example.com/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn scheme_host_and_port_make_an_origin() {
        let home = Url::parse("https://a.example.com/x").unwrap();
        for (url, expected) in [
            ("https://a.example.com:443/y", true),
            ("https://A.example.com/y", true),
            ("http://a.example.com/x", false),
            ("https://a.example.com:444/x", false),
            ("https://b.example.com/x", false),
        ] {
            assert_eq!(same_origin(&home, &Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<Proxy>();
        }
    }
}

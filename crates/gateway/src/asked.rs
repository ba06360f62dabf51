use std::borrow::Cow;

use http::{Request, header};
use oci::{InvalidRoute, Route};

use crate::{
    accept::Accepted,
    conditional::Conditions,
    query::{Query, TooLong},
};

/// A request, read: what it addresses, by which name, on which conditions. What is not said here is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the path addresses.
    pub(crate) route: Route,
    /// The path as the client wrote it; its lists go on there.
    pub(crate) path: String,
    pub(crate) query: Query,
    /// The host, and its port, that the client says it called. Nothing that a proxy in front says beside it counts:
    /// whoever puts one there has it pass the host on.
    pub(crate) authority: Option<String>,
    pub(crate) accepted: Accepted,
    pub(crate) conditions: Conditions,
}

/// A request that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// See [`InvalidRoute`].
    #[error(transparent)]
    Route(#[from] InvalidRoute),
    /// See [`TooLong`].
    #[error(transparent)]
    Query(#[from] TooLong),
}

impl Asked {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// See [`Unread`].
    pub fn read<B>(request: &Request<B>) -> Result<Self, Unread> {
        let (uri, headers) = (request.uri(), request.headers());
        // `:authority` of HTTP/2 and the URL of an absolute form stand above the header (RFC 9113 §8.3.1, RFC 9112
        // §3.2.2). Who says two hosts has said none.
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none());
        let host = host.and_then(|host| host.to_str().ok());
        Ok(Self {
            route: Route::parse(&canonical(uri.path()))?,
            path: uri.path().to_owned(),
            query: Query::read(uri.query())?,
            authority: uri
                .authority()
                .map(|authority| authority.as_str())
                .or(host)
                .map(str::to_owned),
            accepted: Accepted::of(headers),
            conditions: Conditions::of(headers),
        })
    }

    /// The repository that is named, as the client named it.
    pub fn name(&self) -> Option<&oci::RepositoryName> {
        self.route.name()
    }

    /// What the name means to a server that has these resources.
    ///
    /// # Errors
    /// See [`Unnamed`](crate::Unnamed).
    pub fn target(
        &self,
        name: &oci::RepositoryName,
        snapshot: &state::Snapshot,
    ) -> Result<access::Target, crate::Unnamed> {
        crate::naming::target(name, self, snapshot)
    }
}

/// Whether a path is one of the registry: below `/v2/`, or below `/PREFIX/v2/`.
pub fn is_of_registry(path: &str) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    path.strip_prefix("/v2").is_some_and(is_below) || prefixed(path).is_some_and(|(_, rest)| is_below(rest))
}

/// The path below `/v2/`. Where a mirror's URL has a path, containerd appends `/v2` to that: `/PREFIX/v2/NAME/…`, where
/// the prefix is meant as the first part of the name.
fn canonical(path: &str) -> Cow<'_, str> {
    match prefixed(path) {
        Some((_, "" | "/")) => "/v2/".into(),
        Some((prefix, rest)) => format!("/v2/{prefix}{rest}").into(),
        None => path.into(),
    }
}

/// The first part of the path, and what stands behind the `/v2` after it.
fn prefixed(path: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = path.strip_prefix('/')?.split_once('/')?;
    let rest = rest.strip_prefix("v2")?;
    let is_prefix = !prefix.is_empty() && prefix != "v2" && (rest.is_empty() || rest.starts_with('/'));
    is_prefix.then_some((prefix, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Asked, Unread> {
        let request = headers
            .iter()
            .fold(Request::builder().uri(uri), |request, (name, value)| {
                request.header(*name, *value)
            });
        Asked::read(&request.body(()).unwrap())
    }

    #[test]
    fn the_host_is_the_one_that_was_called() {
        let of = |uri: &str, headers: &[(&str, &str)]| read(uri, headers).unwrap().authority;
        let host = ("host", "a.example.com");
        assert_eq!(of("/v2/", &[host]).as_deref(), Some("a.example.com"));
        assert_eq!(
            of("https://b.example.com/v2/", &[host]).as_deref(),
            Some("b.example.com")
        );
        assert_eq!(of("/v2/", &[host, ("host", "c.example.com")]), None);
        assert_eq!(of("/v2/", &[("x-forwarded-host", "a.example.com")]), None);
    }

    #[test]
    fn a_prefix_before_v2_is_the_first_part_of_the_name() {
        let route = |path: &str| read(path, &[]).map(|asked| asked.route);
        let plain = Route::parse("/v2/prod/a/manifests/1").unwrap();
        assert_eq!(route("/v2/prod/a/manifests/1"), Ok(plain.clone()));
        assert_eq!(route("/prod/v2/a/manifests/1"), Ok(plain));
        assert_eq!(route("/prod/v2/"), Ok(Route::Base));
        assert_eq!(route("/prod/v2"), Ok(Route::Base));
        let twice = Route::parse("/v2/v2/a/manifests/1").unwrap();
        assert_eq!(route("/v2/v2/a/manifests/1"), Ok(twice), "a name may begin so");
        for path in [
            "/",
            "/a/b/v2/c/manifests/1",
            "/prod/v2x/a/manifests/1",
            "//v2/a/manifests/1",
        ] {
            assert!(route(path).is_err(), "{path}");
        }
    }

    #[test]
    fn paths_of_the_registry_are_told_from_others() {
        for path in ["/v2", "/v2/", "/v2/a", "/prod/v2/", "/prod/v2/a/manifests/1"] {
            assert!(is_of_registry(path), "{path}");
        }
        for path in [
            "/",
            "/v2x",
            "/healthz",
            "/.well-known/openid-configuration",
            "/a/b/v2/",
            "/a/v2x",
        ] {
            assert!(!is_of_registry(path), "{path}");
        }
    }

    #[test]
    fn a_query_that_is_too_long_is_refused() {
        let error = read(&format!("/v2/a/tags/list?last={}", "a".repeat(5000)), &[]).unwrap_err();
        assert!(error.to_string().contains("longer than 4096 bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn no_request_panics(path in "(/[a-z]{0,4})?/v2/[a-z0-9A-Z%./:_-]{0,60}", query in "[a-z=&%+0-9.]{0,30}", host in "[ -~]{0,20}") {
            let uri = format!("{path}?{query}");
            if uri.parse::<http::Uri>().is_ok() {
                let _ = read(&uri, &[("host", &host), ("range", &query), ("accept", &host)]);
            }
        }
    }
}

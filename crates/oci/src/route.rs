use percent_encoding::percent_decode_str;

use crate::{Digest, InvalidDigest, InvalidName, InvalidReference, Reference, RepositoryName};

/// What a path below `/v2/` addresses (OCI distribution specification 1.1, "Endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry, and am I let in?
    Base,
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// The manifest in it.
        reference: Reference,
    },
    /// `/v2/NAME/blobs/DIGEST`
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob in it.
        digest: Digest,
    },
    /// `/v2/NAME/blobs/uploads/[SESSION]`
    Upload {
        /// The repository.
        name: RepositoryName,
        /// The upload that is under way; none where one is to begin.
        session: Option<String>,
    },
    /// `/v2/NAME/tags/list`
    Tags {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/NAME/referrers/DIGEST`
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The manifest that is referred to.
        digest: Digest,
    },
    /// `/v2/_catalog`, Docker's list of repositories.
    Catalog,
}

/// A path that addresses nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    /// Not a path of the registry API.
    #[error("no such path; a registry answers below /v2/")]
    Unknown,
    /// See [`InvalidName`].
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// See [`InvalidReference`].
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// See [`InvalidDigest`].
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl Route {
    /// The longest path in bytes that is looked at.
    pub const MAX_LENGTH: usize = 2048;

    /// Reads the path of a request, as it came (percent-encoded, without the query).
    ///
    /// # Errors
    /// See [`InvalidRoute`].
    pub fn parse(path: &str) -> Result<Self, InvalidRoute> {
        if path.len() > Self::MAX_LENGTH {
            return Err(InvalidRoute::Unknown);
        }
        // Some clients encode the colon of a digest. What comes out is judged by the grammars like anything else.
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| InvalidRoute::Unknown)?;
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Base),
            Some("/_catalog") => return Ok(Self::Catalog),
            Some(rest) => rest.strip_prefix('/').ok_or(InvalidRoute::Unknown)?,
            None => return Err(InvalidRoute::Unknown),
        };
        // Names contain slashes, and may contain the very words that follow them: the end of the path decides.
        let (front, last) = rest.rsplit_once('/').ok_or(InvalidRoute::Unknown)?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags { name: name.parse()? });
        }
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            let session = (!last.is_empty()).then(|| last.to_owned());
            return Ok(Self::Upload {
                name: name.parse()?,
                session,
            });
        }
        if last == "uploads"
            && let Some(name) = front.strip_suffix("/blobs")
        {
            return Ok(Self::Upload {
                name: name.parse()?,
                session: None,
            });
        }
        if let Some(name) = front.strip_suffix("/manifests") {
            return Ok(Self::Manifest {
                name: name.parse()?,
                reference: last.parse()?,
            });
        }
        if let Some(name) = front.strip_suffix("/blobs") {
            return Ok(Self::Blob {
                name: name.parse()?,
                digest: last.parse()?,
            });
        }
        if let Some(name) = front.strip_suffix("/referrers") {
            return Ok(Self::Referrers {
                name: name.parse()?,
                digest: last.parse()?,
            });
        }
        Err(InvalidRoute::Unknown)
    }

    /// The repository that the path addresses, where it addresses one.
    pub fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Upload { name, .. }
            | Self::Tags { name }
            | Self::Referrers { name, .. } => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn name(name: &str) -> RepositoryName {
        name.parse().unwrap()
    }

    #[test]
    fn each_path_has_its_route() {
        let digest = DIGEST.parse::<Digest>().unwrap();
        let cases = [
            ("/v2".to_owned(), Route::Base),
            ("/v2/".to_owned(), Route::Base),
            ("/v2/_catalog".to_owned(), Route::Catalog),
            (
                "/v2/a/b/manifests/1".to_owned(),
                Route::Manifest {
                    name: name("a/b"),
                    reference: "1".parse().unwrap(),
                },
            ),
            (
                format!("/v2/a/manifests/{DIGEST}"),
                Route::Manifest {
                    name: name("a"),
                    reference: Reference::Digest(digest.clone()),
                },
            ),
            (
                format!("/v2/a/blobs/{DIGEST}"),
                Route::Blob {
                    name: name("a"),
                    digest: digest.clone(),
                },
            ),
            (
                format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A")),
                Route::Blob {
                    name: name("a"),
                    digest: digest.clone(),
                },
            ),
            (
                format!("/v2/a/blobs/manifests/blobs/{DIGEST}"),
                Route::Blob {
                    name: name("a/blobs/manifests"),
                    digest: digest.clone(),
                },
            ),
            (
                "/v2/a/blobs/uploads/".to_owned(),
                Route::Upload {
                    name: name("a"),
                    session: None,
                },
            ),
            (
                "/v2/a/blobs/uploads".to_owned(),
                Route::Upload {
                    name: name("a"),
                    session: None,
                },
            ),
            (
                "/v2/a/blobs/uploads/x".to_owned(),
                Route::Upload {
                    name: name("a"),
                    session: Some("x".into()),
                },
            ),
            ("/v2/a/tags/list".to_owned(), Route::Tags { name: name("a") }),
            (
                format!("/v2/a/referrers/{DIGEST}"),
                Route::Referrers {
                    name: name("a"),
                    digest,
                },
            ),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(&path), Ok(route), "{path}");
        }
    }

    #[test]
    fn a_path_that_addresses_nothing_is_refused() {
        for path in [
            "",
            "/",
            "/v1/",
            "/v2x",
            "/v2/a",
            "/v2/a/b",
            "/v2/manifests/1",
            "/v2/a/manifests/",
            "/v2/A/manifests/1",
            "/v2/a/../b/manifests/1",
            "/v2/%2e%2e/manifests/1",
            "/v2/a/blobs/sha256:00",
            "/v2/a/blobs/latest",
            "/v2/%ff/manifests/1",
            "/v2//manifests/1",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
        assert!(Route::parse(&format!("/v2/{}/manifests/1", "a/".repeat(2000))).is_err());
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "(/v2/)?[a-zA-Z0-9%:/._-]{0,80}") {
            let _ = Route::parse(&path);
        }
    }
}

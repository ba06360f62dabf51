//! Manifests and indexes: their bytes, verified, beside what was read in them.

use bytes::Bytes;
use oci::{Descriptor, Digest, Hasher, InvalidManifest, Manifest, MediaType, Reference};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;

use super::registry::{Registry, RequestError, printable};

/// A manifest or an index that has the digest by which it was asked for, or which it was given where it was asked for by
/// a tag.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Bytes,
    pub(crate) manifest: Manifest,
}

/// A manifest that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// The request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The bytes are not those that were asked for.
    #[error("{name}: the registry sent a manifest with the digest {found}; expected {expected}")]
    Digest {
        /// The reference that was asked for.
        name: String,
        /// What was asked for, or what the registry says that it sends.
        expected: String,
        /// What came.
        found: Digest,
    },
    /// The bytes are more or fewer than the index says.
    #[error("{name}: the registry sent a manifest of {found} bytes; the index says {expected}")]
    Size {
        /// The digest that was asked for.
        name: String,
        /// What the index says.
        expected: u64,
        /// What came.
        found: usize,
    },
    /// The type in the header, in the index or in the manifest itself differ: readers would disagree on what it is.
    #[error("{name}: the manifest is sent as `{sent}` and says of itself that it is `{own}`")]
    Types {
        /// The reference that was asked for.
        name: String,
        /// What the header or the index says.
        sent: String,
        /// What the manifest says.
        own: String,
    },
    /// Nothing says what it is.
    #[error("{name}: neither the header `Content-Type` nor the manifest itself says what type it is")]
    NoType {
        /// The reference that was asked for.
        name: String,
    },
    /// See [`InvalidManifest`].
    #[error("{name}: {source}")]
    Invalid {
        /// The reference that was asked for.
        name: String,
        /// What is wrong.
        source: InvalidManifest,
    },
}

impl Document {
    /// Fetches what a reference names.
    pub(crate) async fn fetch(registry: &Registry, reference: &Reference) -> Result<Self, DocumentError> {
        let (headers, bytes) = Self::read(registry, reference).await?;
        Self::verify(&headers, bytes, reference, None)
    }

    /// Fetches what an index lists.
    pub(crate) async fn fetch_listed(registry: &Registry, listed: &Descriptor) -> Result<Self, DocumentError> {
        let reference = Reference::Digest(listed.digest.clone());
        let (headers, bytes) = Self::read(registry, &reference).await?;
        Self::verify(&headers, bytes, &reference, Some(listed))
    }

    async fn read(registry: &Registry, reference: &Reference) -> Result<(HeaderMap, Vec<u8>), RequestError> {
        let url = registry.endpoint().manifest(reference);
        registry.read(&url, MediaType::ANY_MANIFEST, Manifest::MAX_LENGTH).await
    }

    fn verify(
        headers: &HeaderMap,
        bytes: Vec<u8>,
        reference: &Reference,
        listed: Option<&Descriptor>,
    ) -> Result<Self, DocumentError> {
        let name = || reference.to_string();
        if let Some(listed) = listed
            && listed.size != bytes.len() as u64
        {
            let (expected, found) = (listed.size, bytes.len());
            return Err(DocumentError::Size {
                name: name(),
                expected,
                found,
            });
        }
        let digest = verify_digest(headers, &bytes, reference)?;
        let media_type = media_type(headers, &bytes, reference, listed)?;
        let manifest =
            Manifest::parse(&media_type, &bytes).map_err(|source| DocumentError::Invalid { name: name(), source })?;
        let mut descriptor = Descriptor {
            media_type,
            digest,
            size: bytes.len() as u64,
            platform: None,
            annotations: Default::default(),
        };
        descriptor.platform = listed.and_then(|listed| listed.platform.clone());
        Ok(Self {
            descriptor,
            bytes: bytes.into(),
            manifest,
        })
    }
}

/// Both the reference and the header `Docker-Content-Digest` must be right, where they state a digest.
fn verify_digest(headers: &HeaderMap, bytes: &[u8], reference: &Reference) -> Result<Digest, DocumentError> {
    let mismatch = |expected: String, found| DocumentError::Digest {
        name: reference.to_string(),
        expected,
        found,
    };
    let stated = match headers.get(CONTENT_DIGEST) {
        Some(value) => {
            let text = String::from_utf8_lossy(value.as_bytes());
            let stated = text.trim().parse::<Digest>();
            Some(stated.map_err(|_| mismatch(printable(&text), Digest::of(bytes)))?)
        }
        None => None,
    };
    let asked = match reference {
        Reference::Digest(digest) => Some(digest.clone()),
        Reference::Tag(_) => None,
    };
    let mut digest = None;
    for expected in stated.into_iter().chain(asked) {
        let mut hasher = Hasher::new(expected.algorithm());
        hasher.update(bytes);
        let found = hasher.finish();
        if found != expected {
            return Err(mismatch(expected.to_string(), found));
        }
        digest = Some(expected);
    }
    Ok(digest.unwrap_or_else(|| Digest::of(bytes)))
}

/// The manifest's type. A manifest that two readers would take for two things is refused (image specification 1.1,
/// "mediaType"; CVE-2021-41190).
fn media_type(
    headers: &HeaderMap,
    bytes: &[u8],
    reference: &Reference,
    listed: Option<&Descriptor>,
) -> Result<MediaType, DocumentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        media_type: Option<String>,
    }
    let own = serde_json::from_slice::<Own>(bytes).ok().and_then(|own| own.media_type);
    let header = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let header = header.and_then(MediaType::from_header);
    let sent = match listed {
        Some(listed) => Some(listed.media_type.clone()),
        // Some registries send every document as text or as plain JSON; that says nothing.
        None => header.filter(MediaType::is_manifest),
    };
    let name = || reference.to_string();
    match (sent, own) {
        (Some(sent), Some(own)) if sent.as_str() != own => Err(DocumentError::Types {
            name: name(),
            sent: sent.to_string(),
            own: printable(&own.chars().take(200).collect::<String>()),
        }),
        (Some(sent), _) => Ok(sent),
        (None, own) => own
            .and_then(|own| MediaType::from_header(&own))
            .ok_or_else(|| DocumentError::NoType { name: name() }),
    }
}

const CONTENT_DIGEST: &str = "docker-content-digest";

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[u8] = br#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    const PLAIN: &[u8] = br#"{"manifests":[]}"#;

    fn verify(bytes: &[u8], content_type: &str, digest: &str, reference: &str) -> Result<Digest, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", content_type), (CONTENT_DIGEST, digest)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let document = Document::verify(&headers, bytes.to_vec(), &reference.parse().unwrap(), None);
        document
            .map(|document| document.descriptor.digest)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_digest_that_is_stated_must_be_right() {
        let right = Digest::of(INDEX);
        let (text, wrong) = (right.to_string(), Digest::of(b"other").to_string());
        let mut hasher = Hasher::new(oci::Algorithm::Sha512);
        hasher.update(INDEX);
        let sha512 = hasher.finish();
        for (header, reference, expected) in [
            ("", "1", Ok(&right)),
            (text.as_str(), "1", Ok(&right)),
            (&text, &text, Ok(&right)),
            (&sha512.to_string(), "1", Ok(&sha512)),
            (&text, &sha512.to_string(), Ok(&sha512)),
            ("", &wrong, Err(())),
            (&wrong, "1", Err(())),
            (&wrong, &text, Err(())),
            (&text, &wrong, Err(())),
            ("md5:0", "1", Err(())),
        ] {
            let found = verify(INDEX, MediaType::OCI_INDEX, header, reference);
            assert_eq!(found.as_ref().map_err(|_| ()), expected, "{header} {reference}");
        }
        let error = verify(INDEX, MediaType::OCI_INDEX, "", &wrong).unwrap_err();
        assert!(error.contains(&text) && error.contains(&wrong), "{error}");
    }

    #[test]
    fn the_type_must_be_one_for_all_readers() {
        let list = MediaType::DOCKER_LIST;
        for (bytes, content_type, expected) in [
            (INDEX, MediaType::OCI_INDEX, ""),
            (INDEX, "text/plain; charset=utf-8", ""),
            (INDEX, "", ""),
            (PLAIN, list, ""),
            (INDEX, list, "says of itself"),
            (PLAIN, "application/json", "what type it is"),
            (PLAIN, MediaType::OCI_MANIFEST, "cannot be read"),
            (b"{\"mediaType\":\"a/b\"}", "", "not supported"),
            (b"<html>", "text/html", "what type it is"),
        ] {
            let found = verify(bytes, content_type, "", "1").err().unwrap_or_default();
            assert_eq!(found.is_empty(), expected.is_empty(), "{content_type}: {found}");
            assert!(found.contains(expected), "{content_type}: {found}");
        }
    }

    #[test]
    fn the_size_in_the_index_must_be_right() {
        for (size, is_right) in [(INDEX.len() as u64, true), (1, false), (u64::MAX, false)] {
            let listed = Descriptor::new(MediaType::OCI_INDEX, Digest::of(INDEX), size);
            let reference = Reference::Digest(listed.digest.clone());
            let document = Document::verify(&HeaderMap::new(), INDEX.to_vec(), &reference, Some(&listed));
            assert_eq!(document.is_ok(), is_right, "{size}");
        }
    }
}

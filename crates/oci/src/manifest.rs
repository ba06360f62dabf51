use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, MediaType};

/// What a manifest refers to. The manifest itself is its bytes and is carried as such; this is what was read in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image: its configuration and its layers, lowest first.
    Image {
        /// The image's configuration.
        config: Descriptor,
        /// The layers, in the order in which they are laid on one another.
        layers: Vec<Descriptor>,
    },
    /// A choice of manifests, mostly one a platform.
    Index {
        /// The manifests to choose from.
        manifests: Vec<Descriptor>,
    },
}

/// A reference to content: its type, digest and size (OCI image specification 1.1, "Descriptors").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: MediaType,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes.
    pub size: u64,
    /// In an index: where the image runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where an image runs, in Go's names (`linux`, `amd64`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The processor, such as `amd64` or `arm64`.
    pub architecture: String,
    /// The operating system, such as `linux`.
    pub os: String,
    /// The variant of the processor, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// Bytes that are not a manifest of the type they came with.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// The type is none of the four that are understood.
    #[error("manifest type `{0}` is not supported; expected an OCI or Docker (schema 2) image manifest, index or list")]
    MediaType(MediaType),
    /// Longer than [`Manifest::MAX_LENGTH`].
    #[error("the manifest has {0} bytes; at most {max} are taken", max = Manifest::MAX_LENGTH)]
    TooLong(usize),
    /// Not the JSON that the type promises.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Manifest {
    /// The longest manifest in bytes: the 4 MiB that the distribution specification asks registries to take.
    pub const MAX_LENGTH: usize = 4 * 1024 * 1024;

    /// Reads what the manifest refers to.
    ///
    /// # Errors
    /// See [`InvalidManifest`].
    pub fn parse(media_type: &MediaType, bytes: &[u8]) -> Result<Self, InvalidManifest> {
        #[derive(Deserialize)]
        struct Image {
            config: Descriptor,
            layers: Vec<Descriptor>,
        }
        #[derive(Deserialize)]
        struct Index {
            manifests: Vec<Descriptor>,
        }
        if bytes.len() > Self::MAX_LENGTH {
            return Err(InvalidManifest::TooLong(bytes.len()));
        }
        if media_type.is_index() {
            let Index { manifests } = serde_json::from_slice(bytes)?;
            return Ok(Self::Index { manifests });
        }
        if !media_type.is_manifest() {
            return Err(InvalidManifest::MediaType(media_type.clone()));
        }
        let Image { config, layers } = serde_json::from_slice(bytes)?;
        Ok(Self::Image { config, layers })
    }

    /// Everything that the manifest refers to: configuration and layers, or manifests.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, rest) = match self {
            Self::Image { config, layers } => (Some(config), layers),
            Self::Index { manifests } => (None, manifests),
        };
        config.into_iter().chain(rest)
    }
}

impl Descriptor {
    /// A descriptor without platform and annotations.
    pub fn new(media_type: impl Into<MediaType>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptor(content: &[u8]) -> Descriptor {
        Descriptor::new(MediaType::OCI_CONFIG, Digest::of(content), content.len() as u64)
    }

    #[test]
    fn an_image_has_its_configuration_first() {
        let bytes = serde_json::to_vec(&serde_json::json!({
            "schemaVersion": 2, "config": descriptor(b"c"), "layers": [descriptor(b"1"), descriptor(b"2")], "new": 1,
        }))
        .unwrap();
        let manifest = Manifest::parse(&MediaType::OCI_MANIFEST.into(), &bytes).unwrap();
        let children: Vec<_> = manifest.children().map(|child| child.digest.clone()).collect();
        assert_eq!(children, [Digest::of(b"c"), Digest::of(b"1"), Digest::of(b"2")]);
    }

    #[test]
    fn an_index_lists_manifests() {
        let bytes = serde_json::to_vec(&serde_json::json!({ "manifests": [descriptor(b"m")] })).unwrap();
        let manifest = Manifest::parse(&MediaType::DOCKER_LIST.into(), &bytes).unwrap();
        assert_eq!(manifest.children().count(), 1);
    }

    #[test]
    fn a_type_or_a_form_that_is_not_understood_is_an_error() {
        let schema1 = MediaType::from_header("application/vnd.docker.distribution.manifest.v1+json").unwrap();
        assert!(matches!(
            Manifest::parse(&schema1, b"{}"),
            Err(InvalidManifest::MediaType(_))
        ));
        let oci = MediaType::OCI_MANIFEST.into();
        assert!(matches!(
            Manifest::parse(&oci, b"{\"layers\":[]}"),
            Err(InvalidManifest::Json(_))
        ));
        assert!(matches!(
            Manifest::parse(&oci, &vec![b' '; Manifest::MAX_LENGTH + 1]),
            Err(InvalidManifest::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&MediaType::OCI_INDEX.into(), &bytes);
        }
    }
}

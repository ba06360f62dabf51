use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use jiff::Timestamp;
use oci::{Descriptor, Digest, InvalidManifest, Manifest, MediaType};
use serde::{Deserialize, Serialize};

/// A manifest, kept as the bytes that were pushed, with what was read in them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) media_type: MediaType,
    /// Kept in a file of its own; see [`Image::restore`].
    #[serde(skip)]
    pub(crate) bytes: Bytes,
    pub(crate) pushed: Timestamp,
    #[serde(skip)]
    content: Arc<Content>,
}

#[derive(Debug)]
struct Content {
    manifest: Manifest,
    subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
    /// When the image was last pulled, in milliseconds since 1970; zero where it never was. It is noted under a lock
    /// for readers, and is not kept.
    pulled: AtomicI64,
}

/// What OCI 1.1 adds to manifests of both kinds (image specification, "Image Manifest", "Image Index").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Image {
    /// Reads a manifest of a type.
    pub(crate) fn read(media_type: MediaType, bytes: Bytes, pushed: Timestamp) -> Result<Self, InvalidManifest> {
        let manifest = Manifest::parse(&media_type, &bytes)?;
        let extension = serde_json::from_slice::<Extension>(&bytes)?;
        let config_type = match &manifest {
            Manifest::Image { config, .. } => Some(config.media_type.as_str().to_owned()),
            Manifest::Index { .. } => None,
        };
        let content = Content {
            manifest,
            subject: extension.subject.map(|subject| subject.digest),
            artifact_type: extension.artifact_type.filter(|kind| !kind.is_empty()).or(config_type),
            annotations: extension.annotations.unwrap_or_default(),
            pulled: AtomicI64::new(0),
        };
        Ok(Self {
            media_type,
            bytes,
            pushed,
            content: Arc::new(content),
        })
    }

    /// Gives an image that was read from an archive its bytes, without which it is empty.
    pub(crate) fn restore(&mut self, bytes: Bytes) -> Result<(), InvalidManifest> {
        *self = Self::read(self.media_type.clone(), bytes, self.pushed)?;
        Ok(())
    }

    /// What was read in the bytes.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.content.manifest
    }

    /// What the manifest refers to: configuration and layers, or manifests.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Digest> {
        self.content.manifest.children().map(|child| &child.digest)
    }

    /// The bytes of the configuration and the layers, by the manifest's word; none of an index.
    pub(crate) fn content_size(&self) -> u64 {
        match self.manifest() {
            Manifest::Image { config, layers } => layers
                .iter()
                .fold(config.size, |sum, layer| sum.saturating_add(layer.size)),
            Manifest::Index { .. } => 0,
        }
    }

    /// What the image is about, where it is a signature, a list of materials or the like.
    pub(crate) fn subject(&self) -> Option<&Digest> {
        self.content.subject.as_ref()
    }

    /// `artifactType`, or else the type of the configuration.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.content.artifact_type.as_deref()
    }

    pub(crate) fn note_pull(&self, now: Timestamp) {
        self.content.pulled.store(now.as_millisecond(), Ordering::Relaxed);
    }

    /// When the image was last pulled.
    pub(crate) fn pulled(&self) -> Option<Timestamp> {
        let pulled = self.content.pulled.load(Ordering::Relaxed);
        Timestamp::from_millisecond(pulled).ok().filter(|_| pulled != 0)
    }

    pub(crate) fn annotations(&self) -> &BTreeMap<String, String> {
        &self.content.annotations
    }
}

impl Default for Content {
    fn default() -> Self {
        Self {
            manifest: Manifest::Index { manifests: Vec::new() },
            subject: None,
            artifact_type: None,
            annotations: BTreeMap::new(),
            pulled: AtomicI64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(media_type: &'static str, manifest: &serde_json::Value) -> Result<Image, InvalidManifest> {
        Image::read(
            media_type.into(),
            Bytes::from(manifest.to_string()),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn descriptor(media_type: &str, content: &str) -> serde_json::Value {
        json!({"mediaType": media_type, "digest": Digest::of(content.as_bytes()).to_string(), "size": content.len()})
    }

    #[test]
    fn an_artifact_says_what_it_is_and_what_it_is_about() {
        let mut manifest = json!({
            "config": descriptor("application/vnd.oci.empty.v1+json", "{}"),
            "layers": [descriptor("text/plain", "abc")],
            "subject": descriptor(MediaType::OCI_MANIFEST, "subject"),
            "annotations": {"a": "b"},
        });
        let image = read(MediaType::OCI_MANIFEST, &manifest).unwrap();
        assert_eq!(image.artifact_type(), Some("application/vnd.oci.empty.v1+json"));
        assert_eq!(image.subject(), Some(&Digest::of(b"subject")));
        assert_eq!((image.content_size(), image.children().count()), (5, 2));
        assert_eq!(image.annotations()["a"], "b");
        manifest["artifactType"] = json!("application/spdx+json");
        let image = read(MediaType::OCI_MANIFEST, &manifest).unwrap();
        assert_eq!(image.artifact_type(), Some("application/spdx+json"));
        manifest["subject"] = json!("nonsense");
        assert!(read(MediaType::OCI_MANIFEST, &manifest).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Image::read(MediaType::OCI_INDEX.into(), bytes.into(), Timestamp::UNIX_EPOCH);
        }
    }
}

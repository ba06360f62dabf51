//! What belongs to an image, by what the cache has of it.

use content::Inventory;
use oci::{Digest, ImageReference, Manifest, MediaType, Reference, Tag};
use serde::Deserialize;

use super::{Failed, disk};
use crate::serve::Config;

/// An image, as far as the cache knows it.
#[derive(Debug)]
pub(super) struct Known {
    /// Its manifest or index.
    pub(super) digest: Digest,
    /// Everything that belongs to it, the manifest first.
    pub(super) content: Vec<Digest>,
}

/// What makes an index of a manifest that does not say its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    manifests: Option<serde::de::IgnoredAny>,
}

impl Known {
    /// Follows the image's tag, and its index where it has one.
    pub(super) fn find(inventory: &Inventory, config: &Config, image: &ImageReference) -> Result<Self, Failed> {
        let digest = match &image.reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => latest(inventory, config, image, tag)?,
        };
        let mut content = Vec::new();
        let mut open = vec![digest.clone()];
        while let Some(digest) = open.pop() {
            if content.contains(&digest) {
                continue;
            }
            let manifest = read(inventory, &digest)?;
            if manifest.is_none() && content.is_empty() {
                return Err(Failed::Input(format!(
                    "image `{image}`: its manifest {digest} is not in the cache; expected an image that was pulled; pull it first"
                )));
            }
            content.push(digest);
            match manifest {
                Some(Manifest::Index { manifests }) => open.extend(manifests.into_iter().map(|child| child.digest)),
                Some(image) => content.extend(image.children().map(|child| child.digest.clone())),
                // Another platform's, which nobody has pulled.
                None => {}
            }
        }
        Ok(Self { digest, content })
    }
}

/// What the tag meant when an upstream was last asked, for whomever.
fn latest(inventory: &Inventory, config: &Config, image: &ImageReference, tag: &Tag) -> Result<Digest, Failed> {
    let tags = inventory.tags().map_err(disk)?;
    let matching = tags.into_iter().filter(|known| {
        // Team, upstream, registry and caller make a scope.
        let repository = known.repository.as_str();
        let is_direct = known.scope.get(2) == Some(&image.host) && repository == image.repository.as_str();
        let is_through_proxy = image.host == config.public_url.authority()
            && image.repository.as_str().split_once('/').is_some_and(|(first, rest)| {
                rest == repository && known.scope[1..].iter().take(2).any(|part| part == first)
            });
        known.tag == *tag && (is_direct || is_through_proxy)
    });
    let latest = matching.max_by_key(|known| known.confirmed_at);
    latest.map(|known| known.digest).ok_or_else(|| {
        Failed::Input(format!(
            "image `{image}` is not in the cache; expected one that was pulled, named as it was, or with its registry's host; pull it first"
        ))
    })
}

fn read(inventory: &Inventory, digest: &Digest) -> Result<Option<Manifest>, Failed> {
    let Some(bytes) = inventory.read(digest, Manifest::MAX_LENGTH as u64).map_err(disk)? else {
        return Ok(None);
    };
    let is_index = serde_json::from_slice::<Shape>(&bytes).is_ok_and(|shape| shape.manifests.is_some());
    let media_type = if is_index {
        MediaType::OCI_INDEX
    } else {
        MediaType::OCI_MANIFEST
    };
    let manifest = Manifest::parse(&media_type.into(), &bytes);
    manifest
        .map(Some)
        .map_err(|error| Failed::Input(format!("{digest} is no manifest: {error}")))
}

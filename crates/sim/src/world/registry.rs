//! What private registries hold.

mod image;
mod lifecycle;
mod mutability;
mod storing;

use std::collections::BTreeMap;

use iam::AccountId;
use jiff::Timestamp;
use oci::{Digest, MediaType, Reference, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{host::Region, identity::account_text};

pub(crate) use image::Image;
pub(crate) use lifecycle::{InvalidLifecyclePolicy, LifecyclePolicy};
pub(crate) use mutability::{Mutability, MutabilityKind, TagFilter};
pub(crate) use storing::{NotStored, StillReferenced};

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RepositoryKey {
    #[serde(with = "account_text")]
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: RepositoryName,
}

/// A repository of a registry.
#[derive(Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) created: Timestamp,
    pub(crate) policy: Option<Document>,
    /// The tags of the repository itself, by their keys; not those of its images.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) mutability: Mutability,
    #[serde(default)]
    pub(crate) scan_on_push: bool,
    #[serde(default)]
    pub(crate) lifecycle: Option<LifecyclePolicy>,
    pub(crate) layers: BTreeMap<Digest, Layer>,
    pub(crate) images: BTreeMap<Digest, Image>,
    pub(crate) tags: BTreeMap<Tag, Digest>,
}

/// A layer that a repository has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) size: u64,
    /// The object's key in the layer bucket: `<hash>-<account>-<uuid>/<uuid>`.
    pub(crate) object: String,
    /// What the first image that refers to the layer says it is; none as long as no image does.
    #[serde(default)]
    pub(crate) media_type: Option<MediaType>,
}

impl RepositoryKey {
    pub(crate) fn new(account: AccountId, region: &Region, name: &RepositoryName) -> Self {
        Self {
            account,
            region: region.clone(),
            name: name.clone(),
        }
    }

    pub(crate) fn arn(&self) -> String {
        let Self { account, region, name } = self;
        if region.is_public() {
            return format!("arn:aws:ecr-public::{account}:repository/{name}");
        }
        format!("arn:aws:ecr:{region}:{account}:repository/{name}")
    }
}

impl Repository {
    pub(crate) fn new(created: Timestamp) -> Self {
        Self {
            created,
            policy: None,
            labels: BTreeMap::new(),
            mutability: Mutability::default(),
            scan_on_push: false,
            lifecycle: None,
            layers: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// The manifest that a tag or a digest means.
    pub(crate) fn image(&self, reference: &Reference) -> Option<(&Digest, &Image)> {
        let digest = match reference {
            Reference::Tag(tag) => self.tags.get(tag)?,
            Reference::Digest(digest) => digest,
        };
        self.images.get_key_value(digest)
    }

    /// The tags of an image, in their order.
    pub(crate) fn tags_of<'r>(&'r self, digest: &'r Digest) -> impl Iterator<Item = &'r Tag> {
        self.tags
            .iter()
            .filter(move |(_, tagged)| *tagged == digest)
            .map(|(tag, _)| tag)
    }

    /// The size of an image in bytes: its configuration and layers, or the largest of its images.
    pub(crate) fn size_of(&self, image: &Image) -> u64 {
        if !image.media_type.is_index() {
            return image.content_size();
        }
        let images = image.children().filter_map(|child| self.images.get(child));
        images.map(Image::content_size).max().unwrap_or_default()
    }

    /// The images that say that `subject` is what they are about.
    pub(crate) fn referrers<'r>(&'r self, subject: &'r Digest) -> impl Iterator<Item = (&'r Digest, &'r Image)> {
        self.images
            .iter()
            .filter(move |(_, image)| image.subject() == Some(subject))
    }
}

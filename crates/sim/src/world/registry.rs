use std::collections::BTreeMap;

use bytes::Bytes;
use iam::AccountId;
use jiff::Timestamp;
use oci::{Digest, MediaType, Reference, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{host::Region, identity::account_text};

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
}

/// A manifest, kept as the bytes that were pushed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) media_type: MediaType,
    /// Kept in a file of its own.
    #[serde(skip)]
    pub(crate) bytes: Bytes,
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
        repository_arn(self.account, &self.region, &self.name)
    }
}

impl Repository {
    pub(crate) fn new(created: Timestamp) -> Self {
        Self {
            created,
            policy: None,
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
}

pub(crate) fn repository_arn(account: AccountId, region: &Region, name: &RepositoryName) -> String {
    format!("arn:aws:ecr:{region}:{account}:repository/{name}")
}

use oci::{Digest, Reference, Tag};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{Image, Repository};

/// `imageDigest`, `imageTag`, or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageId {
    pub(super) image_digest: Option<String>,
    pub(super) image_tag: Option<String>,
}

/// Why an image id means no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoImage {
    InvalidDigest,
    InvalidTag,
    TagDoesNotMatchDigest,
    NotFound,
    Empty,
}

/// What an image id that is well-formed asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) digest: Option<Digest>,
    pub(super) tag: Option<Tag>,
}

impl ImageId {
    /// Reads the digest and the tag.
    pub(super) fn read(&self) -> Result<Wanted, NoImage> {
        if self.image_digest.is_none() && self.image_tag.is_none() {
            return Err(NoImage::Empty);
        }
        let digest = self.image_digest.as_deref().map(str::parse).transpose();
        let tag = self.image_tag.as_deref().map(str::parse).transpose();
        Ok(Wanted {
            digest: digest.map_err(|_| NoImage::InvalidDigest)?,
            tag: tag.map_err(|_| NoImage::InvalidTag)?,
        })
    }

    /// The id as it came, with what more is known.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({});
        if let Some(digest) = &self.image_digest {
            shown["imageDigest"] = json!(digest);
        }
        if let Some(tag) = &self.image_tag {
            shown["imageTag"] = json!(tag);
        }
        shown
    }

    /// The id as it stands in messages.
    pub(super) fn in_words(&self) -> String {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "null".to_owned());
        format!(
            "{{imageDigest:'{}', imageTag:'{}'}}",
            word(&self.image_digest),
            word(&self.image_tag)
        )
    }

    /// The image in a repository.
    pub(super) fn find<'r>(&self, repository: &'r Repository) -> Result<(&'r Digest, &'r Image), NoImage> {
        let Wanted { digest, tag } = self.read()?;
        let by_tag = tag.map(|tag| repository.image(&Reference::Tag(tag)).ok_or(NoImage::NotFound));
        let Some(digest) = digest else {
            return by_tag.unwrap_or(Err(NoImage::NotFound));
        };
        let found = repository.images.get_key_value(&digest).ok_or(NoImage::NotFound)?;
        match by_tag.transpose()? {
            Some((tagged, _)) if *tagged != digest => Err(NoImage::TagDoesNotMatchDigest),
            _ => Ok(found),
        }
    }
}

impl NoImage {
    /// The entry of a batch's `failures`.
    pub(super) fn failure(self, id: &ImageId) -> Value {
        failure(id, self.code(), self.reason())
    }

    fn code(self) -> &'static str {
        match self {
            Self::InvalidDigest => "InvalidImageDigest",
            Self::InvalidTag => "InvalidImageTag",
            Self::TagDoesNotMatchDigest => "ImageTagDoesNotMatchDigest",
            Self::NotFound => "ImageNotFound",
            Self::Empty => "MissingDigestAndTag",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::InvalidDigest => {
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
            }
            Self::InvalidTag => "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
            Self::TagDoesNotMatchDigest => "Tag provided does not match provided digest",
            Self::NotFound => "Requested image not found",
            Self::Empty => "Invalid request parameters: both tag and digest cannot be null",
        }
    }
}

pub(super) fn failure(id: &ImageId, code: &str, reason: &str) -> Value {
    json!({"imageId": id.shown(), "failureCode": code, "failureReason": reason})
}

use std::{collections::BTreeSet, fmt};

use oci::{Descriptor, Digest, Manifest, MediaType, Tag};

use super::{Image, Layer, Repository};

/// Why an image was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotStored {
    /// Layers that the manifest refers to are not there.
    LayersMissing(Vec<Digest>),
    /// Images that the index refers to are not there.
    ImagesMissing(Vec<Digest>),
    /// The tag is there and may not be moved, or given again.
    TagPinned(Tag),
    /// The repository has as many images as it may.
    Full,
}

/// The indexes that an image cannot be removed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StillReferenced(pub(crate) Vec<Digest>);

impl Repository {
    /// "Images per repository" (ECR user guide, "Amazon ECR service quotas").
    const MAX_IMAGES: usize = 100_000;

    /// Keeps an image, whose digest is `digest`, and lets a tag mean it. Nothing it refers to may be missing.
    pub(crate) fn store(&mut self, digest: &Digest, image: Image, tag: Option<&Tag>) -> Result<(), NotStored> {
        self.check_references(&image)?;
        if let Some(tag) = tag.filter(|tag| self.tags.contains_key(tag) && self.mutability.pins(tag)) {
            return Err(NotStored::TagPinned(tag.clone()));
        }
        if self.images.len() >= Self::MAX_IMAGES && !self.images.contains_key(digest) {
            return Err(NotStored::Full);
        }
        self.note_media_types(&image);
        // What is there already was pushed when it was pushed.
        self.images.entry(digest.clone()).or_insert(image);
        if let Some(tag) = tag {
            self.tags.insert(tag.clone(), digest.clone());
        }
        Ok(())
    }

    /// Takes a tag away; with its last tag the image goes (service model, `BatchDeleteImage`). The layers are those
    /// that no image refers to any more.
    pub(crate) fn untag(&mut self, tag: &Tag) -> Result<Vec<Layer>, StillReferenced> {
        let Some(digest) = self.tags.get(tag).cloned() else {
            return Ok(Vec::new());
        };
        let is_last = self.tags_of(&digest).nth(1).is_none();
        let layers = if is_last {
            self.remove_image(&digest)?
        } else {
            Vec::new()
        };
        self.tags.remove(tag);
        Ok(layers)
    }

    /// Removes an image and all its tags, unless an index needs it. The layers are those that no image refers to any
    /// more.
    pub(crate) fn remove_image(&mut self, digest: &Digest) -> Result<Vec<Layer>, StillReferenced> {
        let indexes = self.images.iter().filter(|(_, image)| image.media_type.is_index());
        let needing = indexes.filter(|(_, image)| image.children().any(|child| child == digest));
        let needing = needing.map(|(index, _)| index.clone()).collect::<Vec<_>>();
        if !needing.is_empty() {
            return Err(StillReferenced(needing));
        }
        let Some(removed) = self.images.remove(digest) else {
            return Ok(Vec::new());
        };
        self.tags.retain(|_, tagged| tagged != digest);
        if removed.media_type.is_index() {
            return Ok(Vec::new());
        }
        let mut unneeded = removed.children().collect::<BTreeSet<_>>();
        for needed in self.images.values().flat_map(Image::children) {
            unneeded.remove(needed);
        }
        let layers = unneeded.into_iter().filter_map(|layer| self.layers.remove(layer));
        Ok(layers.collect())
    }

    fn check_references(&self, image: &Image) -> Result<(), NotStored> {
        let manifest = image.manifest();
        let is_there = |child: &Descriptor| match manifest {
            Manifest::Image { .. } => self.layers.contains_key(&child.digest) || is_foreign(&child.media_type),
            Manifest::Index { .. } => self.images.contains_key(&child.digest),
        };
        let missing = manifest.children().filter(|child| !is_there(child));
        let missing = missing.map(|child| child.digest.clone()).collect::<Vec<_>>();
        match manifest {
            _ if missing.is_empty() => Ok(()),
            Manifest::Image { .. } => Err(NotStored::LayersMissing(missing)),
            Manifest::Index { .. } => Err(NotStored::ImagesMissing(missing)),
        }
    }

    fn note_media_types(&mut self, image: &Image) {
        for child in image.manifest().children() {
            if let Some(layer) = self.layers.get_mut(&child.digest) {
                layer.media_type.get_or_insert_with(|| child.media_type.clone());
            }
        }
    }
}

impl NotStored {
    /// AWS's sentence; the same through the API and in the registry.
    pub(crate) fn sentence(&self, name: &impl fmt::Display, registry: &impl fmt::Display) -> String {
        let missing = |kind: &str, digests: &[Digest]| {
            let digests = digests.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ");
            format!(
                "{kind} with digests '[{digests}]' required for pushing image into repository with name '{name}' in \
                 the registry with id '{registry}' do not exist"
            )
        };
        match self {
            Self::LayersMissing(digests) => missing("Layers", digests),
            Self::ImagesMissing(digests) => missing("Images", digests),
            Self::TagPinned(tag) => format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the \
                 tag is immutable."
            ),
            Self::Full => format!(
                "The repository with name '{name}' in the registry with id '{registry}' already has the maximum allowed \
                 number of images which is '{}'",
                Repository::MAX_IMAGES
            ),
        }
    }
}

impl fmt::Display for StillReferenced {
    /// AWS's sentence; the same through the API and in the registry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indexes = self.0.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "Requested image referenced by manifest list: [{indexes}]")
    }
}

/// Layers that may not be distributed stay where their URLs say.
fn is_foreign(media_type: &MediaType) -> bool {
    media_type.as_str().contains("nondistributable") || media_type.as_str().contains(".foreign.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::Timestamp;

    #[test]
    fn a_repository_may_be_full() {
        let manifest = Bytes::from_static(b"{\"manifests\":[]}");
        let image = Image::read(MediaType::OCI_INDEX.into(), manifest, Timestamp::UNIX_EPOCH).unwrap();
        let mut repository = Repository::new(Timestamp::UNIX_EPOCH);
        let digest = |n: usize| Digest::of(&n.to_le_bytes());
        repository.images = (1..Repository::MAX_IMAGES)
            .map(|n| (digest(n), image.clone()))
            .collect();
        repository.store(&digest(0), image.clone(), None).unwrap();
        let one_more = repository.store(&digest(Repository::MAX_IMAGES), image.clone(), None);
        assert_eq!(one_more, Err(NotStored::Full));
        // One that is there may get a tag.
        let tag = "1".parse().unwrap();
        repository.store(&digest(1), image, Some(&tag)).unwrap();
    }
}

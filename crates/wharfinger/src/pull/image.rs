//! What an image consists of: the documents and blobs that a reference leads to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oci::{Descriptor, Digest, Manifest, MediaType, Reference};

use super::{
    PullError,
    document::Document,
    platform::Selection,
    progress::{BlobKind, Event, Progress},
    registry::{Registry, printable},
};

/// Everything that has to be there for an image to be whole.
#[derive(Debug)]
pub(crate) struct Image {
    /// The manifest or index that stands for the image.
    pub(crate) top: Descriptor,
    /// The index in which the manifest was found, where there was one.
    pub(crate) index: Option<Digest>,
    /// Every manifest and index, `top` included.
    pub(crate) documents: Vec<Document>,
    /// Every blob, once.
    pub(crate) blobs: Vec<Piece>,
}

/// A blob of an image.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) kind: BlobKind,
    pub(crate) descriptor: Descriptor,
}

/// An image that is refused for what its manifests say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// More manifests than anybody needs.
    #[error("the index {0} leads to more than {MOST_DOCUMENTS} manifests, or to more than {MOST_BYTES} bytes of them")]
    TooMany(Digest),
    /// Indexes in indexes in indexes.
    #[error("the index {0} leads through more than {DEEPEST} indexes to an image")]
    TooDeep(Digest),
    /// One digest cannot have two sizes.
    #[error("the manifests state two sizes for {digest}: {one} and {other} bytes")]
    TwoSizes {
        /// The blob.
        digest: Digest,
        /// One size.
        one: u64,
        /// Another.
        other: u64,
    },
}

impl Image {
    /// Follows a reference to an image: through an index to the platform's image, or to all of them.
    pub(crate) async fn resolve(
        registry: &Registry,
        reference: &Reference,
        selection: &Selection,
        progress: &dyn Progress,
    ) -> Result<Self, PullError> {
        if *selection == Selection::All {
            return Self::gather(registry, reference, &[Selection::All], progress).await;
        }
        let first = Document::fetch(registry, reference).await?;
        announce(&first, progress);
        let (document, index) = one(registry, first, selection, progress).await?;
        Ok(Self::of(vec![document], index)?)
    }

    /// Follows a reference to what it names and, of an index, to the images of these platforms. An image that is not in an
    /// index is taken whatever its platform is.
    pub(crate) async fn gather(
        registry: &Registry,
        reference: &Reference,
        platforms: &[Selection],
        progress: &dyn Progress,
    ) -> Result<Self, PullError> {
        let first = Document::fetch(registry, reference).await?;
        announce(&first, progress);
        if platforms.contains(&Selection::All) {
            let documents = everything(registry, first, progress).await?;
            return Ok(Self::of(documents, None)?);
        }
        let mut documents = vec![first.clone()];
        for platform in platforms {
            let (document, _) = one(registry, first.clone(), platform, progress).await?;
            let digest = &document.descriptor.digest;
            if documents.iter().all(|known| known.descriptor.digest != *digest) {
                documents.push(document);
            }
        }
        Ok(Self::of(documents, None)?)
    }

    /// The configuration that tells the platform of an image that was not found in an index.
    pub(crate) fn own_configuration(&self) -> Option<&Descriptor> {
        let Manifest::Image { config, .. } = &self.documents.first()?.manifest else {
            return None;
        };
        (is_configuration(&config.media_type) && self.index.is_none()).then_some(config)
    }

    /// Whether Docker could load it.
    pub(crate) fn check_archivable(&self) -> Result<(), PullError> {
        for document in &self.documents {
            if let Manifest::Image { config, .. } = &document.manifest
                && !is_configuration(&config.media_type)
            {
                return Err(PullError::ArchiveOfArtifact(printable(config.media_type.as_str())));
            }
        }
        Ok(())
    }

    fn of(documents: Vec<Document>, index: Option<Digest>) -> Result<Self, ImageError> {
        let top = documents.first().map(|document| document.descriptor.clone());
        // The callers hand over at least the document that the reference names.
        let top = top.expect("an image has a document");
        let mut sizes = BTreeMap::new();
        let mut blobs = Vec::new();
        for document in &documents {
            let Manifest::Image { config, layers } = &document.manifest else {
                continue;
            };
            let layers = layers.iter().map(|layer| (BlobKind::Layer, layer));
            for (kind, descriptor) in [(BlobKind::Configuration, config)].into_iter().chain(layers) {
                match sizes.insert(descriptor.digest.clone(), descriptor.size) {
                    Some(size) if size != descriptor.size => {
                        return Err(ImageError::TwoSizes {
                            digest: descriptor.digest.clone(),
                            one: size,
                            other: descriptor.size,
                        });
                    }
                    Some(_) => {}
                    None => blobs.push(Piece {
                        kind,
                        descriptor: descriptor.clone(),
                    }),
                }
            }
        }
        Ok(Self {
            top,
            index,
            documents,
            blobs,
        })
    }
}

/// The platform's image, and the index in which it was found.
async fn one(
    registry: &Registry,
    first: Document,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<(Document, Option<Digest>), PullError> {
    let top = first.descriptor.digest.clone();
    let mut document = first;
    for depth in 0..=DEEPEST {
        let Manifest::Index { manifests } = &document.manifest else {
            return Ok((document, (depth > 0).then_some(top)));
        };
        let chosen = selection.choose(manifests)?;
        if let Some(platform) = &chosen.platform {
            let digest = &chosen.digest;
            progress.event(&Event::Platform { platform, digest });
        }
        document = Document::fetch_listed(registry, chosen).await?;
        announce(&document, progress);
    }
    Err(ImageError::TooDeep(top).into())
}

/// An index and everything that it leads to, the index first.
async fn everything(registry: &Registry, first: Document, progress: &dyn Progress) -> Result<Vec<Document>, PullError> {
    let top = first.descriptor.digest.clone();
    let mut seen = BTreeSet::from([top.clone()]);
    let mut waiting = VecDeque::new();
    let mut bytes = first.descriptor.size;
    let mut documents = vec![first];
    loop {
        if let Some(Document {
            manifest: Manifest::Index { manifests },
            ..
        }) = documents.last()
        {
            waiting.extend(
                manifests
                    .iter()
                    .filter(|listed| seen.insert(listed.digest.clone()))
                    .cloned(),
            );
        }
        let Some(listed) = waiting.pop_front() else {
            return Ok(documents);
        };
        bytes = bytes.saturating_add(listed.size);
        if seen.len() > MOST_DOCUMENTS || bytes > MOST_BYTES {
            return Err(ImageError::TooMany(top).into());
        }
        let document = Document::fetch_listed(registry, &listed).await?;
        announce(&document, progress);
        documents.push(document);
    }
}

fn is_configuration(media_type: &MediaType) -> bool {
    matches!(media_type.as_str(), MediaType::OCI_CONFIG | DOCKER_CONFIG)
}

fn announce(document: &Document, progress: &dyn Progress) {
    let Descriptor {
        digest,
        media_type,
        size,
        ..
    } = &document.descriptor;
    progress.event(&Event::Manifest {
        digest,
        media_type,
        size: *size,
    });
}

const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const MOST_DOCUMENTS: usize = 1000;
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const DEEPEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn document(layers: &[(&str, u64)]) -> Document {
        let blob = |(content, size): &(&str, u64)| {
            Descriptor::new(MediaType::OCI_LAYER_GZIP, Digest::of(content.as_bytes()), *size)
        };
        Document {
            descriptor: Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(b"manifest"), 1),
            bytes: Default::default(),
            manifest: Manifest::Image {
                config: blob(&("config", 6)),
                layers: layers.iter().map(blob).collect(),
            },
        }
    }

    #[test]
    fn a_blob_that_is_named_twice_is_needed_once() {
        let image = Image::of(
            vec![document(&[("a", 1), ("b", 1), ("a", 1)]), document(&[("a", 1)])],
            None,
        )
        .unwrap();
        assert_eq!(image.blobs.len(), 3);
        assert_eq!(image.blobs[0].kind, BlobKind::Configuration);
    }

    #[test]
    fn a_blob_with_two_sizes_is_refused() {
        let error = Image::of(vec![document(&[("a", 1), ("a", 2)])], None).unwrap_err();
        assert!(error.to_string().ends_with("1 and 2 bytes"), "{error}");
    }
}

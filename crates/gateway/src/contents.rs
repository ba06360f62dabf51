use std::sync::Arc;

use content::Place;
use oci::{Digest, Manifest, MediaType};
use quick_cache::sync::Cache;

/// What manifests that were served say of their blobs: how large each is, and which belong together. A hint, for who asks
/// for one of them will ask for the others; nothing is decided by it that has to be right.
pub(crate) struct Contents(Cache<(Place, Digest), Arc<Image>>);

/// The blobs of a manifest, in its order: the configuration, then the layers.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) manifest: Digest,
    pub(crate) blobs: Vec<(Digest, u64)>,
}

impl Contents {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Takes note of an image's manifest.
    pub(crate) fn note(&self, place: &Place, digest: &Digest, media_type: &MediaType, bytes: &[u8]) {
        let Ok(manifest @ Manifest::Image { .. }) = Manifest::parse(media_type, bytes) else {
            return;
        };
        let blobs: Vec<_> = manifest
            .children()
            .map(|child| (child.digest.clone(), child.size))
            .take(MOST_BLOBS)
            .collect();
        let image = Arc::new(Image {
            manifest: digest.clone(),
            blobs,
        });
        for (blob, _) in &image.blobs {
            self.0.insert((place.clone(), blob.clone()), image.clone());
        }
    }

    /// The image that the blob belongs to, as far as that is known.
    pub(crate) fn image(&self, place: &Place, blob: &Digest) -> Option<Arc<Image>> {
        self.0.get(&(place.clone(), blob.clone()))
    }

    /// How large the blob is to be.
    pub(crate) fn size(&self, place: &Place, blob: &Digest) -> Option<u64> {
        let image = self.image(place, blob)?;
        image
            .blobs
            .iter()
            .find(|(digest, _)| digest == blob)
            .map(|(_, size)| *size)
    }
}

const MOST: usize = 16 * 1024;
/// Images of more layers are not what anybody runs (127 is what file systems of containers take).
const MOST_BLOBS: usize = 256;

#[cfg(test)]
mod tests {
    use content::Scope;
    use oci::Descriptor;

    use super::*;

    #[test]
    fn a_manifest_tells_of_its_blobs_in_its_own_place_alone() {
        let blob = |of: &[u8]| Digest::of(of);
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": Descriptor::new(MediaType::OCI_CONFIG, blob(b"c"), 1),
            "layers": [Descriptor::new(MediaType::OCI_LAYER_GZIP, blob(b"one"), 3)],
        });
        let place = |repository: &str| Place {
            scope: Scope::new(["acme"]).unwrap(),
            repository: repository.parse().unwrap(),
        };
        let (contents, bytes) = (Contents::new(), manifest.to_string());
        contents.note(
            &place("team/app"),
            &Digest::of(bytes.as_bytes()),
            &MediaType::OCI_MANIFEST.into(),
            bytes.as_bytes(),
        );
        let image = contents.image(&place("team/app"), &blob(b"c")).unwrap();
        assert_eq!(image.manifest, Digest::of(bytes.as_bytes()));
        assert_eq!(image.blobs, [(blob(b"c"), 1), (blob(b"one"), 3)]);
        assert_eq!(contents.size(&place("team/app"), &blob(b"one")), Some(3));
        assert_eq!(contents.size(&place("team/other"), &blob(b"one")), None);
        contents.note(
            &place("team/app"),
            &blob(b"x"),
            &MediaType::OCI_INDEX.into(),
            b"{\"schemaVersion\":2,\"manifests\":[]}",
        );
        assert_eq!(contents.size(&place("team/app"), &blob(b"x")), None);
    }
}

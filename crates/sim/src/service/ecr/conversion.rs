use bytes::Bytes;
use oci::{Digest, MediaType};
use serde_json::{Value, json};

use crate::world::Image;

/// The types of manifests that a client understands; all of them where it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted(Option<Vec<String>>);

/// A manifest as a client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Bytes,
}

/// Types that mean the same in OCI's and in Docker's words.
const TWINS: [(&str, &str); 5] = [
    (
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ),
    (
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
    ),
    (
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ),
];

impl Accepted {
    /// From the values of `Accept` (RFC 9110 §12.5.1); what a client prefers does not matter to ECR.
    pub(crate) fn from_header<'h>(values: impl IntoIterator<Item = &'h str>) -> Self {
        let ranges = values.into_iter().flat_map(|value| value.split(','));
        let ranges = ranges.map(|range| range.split(';').next().unwrap_or_default().trim());
        Self::from_types(ranges.filter(|range| !range.is_empty()))
    }

    pub(crate) fn from_types<'t>(types: impl IntoIterator<Item = &'t str>) -> Self {
        let types = types.into_iter().map(str::to_ascii_lowercase).collect::<Vec<_>>();
        Self((!types.is_empty()).then_some(types))
    }

    fn takes(&self, media_type: &str) -> bool {
        let Some(types) = &self.0 else { return true };
        types
            .iter()
            .any(|taken| taken == media_type || taken == "*/*" || taken == "application/*")
    }
}

impl Served {
    /// The manifest as it was pushed.
    pub(crate) fn stored(digest: &Digest, image: &Image) -> Self {
        Self {
            digest: digest.clone(),
            media_type: image.media_type.clone(),
            bytes: image.bytes.clone(),
        }
    }

    /// The manifest of a tag, as it was pushed or else in its other form, which has another digest (ECR user guide,
    /// "Amazon ECR image manifest conversion"). None where the client understands neither.
    pub(crate) fn of_tag(digest: &Digest, image: &Image, accepted: &Accepted) -> Option<Self> {
        if accepted.takes(image.media_type.as_str()) {
            return Some(Self::stored(digest, image));
        }
        let target = match image.media_type.as_str() {
            MediaType::OCI_MANIFEST => MediaType::DOCKER_MANIFEST,
            MediaType::OCI_INDEX => MediaType::DOCKER_LIST,
            MediaType::DOCKER_MANIFEST => MediaType::OCI_MANIFEST,
            MediaType::DOCKER_LIST => MediaType::OCI_INDEX,
            _ => return None,
        };
        let mut document = serde_json::from_slice::<Value>(&image.bytes).ok()?;
        document["mediaType"] = json!(target);
        if !image.media_type.is_index() {
            translate(document.get_mut("config")?)?;
            for layer in document.get_mut("layers")?.as_array_mut()? {
                translate(layer)?;
            }
        }
        accepted.takes(target).then(|| {
            let bytes = Bytes::from(document.to_string());
            Self {
                digest: Digest::of(&bytes),
                media_type: target.into(),
                bytes,
            }
        })
    }
}

/// Puts the type of a descriptor into the other words; none where there are no such.
fn translate(descriptor: &mut Value) -> Option<()> {
    let media_type = descriptor.get("mediaType")?.as_str()?;
    let twin = TWINS.iter().find_map(|(oci, docker)| match media_type {
        _ if media_type == *oci => Some(*docker),
        _ if media_type == *docker => Some(*oci),
        _ => None,
    })?;
    descriptor["mediaType"] = json!(twin);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use oci::Manifest;

    fn image(layer_type: &str) -> Image {
        let descriptor = |media_type: &str| json!({"mediaType": media_type, "digest": Digest::of(b"x"), "size": 1});
        let manifest = json!({
            "schemaVersion": 2,
            "config": descriptor(MediaType::OCI_CONFIG),
            "layers": [descriptor(layer_type)],
        });
        let bytes = Bytes::from(manifest.to_string());
        Image::read(MediaType::OCI_MANIFEST.into(), bytes, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn serve(image: &Image, accept: &[&str]) -> Option<Served> {
        let accepted = Accepted::from_header(accept.iter().copied());
        Served::of_tag(&Digest::of(&image.bytes), image, &accepted)
    }

    #[test]
    fn what_is_understood_stays_as_it_is() {
        let image = image(MediaType::OCI_LAYER_GZIP);
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/plain, application/*;q=0.1"],
            &[
                MediaType::DOCKER_LIST,
                "application/vnd.oci.image.manifest.v1+json;q=0.5",
            ],
        ] {
            assert_eq!(serve(&image, accept).unwrap().bytes, image.bytes, "{accept:?}");
        }
    }

    #[test]
    fn the_other_form_is_made_where_there_is_one() {
        let oci = image(MediaType::OCI_LAYER_GZIP);
        let docker = serve(&oci, &[MediaType::DOCKER_MANIFEST]).unwrap();
        assert_eq!(docker.media_type.as_str(), MediaType::DOCKER_MANIFEST);
        assert_eq!(docker.digest, Digest::of(&docker.bytes));
        let Manifest::Image { config, layers } = Manifest::parse(&docker.media_type, &docker.bytes).unwrap() else {
            panic!("an image stays one")
        };
        assert_eq!(config.media_type.as_str(), TWINS[0].1);
        assert_eq!(layers[0].media_type.as_str(), TWINS[2].1);

        let stored = Image::read(docker.media_type, docker.bytes, Timestamp::UNIX_EPOCH).unwrap();
        let back = serve(&stored, &[MediaType::OCI_MANIFEST]).unwrap();
        let (back, first) = (
            serde_json::from_slice::<Value>(&back.bytes).unwrap(),
            serde_json::from_slice::<Value>(&oci.bytes).unwrap(),
        );
        assert_eq!((&back["config"], &back["layers"]), (&first["config"], &first["layers"]));
    }

    #[test]
    fn what_has_no_other_form_is_not_served() {
        let image = image(MediaType::OCI_LAYER_GZIP);
        assert_eq!(serve(&image, &[MediaType::DOCKER_LIST]), None);
        assert_eq!(
            serve(&image, &["application/vnd.docker.distribution.manifest.v1+prettyjws"]),
            None
        );
        let zstd = self::image("application/vnd.oci.image.layer.v1.tar+zstd");
        assert_eq!(serve(&zstd, &[MediaType::DOCKER_MANIFEST]), None);
    }
}

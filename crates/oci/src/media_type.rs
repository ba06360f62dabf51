use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of some content, such as `application/vnd.oci.image.manifest.v1+json`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(String);

impl MediaType {
    /// An image manifest of the OCI image specification.
    pub const OCI_MANIFEST: &'static str = "application/vnd.oci.image.manifest.v1+json";
    /// An image index of the OCI image specification.
    pub const OCI_INDEX: &'static str = "application/vnd.oci.image.index.v1+json";
    /// An image configuration of the OCI image specification.
    pub const OCI_CONFIG: &'static str = "application/vnd.oci.image.config.v1+json";
    /// A layer of the OCI image specification, compressed by gzip.
    pub const OCI_LAYER_GZIP: &'static str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// Docker's image manifest, schema 2.
    pub const DOCKER_MANIFEST: &'static str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &'static str = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// Every manifest type there is: the `Accept` header with which a tag is resolved. Amazon ECR converts a manifest
    /// whose stored type is not accepted, so only the full list yields the digest that was pushed.
    pub const ANY_MANIFEST: &'static str = "application/vnd.oci.image.index.v1+json, \
         application/vnd.oci.image.manifest.v1+json, \
         application/vnd.docker.distribution.manifest.list.v2+json, \
         application/vnd.docker.distribution.manifest.v2+json";

    /// The type in a header's value, without its parameters. Nothing where the value is no type (RFC 9110 §8.3.1) or
    /// has more than 127 characters on a side (RFC 6838 §4.2).
    pub fn from_header(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let (main, sub) = essence.split_once('/')?;
        let is_token = |token: &str| {
            (1..=127).contains(&token.len())
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
        };
        (is_token(main) && is_token(sub)).then(|| Self(essence.to_ascii_lowercase()))
    }

    /// The type as it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether content of this type lists further manifests.
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), Self::OCI_INDEX | Self::DOCKER_LIST)
    }

    /// Whether content of this type is an image's manifest or a list of such.
    pub fn is_manifest(&self) -> bool {
        self.is_index() || matches!(self.as_str(), Self::OCI_MANIFEST | Self::DOCKER_MANIFEST)
    }

    /// Whether registries are to have layers of this type. Where they are not, a registry takes the manifest without the
    /// layer, as of base images of Windows (OCI image specification 1.1, "Non-Distributable Layers"; Docker's word is
    /// foreign).
    pub fn is_distributable(&self) -> bool {
        const OTHERS: [&str; 2] = [
            "application/vnd.oci.image.layer.nondistributable.",
            "application/vnd.docker.image.rootfs.foreign.",
        ];
        !OTHERS.iter().any(|prefix| self.as_str().starts_with(prefix))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for MediaType {
    fn from(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_count() {
        let media_type = MediaType::from_header("Application/vnd.OCI.image.manifest.v1+json; charset=utf-8").unwrap();
        assert_eq!(media_type.as_str(), MediaType::OCI_MANIFEST);
    }

    #[test]
    fn what_is_no_type_is_none() {
        for value in [
            "",
            "json",
            "a/",
            "/b",
            "a/b c",
            "a/b\r\nx",
            &format!("a/{}", "b".repeat(128)),
        ] {
            assert_eq!(MediaType::from_header(value), None, "{value}");
        }
    }

    #[test]
    fn layers_that_registries_are_not_to_have_are_known_by_their_type() {
        for name in [
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        ] {
            assert!(!MediaType::from(name).is_distributable(), "{name}");
        }
        for name in [
            MediaType::OCI_LAYER_GZIP,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ] {
            assert!(MediaType::from(name).is_distributable(), "{name}");
        }
    }

    #[test]
    fn the_accept_list_names_each_manifest_type_once() {
        let types: Vec<_> = MediaType::ANY_MANIFEST
            .split(',')
            .map(|t| MediaType::from_header(t).unwrap())
            .collect();
        assert_eq!(types.len(), 4);
        assert!(types.iter().all(MediaType::is_manifest));
    }
}

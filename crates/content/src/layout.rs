use std::path::{Path, PathBuf};

use oci::{Algorithm, Digest, Tag};

use crate::place::Place;

/// Where everything lies below the store's directory.
///
/// ```text
/// lock                                            held while the store is open
/// tmp/<number>                                    unfinished files
/// blobs/sha256/ab/<hex>                           verified content
/// links/<scope>/<repository>/_blobs/<digest>      admissions
/// links/<scope>/<repository>/_manifests/<digest>
/// links/<scope>/<repository>/_tags/<tag>
/// links/<scope>/<repository>/_access              when upstream last let the owner in
/// pins/<hash of the image's name>                 what is never evicted
/// ```
///
/// Paths are made of validated names only, none of which begins with a dot or holds a slash, besides the slashes
/// between a repository's components. No component begins with `_`, so a repository never meets another's records.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directories that are there as long as the store is open.
    pub(crate) fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let blobs = [Algorithm::Sha256, Algorithm::Sha512].map(|algorithm| self.blobs(algorithm));
        blobs.into_iter().chain([self.staging(), self.records()])
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.root.join("links")
    }

    pub(crate) fn pins(&self) -> PathBuf {
        self.root.join("pins")
    }

    /// One pin for each name of an image, which says more than a file's name may.
    pub(crate) fn pin(&self, image: &str) -> PathBuf {
        self.pins().join(Digest::of(image.as_bytes()).hex())
    }

    /// The directory of the blob's file. Each holds a 256th, so that none grows beyond what file systems like.
    pub(crate) fn shard(&self, digest: &Digest) -> PathBuf {
        self.blobs(digest.algorithm()).join(&digest.hex()[..2])
    }

    /// The same directory, by the first byte of its digests.
    pub(crate) fn blobs_of(&self, (algorithm, first): (Algorithm, u8)) -> PathBuf {
        self.blobs(algorithm).join(format!("{first:02x}"))
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.shard(digest).join(digest.hex())
    }

    pub(crate) fn blob_admission(&self, place: &Place, digest: &Digest) -> PathBuf {
        self.links(place).join("_blobs").join(file_name(digest))
    }

    pub(crate) fn manifest_admission(&self, place: &Place, digest: &Digest) -> PathBuf {
        self.links(place).join("_manifests").join(file_name(digest))
    }

    pub(crate) fn tag(&self, place: &Place, tag: &Tag) -> PathBuf {
        self.links(place).join("_tags").join(tag.as_str())
    }

    pub(crate) fn access(&self, place: &Place) -> PathBuf {
        self.links(place).join("_access")
    }

    pub(crate) fn blobs(&self, algorithm: Algorithm) -> PathBuf {
        self.root.join("blobs").join(algorithm.as_str())
    }

    fn links(&self, place: &Place) -> PathBuf {
        let mut path = self.records().join(place.scope.as_file_name());
        path.extend(place.repository.components());
        path
    }
}

fn file_name(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().as_str(), digest.hex())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, path::Component};

    use proptest::prelude::*;

    use super::*;
    use crate::place::Scope;

    fn layout() -> Layout {
        Layout::new(Path::new("/cache"))
    }

    #[test]
    fn blobs_are_spread_over_shards() {
        let path = layout().blob(&Digest::of(b""));
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(path, Path::new("/cache/blobs/sha256/e3").join(hex));
    }

    #[test]
    fn a_scope_never_runs_into_the_repository() {
        let digest = Digest::of(b"");
        let places = [
            (vec!["a"], "b/c/d"),
            (vec!["a", "b"], "c/d"),
            (vec!["a", "b", "c"], "d"),
        ];
        let paths: HashSet<_> = places
            .map(|(parts, repository)| Place {
                scope: Scope::new(parts).unwrap(),
                repository: repository.parse().unwrap(),
            })
            .iter()
            .map(|place| layout().blob_admission(place, &digest))
            .collect();
        assert_eq!(paths.len(), 3);
    }

    proptest! {
        #[test]
        fn whatever_the_types_take_stays_below_the_directory(
            part in "\\PC{0,12}",
            repository in "[a-z0-9._/-]{0,20}",
            tag in "\\PC{0,12}",
        ) {
            if let (Ok(scope), Ok(repository), Ok(tag)) = (Scope::new([part]), repository.parse(), tag.parse()) {
                let place = Place { scope, repository };
                let path = layout().tag(&place, &tag);
                prop_assert!(path.starts_with("/cache/links"));
                prop_assert!(path.components().skip(1).all(|component| matches!(component, Component::Normal(_))));
                prop_assert_eq!(path.components().rev().nth(1), Some(Component::Normal("_tags".as_ref())));
            }
        }
    }
}

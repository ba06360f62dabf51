use oci::{Digest, Tag};

use super::{Layer, Repository, RepositoryKey, StillReferenced, World};

/// What was removed of a repository: an image, and each of its tags that went.
pub(crate) struct Removed {
    pub(crate) digest: Digest,
    pub(crate) tags: Vec<Tag>,
}

/// Why nothing was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotRemoved {
    NoRepository,
    NoImage,
    /// The tag means another image.
    OtherDigest,
    Referenced(StillReferenced),
}

impl World {
    /// Takes a tag away, or removes an image with all its tags where none is named. What nobody needs any more goes
    /// with it: layers, their objects, their files.
    pub(crate) async fn remove_image(
        &self,
        place: &RepositoryKey,
        digest: Option<&Digest>,
        tag: Option<&Tag>,
    ) -> Result<Removed, NotRemoved> {
        let RepositoryKey { account, region, name } = place;
        let (removed, unused) = self.write(|state| {
            let repository = state.repository_mut(*account, region, name);
            let repository = repository.ok_or(NotRemoved::NoRepository)?;
            let (removed, layers) = remove(repository, digest, tag)?;
            Ok((removed, state.remove_objects(&layers)))
        })?;
        self.sweep(&unused).await;
        Ok(removed)
    }
}

fn remove(
    repository: &mut Repository,
    digest: Option<&Digest>,
    tag: Option<&Tag>,
) -> Result<(Removed, Vec<Layer>), NotRemoved> {
    let Some(tag) = tag else {
        let digest = digest.filter(|digest| repository.images.contains_key(*digest));
        let digest = digest.ok_or(NotRemoved::NoImage)?.clone();
        let tags = repository.tags_of(&digest).cloned().collect();
        let layers = repository.remove_image(&digest).map_err(NotRemoved::Referenced)?;
        return Ok((Removed { digest, tags }, layers));
    };
    let tagged = repository.tags.get(tag).ok_or(NotRemoved::NoImage)?.clone();
    if digest.is_some_and(|digest| *digest != tagged) {
        return Err(NotRemoved::OtherDigest);
    }
    let layers = repository.untag(tag).map_err(NotRemoved::Referenced)?;
    let removed = Removed {
        digest: tagged,
        tags: vec![tag.clone()],
    };
    Ok((removed, layers))
}

use bytes::Bytes;
use oci::{Digest, Reference, Tag};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call, about,
    fault::Fault,
    input::{digest, length, required},
    manifest::read,
};
use crate::world::{Image, Repository, RepositoryKey};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    image_manifest: Option<String>,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// `PutImage`
pub(super) fn put(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let manifest = required("imageManifest", input.image_manifest)?;
    length("imageManifest", manifest.len(), 1, oci::Manifest::MAX_LENGTH)?;
    let tag = input.image_tag.as_deref().map(read_tag).transpose()?;
    let claimed = input.image_digest.as_deref();
    let claimed = claimed.map(|claimed| digest("imageDigest", claimed)).transpose()?;
    let bytes = Bytes::from(manifest);
    let image = read(input.image_manifest_media_type.as_deref(), bytes, call.now)
        .map_err(|error| Fault::parameter("ImageManifest", &error.to_string()))?;
    let digest = Digest::of(&image.bytes);
    if claimed.is_some_and(|claimed| claimed != digest) {
        return Err(Fault::new(
            "ImageDigestDoesNotMatchException",
            "The specified image digest does not match the digest that Amazon ECR calculated for the image.",
        ));
    }
    let place = call.enter(&input.at)?;
    let mut shown = about(&place);
    shown["imageId"] = json!({ "imageDigest": digest });
    shown["imageManifest"] = json!(String::from_utf8_lossy(&image.bytes));
    shown["imageManifestMediaType"] = json!(image.media_type);
    if let Some(tag) = &tag {
        shown["imageId"]["imageTag"] = json!(tag.as_str());
    }
    call.change(&place, |repository| {
        store(repository, &place, &digest, image, tag.as_ref())
    })?;
    Ok(json!({ "image": shown }))
}

/// An image that is there already under the tag is an error here, where a registry lets it be pushed again.
fn store(
    repository: &mut Repository,
    place: &RepositoryKey,
    digest: &Digest,
    image: Image,
    tag: Option<&Tag>,
) -> Result<(), Fault> {
    let RepositoryKey { account, name, .. } = place;
    let reference = match tag {
        Some(tag) => Reference::Tag(tag.clone()),
        None => Reference::Digest(digest.clone()),
    };
    let there = repository.image(&reference).is_some_and(|(found, _)| found == digest);
    let pinned = tag.is_some_and(|tag| repository.mutability.pins(tag));
    if there && !pinned {
        let tagged = tag.map(|tag| format!(" and tag '{tag}'")).unwrap_or_default();
        return Err(Fault::new(
            "ImageAlreadyExistsException",
            format!(
                "Image with digest '{digest}'{tagged} already exists in the repository with name '{name}' in registry \
                 with id '{account}'"
            ),
        ));
    }
    repository
        .store(digest, image, tag)
        .map_err(|error| Fault::not_stored(&error, *account, name))
}

fn read_tag(tag: &str) -> Result<Tag, Fault> {
    length("imageTag", tag.len(), 1, 300)?;
    tag.parse()
        .map_err(|_| Fault::parameter("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"))
}

use std::collections::BTreeMap;

use oci::{Digest, Tag};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call, about,
    fault::Fault,
    image_ids::{ImageId, NoImage},
    input::{length, page},
    page::{Page, Part},
};
use crate::world::{Image, Repository, RepositoryKey, epoch_seconds};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    #[serde(default)]
    filter: Filter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

/// Which images a filter lets through.
#[derive(Clone, Copy)]
struct Kept {
    tagged: bool,
    untagged: bool,
    /// All images are active here: none is ever archived.
    active: bool,
}

/// `ListImages`: an id for each tag, and one for each image without a tag.
pub(super) fn list(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let kept = input.filter.read()?;
    let page = page(input.max_results, input.next_token.as_deref(), 100, 1000)?;
    let place = call.enter(&input.at)?;
    let part = call.read(&place, |repository| {
        let images = tagged(repository, kept);
        page.of(images.iter().flat_map(|(digest, (_, tags))| {
            let untagged = tags
                .is_empty()
                .then(|| (digest.to_string(), json!({ "imageDigest": digest })));
            let tagged = tags.iter().map(move |tag| {
                let id = json!({"imageDigest": digest, "imageTag": tag.as_str()});
                (format!("{digest} {tag}"), id)
            });
            untagged.into_iter().chain(tagged)
        }))
    })?;
    Ok(answer("imageIds", part))
}

/// `DescribeImages`: those that are named, or all by pages.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let kept = input.filter.read()?;
    let page = page(input.max_results, input.next_token.as_deref(), 100, 1000)?;
    if let Some(ids) = &input.image_ids {
        length("imageIds", ids.len(), 1, 100)?;
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(Fault::parameter(
                "imageIds",
                "must not be given together with nextToken or maxResults",
            ));
        }
    }
    let place = call.enter(&input.at)?;
    let part = call.read(&place, |repository| match &input.image_ids {
        Some(ids) => describe_named(&place, repository, kept, ids),
        None => Ok(describe_page(&place, repository, kept, &page)),
    })??;
    Ok(answer("imageDetails", part))
}

fn describe_named(
    place: &RepositoryKey,
    repository: &Repository,
    kept: Kept,
    ids: &[ImageId],
) -> Result<Part<Value>, Fault> {
    let mut found = BTreeMap::new();
    for id in ids {
        let (digest, image) = id.find(repository).map_err(|error| not_found(error, id, place))?;
        let tags = repository.tags_of(digest).collect::<Vec<_>>();
        if kept.keeps(&tags) {
            found.insert(digest, detail(place, repository, digest, image, &tags));
        }
    }
    Ok(Part {
        items: found.into_values().collect(),
        next: None,
    })
}

fn describe_page(place: &RepositoryKey, repository: &Repository, kept: Kept, page: &Page) -> Part<Value> {
    let images = tagged(repository, kept);
    page.of(images
        .iter()
        .map(|(digest, (image, tags))| (digest.to_string(), detail(place, repository, digest, image, tags))))
}

fn detail(place: &RepositoryKey, repository: &Repository, digest: &Digest, image: &Image, tags: &[&Tag]) -> Value {
    let mut detail = about(place);
    detail["imageDigest"] = json!(digest);
    detail["imageSizeInBytes"] = json!(repository.size_of(image));
    detail["imagePushedAt"] = json!(epoch_seconds(image.pushed));
    detail["imageManifestMediaType"] = json!(image.media_type);
    detail["imageStatus"] = json!("ACTIVE");
    if !tags.is_empty() {
        detail["imageTags"] = tags.iter().map(|tag| tag.as_str()).collect();
    }
    if let Some(artifact) = image.artifact_type() {
        detail["artifactMediaType"] = json!(artifact);
    }
    if let Some(pulled) = image.pulled() {
        detail["lastRecordedPullTime"] = json!(epoch_seconds(pulled));
    }
    if let Some(subject) = image.subject() {
        detail["subjectManifestDigest"] = json!(subject);
    }
    detail
}

/// The images that a filter lets through, with their tags.
fn tagged(repository: &Repository, kept: Kept) -> BTreeMap<&Digest, (&Image, Vec<&Tag>)> {
    let images = repository.images.iter();
    let mut images = images
        .map(|(digest, image)| (digest, (image, Vec::new())))
        .collect::<BTreeMap<_, _>>();
    for (tag, digest) in &repository.tags {
        if let Some((_, tags)) = images.get_mut(digest) {
            tags.push(tag);
        }
    }
    images.retain(|_, (_, tags)| kept.keeps(tags));
    images
}

fn not_found(error: NoImage, id: &ImageId, place: &RepositoryKey) -> Fault {
    match error {
        NoImage::NotFound | NoImage::TagDoesNotMatchDigest => Fault::new(
            "ImageNotFoundException",
            format!(
                "The image with imageId {} does not exist within the repository with name '{}' in the registry with id \
                 '{}'",
                id.in_words(),
                place.name,
                place.account
            ),
        ),
        NoImage::InvalidDigest | NoImage::InvalidTag | NoImage::Empty => {
            Fault::new("InvalidParameterException", error.reason())
        }
    }
}

fn answer(name: &str, part: Part<Value>) -> Value {
    let mut answer = json!({ name: part.items });
    if let Some(next) = part.next {
        answer["nextToken"] = json!(next);
    }
    answer
}

impl Filter {
    fn read(&self) -> Result<Kept, Fault> {
        let (tagged, untagged) = match self.tag_status.as_deref() {
            None | Some("ANY") => (true, true),
            Some("TAGGED") => (true, false),
            Some("UNTAGGED") => (false, true),
            Some(_) => {
                return Err(Fault::parameter(
                    "filter.tagStatus",
                    "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]",
                ));
            }
        };
        let active = match self.image_status.as_deref() {
            None | Some("ANY" | "ACTIVE") => true,
            Some("ARCHIVED" | "ACTIVATING") => false,
            Some(_) => {
                return Err(Fault::parameter(
                    "filter.imageStatus",
                    "Member must satisfy enum value set: [ACTIVE, ARCHIVED, ACTIVATING, ANY]",
                ));
            }
        };
        Ok(Kept {
            tagged,
            untagged,
            active,
        })
    }
}

impl Kept {
    fn keeps(self, tags: &[&Tag]) -> bool {
        self.active && if tags.is_empty() { self.untagged } else { self.tagged }
    }
}

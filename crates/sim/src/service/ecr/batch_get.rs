use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Accepted, At, Call, Served, about,
    fault::Fault,
    image_ids::{ImageId, NoImage},
    input::{length, required},
};
use crate::world::Repository;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    image_ids: Option<Vec<ImageId>>,
    accepted_media_types: Option<Vec<String>>,
}

/// The longest answer in bytes of manifests; a hundred of the longest would be 400 MiB.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// `BatchGetImage`
pub(super) fn get(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let ids = required("imageIds", input.image_ids)?;
    length("imageIds", ids.len(), 1, 100)?;
    if let Some(types) = &input.accepted_media_types {
        length("acceptedMediaTypes", types.len(), 1, 100)?;
    }
    let types = input.accepted_media_types.unwrap_or_default();
    let accepted = Accepted::from_types(types.iter().map(String::as_str));
    let place = call.enter(&input.at)?;
    let now = call.now;
    let served = call.read(&place, |repository| {
        let served = ids.iter().map(|id| serve(repository, id, &accepted, now));
        served.collect::<Vec<_>>()
    })?;
    let length = served.iter().flatten().map(|served| served.bytes.len()).sum::<usize>();
    if length > MAX_ANSWER {
        return Err(Fault::new(
            "LimitExceededException",
            "The requested manifests are too long for one answer of this simulated AWS; ask for fewer at once.",
        ));
    }
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for (id, served) in ids.iter().zip(served) {
        match served {
            Err(error) => failures.push(error.failure(id)),
            Ok(served) => {
                let mut image = about(&place);
                image["imageId"] = id.shown();
                image["imageId"]["imageDigest"] = json!(served.digest);
                image["imageManifest"] = json!(String::from_utf8_lossy(&served.bytes));
                image["imageManifestMediaType"] = json!(served.media_type);
                images.push(image);
            }
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

/// By digest a manifest is served as it is, whatever is accepted; by tag it is converted where it must be.
fn serve(repository: &Repository, id: &ImageId, accepted: &Accepted, now: Timestamp) -> Result<Served, NoImage> {
    let (digest, image) = id.find(repository)?;
    image.note_pull(now);
    if id.image_digest.is_some() {
        return Ok(Served::stored(digest, image));
    }
    Served::of_tag(digest, image, accepted).ok_or(NoImage::NotFound)
}

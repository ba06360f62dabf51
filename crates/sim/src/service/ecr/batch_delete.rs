use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call,
    fault::Fault,
    image_ids::{ImageId, NoImage, failure},
    input::{length, required},
};
use crate::world::NotRemoved;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    image_ids: Option<Vec<ImageId>>,
}

/// `BatchDeleteImage`: by tag the tag goes, by digest the image with all its tags.
pub(super) async fn delete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let ids = required("imageIds", input.image_ids)?;
    length("imageIds", ids.len(), 1, 100)?;
    let place = call.enter(&input.at)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let wanted = match id.read() {
            Ok(wanted) => wanted,
            Err(error) => {
                failures.push(error.failure(&id));
                continue;
            }
        };
        let removed = call
            .world
            .remove_image(&place, wanted.digest.as_ref(), wanted.tag.as_ref())
            .await;
        match removed {
            Ok(removed) if removed.tags.is_empty() => deleted.push(json!({ "imageDigest": removed.digest })),
            Ok(removed) => deleted.extend(
                removed
                    .tags
                    .iter()
                    .map(|tag| json!({"imageDigest": removed.digest, "imageTag": tag.as_str()})),
            ),
            Err(NotRemoved::NoRepository) => return Err(Fault::no_repository(place.account, &place.name)),
            Err(NotRemoved::NoImage) => failures.push(NoImage::NotFound.failure(&id)),
            Err(NotRemoved::OtherDigest) => failures.push(NoImage::TagDoesNotMatchDigest.failure(&id)),
            Err(NotRemoved::Referenced(indexes)) => {
                failures.push(failure(&id, "ImageReferencedByManifestList", &indexes.to_string()))
            }
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

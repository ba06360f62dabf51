use oci::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call,
    fault::Fault,
    input::{digest, length, page, required},
};
use crate::world::Image;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    subject_id: Option<Subject>,
    #[serde(default)]
    filter: Filter,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    image_digest: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default)]
    artifact_types: Vec<String>,
    artifact_status: Option<String>,
}

/// `ListImageReferrers`, which takes the permission to get images.
pub(super) fn list(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let subject = required("subjectId", input.subject_id)?;
    let subject = required("subjectId.imageDigest", subject.image_digest)?;
    let subject = digest("subjectId.imageDigest", &subject)?;
    let types = &input.filter.artifact_types;
    length("filter.artifactTypes", types.len(), 0, 5)?;
    for kind in types {
        length("filter.artifactTypes", kind.chars().count(), 1, 255)?;
    }
    let active = match input.filter.artifact_status.as_deref() {
        None | Some("ACTIVE" | "ANY") => true,
        Some("ARCHIVED" | "ACTIVATING") => false,
        Some(_) => {
            return Err(Fault::parameter(
                "filter.artifactStatus",
                "Member must satisfy enum value set: [ACTIVE, ARCHIVED, ACTIVATING, ANY]",
            ));
        }
    };
    let page = page(input.max_results, input.next_token.as_deref(), 20, 50)?;
    let place = call.enter_for("ecr:BatchGetImage", &input.at)?;
    let part = call.read(&place, |repository| {
        let referrers = repository.referrers(&subject);
        let asked = referrers.filter(|(_, image)| {
            let kind = image.artifact_type().unwrap_or_default();
            active && (types.is_empty() || types.iter().any(|asked| asked == kind))
        });
        page.of(asked.map(|(digest, image)| {
            let mut referrer = described(digest, image);
            referrer["artifactStatus"] = json!("ACTIVE");
            (digest.to_string(), referrer)
        }))
    })?;
    let mut answer = json!({ "referrers": part.items });
    if let Some(next) = part.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// The descriptor of a referrer (distribution specification 1.1, "Listing Referrers").
pub(crate) fn described(digest: &Digest, image: &Image) -> Value {
    let mut shown = json!({
        "mediaType": image.media_type,
        "digest": digest,
        "size": image.bytes.len(),
    });
    if let Some(kind) = image.artifact_type() {
        shown["artifactType"] = json!(kind);
    }
    if !image.annotations().is_empty() {
        shown["annotations"] = json!(image.annotations());
    }
    shown
}

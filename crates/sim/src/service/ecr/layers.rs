use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call,
    fault::Fault,
    input::{digest, length, required},
};
use crate::{
    exchange::Inbound,
    host::{Host, Region},
    world::{Layer, Repository, World},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    #[serde(flatten)]
    at: At,
    layer_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Url {
    #[serde(flatten)]
    at: At,
    layer_digest: Option<String>,
}

/// How long the URL of a layer is good for.
const LIFETIME: Duration = Duration::from_hours(1);

/// `BatchCheckLayerAvailability`
pub(super) fn check(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Check>()?;
    let digests = required("layerDigests", input.layer_digests)?;
    length("layerDigests", digests.len(), 1, 100)?;
    for digest in &digests {
        length("layerDigests", digest.len(), 0, 1000)?;
    }
    let place = call.enter(&input.at)?;
    call.read(&place, |repository| {
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        for digest in &digests {
            match availability(repository, digest) {
                Ok(layer) => layers.push(layer),
                Err(failure) => failures.push(failure),
            }
        }
        json!({"layers": layers, "failures": failures})
    })
}

/// `GetDownloadUrlForLayer`: "You can only get URLs for image layers that are referenced in an image."
pub(super) fn url(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Url>()?;
    let digest = digest("layerDigest", &required("layerDigest", input.layer_digest)?)?;
    let place = call.enter(&input.at)?;
    let no_layer = || Fault::no_layer(&digest, place.account, &place.name);
    let layer = call.read(&place, |repository| repository.layers.get(&digest).cloned())?;
    let layer = layer.ok_or_else(no_layer)?;
    if layer.media_type.is_none() {
        return Err(Fault::new(
            "LayerInaccessibleException",
            "The specified layer is not available because it is not associated with an image. Unassociated image layers \
             may be cleaned up at any time.",
        ));
    }
    let url = download_url(call.world, call.inbound, call.region, &layer, call.now).ok_or_else(no_layer)?;
    Ok(json!({"downloadUrl": url, "layerDigest": digest}))
}

/// A presigned URL in the layer bucket, which is all that it takes to get the layer.
pub(crate) fn download_url(
    world: &World,
    inbound: &Inbound,
    region: &Region,
    layer: &Layer,
    now: Timestamp,
) -> Option<String> {
    let bucket = Host::LayerBucket { region: region.clone() };
    let url = inbound.url(&bucket, &format!("/{}", layer.object));
    let presign = |now| world.presigner.presign(&url, region, now, LIFETIME);
    world.trouble.fresh_url(now, presign)
}

fn availability(repository: &Repository, digest: &str) -> Result<Value, Value> {
    let failure =
        |code: &str, reason: &str| json!({"layerDigest": digest, "failureCode": code, "failureReason": reason});
    if digest.is_empty() {
        return Err(failure(
            "MissingLayerDigest",
            "Invalid request parameters: layer digest cannot be empty",
        ));
    }
    let parsed = digest.parse().map_err(|_| {
        failure(
            "InvalidLayerDigest",
            "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        )
    })?;
    Ok(match repository.layers.get(&parsed) {
        None => json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}),
        Some(layer) => {
            let mut shown = json!({
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": layer.size,
            });
            if let Some(media_type) = &layer.media_type {
                shown["mediaType"] = json!(media_type);
            }
            shown
        }
    })
}

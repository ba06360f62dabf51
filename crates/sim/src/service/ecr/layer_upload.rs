use base64::{Engine, engine::general_purpose::STANDARD};
use oci::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call, about,
    fault::Fault,
    input::{digest, length, required},
};
use crate::{
    blobs::{NotTaken, Upload},
    world::{Incomplete, NotFinished, RepositoryKey},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(flatten)]
    at: At,
    upload_id: Option<String>,
    part_first_byte: Option<i64>,
    part_last_byte: Option<i64>,
    layer_part_blob: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complete {
    #[serde(flatten)]
    at: At,
    upload_id: Option<String>,
    layer_digests: Option<Vec<String>>,
}

/// The length that clients are told to send parts of, in bytes, as AWS says it.
const PART_SIZE: u64 = 10 * 1024 * 1024;

/// The longest part in bytes.
const MAX_PART: usize = 20_971_520;

/// `InitiateLayerUpload`
pub(super) async fn initiate(call: &mut Call<'_>) -> Result<Value, Fault> {
    let at = call.input::<At>()?;
    let place = call.enter(&at)?;
    let layer = call.world.blobs.begin().await.map_err(NotTaken::Disk)?;
    let id = call.world.uploads.begin(place, layer, call.now);
    let id = id.ok_or_else(|| Fault::new("ThrottlingException", "Rate exceeded"))?;
    Ok(json!({"uploadId": id, "partSize": PART_SIZE}))
}

/// `UploadLayerPart`
pub(super) async fn upload(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Part>()?;
    let id = upload_id(input.upload_id)?;
    let first = byte("partFirstByte", input.part_first_byte)?;
    let last = byte("partLastByte", input.part_last_byte)?;
    let blob = required("layerPartBlob", input.layer_part_blob)?;
    let part = STANDARD.decode(blob).map_err(|_| Fault::shapeless())?;
    length("layerPartBlob", part.len(), 0, MAX_PART)?;
    let place = call.enter(&input.at)?;
    let shared = find(call, &place, &id)?;
    let mut layer = shared.lock().await;
    let layer = layer.as_mut().ok_or_else(|| no_upload(&place, &id))?;
    let valid = first == layer.length() && !part.is_empty() && first.checked_add(part.len() as u64 - 1) == Some(last);
    if !valid {
        return Err(invalid_part(&place, &id, layer.length()));
    }
    layer.append_part(&part).await?;
    let mut answer = about(&place);
    answer["uploadId"] = json!(id);
    answer["lastByteReceived"] = json!(last);
    Ok(answer)
}

/// `CompleteLayerUpload`
pub(super) async fn complete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Complete>()?;
    let id = upload_id(input.upload_id)?;
    let claimed = required("layerDigests", input.layer_digests)?;
    length("layerDigests", claimed.len(), 1, 100)?;
    let claimed = claimed.iter().map(|claimed| digest("layerDigests", claimed));
    let claimed = claimed.collect::<Result<Vec<_>, _>>()?;
    let place = call.enter(&input.at)?;
    let shared = find(call, &place, &id)?;
    let mut layer = shared.lock().await;
    check(call, &place, &id, layer.as_ref(), &claimed)?;
    let finished = call.world.finish_upload(&place, &id, &mut layer, &claimed).await;
    let (digest, _) = finished.map_err(|error| match error {
        NotFinished::Unknown => no_upload(&place, &id),
        NotFinished::NoRepository => Fault::no_repository(place.account, &place.name),
        NotFinished::Mismatch(_) => Fault::new(
            "InvalidLayerException",
            "The layer digest calculation performed by Amazon ECR upon receipt of the image layer does not match the \
             digest specified.",
        ),
        NotFinished::NotTaken(error) => error.into(),
    })?;
    let mut answer = about(&place);
    answer["uploadId"] = json!(id);
    answer["layerDigest"] = json!(digest);
    Ok(answer)
}

/// What must be so before a layer is made of an upload.
fn check(
    call: &Call<'_>,
    place: &RepositoryKey,
    id: &str,
    layer: Option<&Upload>,
    claimed: &[Digest],
) -> Result<(), Fault> {
    let layer = layer.ok_or_else(|| no_upload(place, id))?;
    if layer.length() == 0 {
        return Err(Fault::new(
            "EmptyUploadException",
            "The specified layer upload does not contain any layer parts.",
        ));
    }
    if layer.is_undersized() {
        return Err(Fault::new(
            "LayerPartTooSmallException",
            "Layer parts must be at least 5 MiB in size.",
        ));
    }
    let there = call.read(place, |repository| {
        claimed.iter().find(|claimed| repository.layers.contains_key(claimed))
    })?;
    match there {
        None => Ok(()),
        Some(digest) => Err(Fault::new(
            "LayerAlreadyExistsException",
            format!(
                "The layer with digest '{digest}' already exists in the repository with name '{}' in registry with id \
                 '{}'",
                place.name, place.account
            ),
        )),
    }
}

fn find(call: &Call<'_>, place: &RepositoryKey, id: &str) -> Result<Incomplete, Fault> {
    call.world.uploads.find(place, id).ok_or_else(|| no_upload(place, id))
}

fn upload_id(id: Option<String>) -> Result<String, Fault> {
    let id = required("uploadId", id)?;
    // The hyphens have their places, which is stricter than what the parser takes.
    let is_id = id.len() == 36 && uuid::Uuid::try_parse(&id).is_ok();
    let pattern = "must satisfy regular expression \
                   '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'";
    if is_id {
        Ok(id)
    } else {
        Err(Fault::parameter("uploadId", pattern))
    }
}

fn byte(name: &str, byte: Option<i64>) -> Result<u64, Fault> {
    u64::try_from(required(name, byte)?)
        .map_err(|_| Fault::parameter(name, "Member must have value greater than or equal to 0"))
}

fn no_upload(place: &RepositoryKey, id: &str) -> Fault {
    Fault::new(
        "UploadNotFoundException",
        format!(
            "The upload with id '{id}' does not exist in the repository with name '{}' in the registry with id '{}'",
            place.name, place.account
        ),
    )
}

fn invalid_part(place: &RepositoryKey, id: &str, received: u64) -> Fault {
    let fault = Fault::new(
        "InvalidLayerPartException",
        "The layer part size is not valid, or the first byte specified is not consecutive to the last byte of a previous \
         layer part upload.",
    );
    let fault = fault
        .with("registryId", place.account.to_string())
        .with("repositoryName", place.name.to_string())
        .with("uploadId", id);
    match received.checked_sub(1) {
        Some(last) => fault.with("lastValidByteReceived", last),
        // Nothing was received, so no byte is the last one.
        None => fault,
    }
}

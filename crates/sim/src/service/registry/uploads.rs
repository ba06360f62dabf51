use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ::iam::AccountId;
use http::{HeaderName, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use oci::{Digest, ErrorCode, RepositoryName};
use uuid::Uuid;

use super::{Visit, refusal::Refusal};
use crate::{
    blobs::Upload,
    exchange::{Response, set_header},
    host::Region,
    request_body::RequestBody,
    world::Layer,
};

/// The uploads that are under way.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Slot>>);

/// An upload and where it belongs. The layer is taken out when it is finished.
struct Slot {
    place: Place,
    started: Timestamp,
    layer: Shared,
}

type Place = (AccountId, Region, RepositoryName);
type Shared = Arc<tokio::sync::Mutex<Option<Upload>>>;

/// How many uploads may be under way at once, in all registries.
const MAX_UPLOADS: usize = 1000;

/// When an upload that nobody finished is given up.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

impl Visit<'_> {
    /// POST: begins an upload; with `?digest=` the body is the whole layer. A layer of another repository is never
    /// mounted: ECR does so only in accounts that asked for it, and answers with an upload elsewhere.
    pub(super) async fn begin_upload(&mut self, name: &RepositoryName, body: RequestBody) -> Result<Response, Refusal> {
        self.permit(name, "ecr:InitiateLayerUpload")?;
        let layer = self.world.blobs.begin().await?;
        let id = Uuid::new_v4().to_string();
        let slot = Slot {
            place: self.place(name),
            started: self.now,
            layer: Arc::new(tokio::sync::Mutex::new(Some(layer))),
        };
        self.world.uploads.insert(id.clone(), slot, self.now)?;
        if self.param("digest").is_some() {
            return self.finish_upload(name, &id, body).await;
        }
        let mut response = self.under_way(StatusCode::ACCEPTED, name, &id, 0);
        set_header(&mut response, header::CONTENT_LENGTH, "0");
        Ok(response)
    }

    /// PATCH: takes the next piece.
    pub(super) async fn append_to_upload(
        &mut self,
        name: &RepositoryName,
        id: &str,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "ecr:UploadLayerPart")?;
        let shared = self.upload(name, id)?;
        let mut layer = shared.lock().await;
        let layer = layer.as_mut().ok_or_else(|| self.no_upload(name, id))?;
        self.check_range(layer.length())?;
        layer.append(body).await?;
        Ok(self.under_way(StatusCode::ACCEPTED, name, id, layer.length()))
    }

    /// PUT: takes the last piece, if there is one, and the digest that all of it must have.
    pub(super) async fn finish_upload(
        &mut self,
        name: &RepositoryName,
        id: &str,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "ecr:CompleteLayerUpload")?;
        let claimed = self
            .param("digest")
            .and_then(|digest| digest.parse::<Digest>().ok())
            .filter(|digest| digest.algorithm() == oci::Algorithm::Sha256)
            .ok_or_else(|| {
                Refusal::new(
                    ErrorCode::DigestInvalid,
                    "Invalid parameter at 'layerDigests' failed to satisfy constraint: 'must be a sha256 digest'",
                )
            })?;
        let shared = self.upload(name, id)?;
        let mut slot = shared.lock().await;
        let layer = slot.as_mut().ok_or_else(|| self.no_upload(name, id))?;
        self.check_range(layer.length())?;
        layer.append(body).await?;
        let layer = slot.take().ok_or_else(|| self.no_upload(name, id))?;
        self.world.uploads.remove(id);
        let (digest, size, path) = layer.finish().await?;
        if digest != claimed {
            return Err(Refusal::new(
                ErrorCode::DigestInvalid,
                format!("The layer digest '{claimed}' does not match the digest '{digest}' of what was uploaded."),
            ));
        }
        self.world.blobs.keep(path, &digest).await?;
        self.add_layer(name, &digest, size)?;
        let mut response = self.located(StatusCode::CREATED, &format!("/v2/{name}/blobs/{digest}"));
        let content_digest = HeaderName::from_static("docker-content-digest");
        set_header(&mut response, content_digest, &digest.to_string());
        Ok(response)
    }

    /// GET: how far an upload has come.
    pub(super) async fn upload_status(&mut self, name: &RepositoryName, id: &str) -> Result<Response, Refusal> {
        self.permit(name, "ecr:UploadLayerPart")?;
        let shared = self.upload(name, id)?;
        let layer = shared.lock().await;
        let length = layer.as_ref().ok_or_else(|| self.no_upload(name, id))?.length();
        Ok(self.under_way(StatusCode::NO_CONTENT, name, id, length))
    }

    /// DELETE: gives an upload up.
    pub(super) fn cancel_upload(&mut self, name: &RepositoryName, id: &str) -> Result<Response, Refusal> {
        self.permit(name, "ecr:UploadLayerPart")?;
        self.upload(name, id)?;
        self.world.uploads.remove(id);
        let mut response = Response::new(crate::exchange::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    fn place(&self, name: &RepositoryName) -> Place {
        (self.registry.account, self.registry.region.clone(), name.clone())
    }

    /// An upload of this repository; one of another is as unknown as one that never was.
    fn upload(&self, name: &RepositoryName, id: &str) -> Result<Shared, Refusal> {
        let uploads = self.world.uploads.table();
        let slot = uploads.get(id).filter(|slot| slot.place == self.place(name));
        slot.map(|slot| Arc::clone(&slot.layer))
            .ok_or_else(|| self.no_upload(name, id))
    }

    /// A piece that says where it begins must begin where the last one ended.
    fn check_range(&self, length: u64) -> Result<(), Refusal> {
        let Some(range) = self.inbound.header(header::CONTENT_RANGE) else {
            return Ok(());
        };
        let range = range.strip_prefix("bytes ").unwrap_or(range);
        let first = range
            .split('-')
            .next()
            .and_then(|first| first.trim().parse::<u64>().ok());
        if first == Some(length) {
            return Ok(());
        }
        Err(Refusal::status(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::BlobUploadInvalid,
            format!("The layer part does not begin at byte {length}, where the last one ended."),
        ))
    }

    fn add_layer(&self, name: &RepositoryName, digest: &Digest, size: u64) -> Result<(), Refusal> {
        let account = self.registry.account;
        let object = format!("{}-{account}-{}/{}", &digest.hex()[..4], Uuid::new_v4(), Uuid::new_v4());
        self.world.write(|state| {
            let repository = state.repository_mut(account, self.registry.region, name);
            let repository = repository.ok_or_else(|| self.no_repository(name))?;
            // One that was there already keeps its object: URLs to it are under way.
            if repository.layers.contains_key(digest) {
                return Ok(());
            }
            let layer = Layer {
                size,
                object: object.clone(),
            };
            repository.layers.insert(digest.clone(), layer);
            state.put_object(object, digest.clone(), size);
            Ok(())
        })
    }

    fn under_way(&self, status: StatusCode, name: &RepositoryName, id: &str, length: u64) -> Response {
        let mut response = self.located(status, &format!("/v2/{name}/blobs/uploads/{id}"));
        set_header(&mut response, HeaderName::from_static("docker-upload-uuid"), id);
        let range = format!("0-{}", length.saturating_sub(1));
        set_header(&mut response, header::RANGE, &range);
        response
    }

    fn no_upload(&self, name: &RepositoryName, id: &str) -> Refusal {
        let shown = id.chars().take(64).collect::<String>();
        Refusal::new(
            ErrorCode::BlobUploadUnknown,
            format!(
                "The upload with id '{shown}' does not exist in the repository with name '{name}' in the registry with \
                 id '{}'",
                self.registry.account
            ),
        )
    }
}

impl Uploads {
    fn insert(&self, id: String, slot: Slot, now: Timestamp) -> Result<(), Refusal> {
        let mut uploads = self.table();
        uploads.retain(|_, slot| now.duration_since(slot.started) < LIFETIME);
        if uploads.len() >= MAX_UPLOADS {
            return Err(Refusal::new(ErrorCode::TooManyRequests, "Rate exceeded"));
        }
        uploads.insert(id, slot);
        Ok(())
    }

    fn remove(&self, id: &str) {
        self.table().remove(id);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

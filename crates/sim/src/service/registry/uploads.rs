use http::{HeaderName, StatusCode, header};
use hyper::body::Body;
use oci::{Digest, ErrorCode, RepositoryName};

use super::{Registry, Visit, refusal::Refusal};
use crate::{
    exchange::{Response, set_header},
    request_body::RequestBody,
    world::{Incomplete, NotFinished},
};

impl Visit<'_> {
    /// POST: begins an upload; with `?digest=` the body is the whole layer, and with `?mount=` there may be none.
    pub(super) async fn begin_upload(&mut self, name: &RepositoryName, body: RequestBody) -> Result<Response, Refusal> {
        self.permit(name, "InitiateLayerUpload")?;
        if let Some(mounted) = self.mount(name) {
            return Ok(mounted);
        }
        let layer = self.world.blobs.begin().await?;
        let place = self.registry.place(name);
        let id = self.world.uploads.begin(place, layer, self.now);
        let id = id.ok_or_else(|| Refusal::new(ErrorCode::TooManyRequests, "Rate exceeded"))?;
        if self.param("digest").is_some() {
            // The client was not told the id, so nobody could go on with what failed, or was left, here.
            let world = self.world;
            let _unfinished = world.uploads.forgotten(&id);
            return self.finish_upload(name, &id, body).await;
        }
        let mut response = self.under_way(StatusCode::ACCEPTED, name, &id, 0);
        set_header(&mut response, header::CONTENT_LENGTH, "0");
        Ok(response)
    }

    /// Takes the layer that `mount` names out of the repository that `from` names, where the account has asked for that
    /// (ECR user guide, "Blob mounting in Amazon ECR"), the caller may read there, and an image refers to it
    /// (aws/containers-roadmap#2860). What cannot be mounted is uploaded.
    fn mount(&mut self, name: &RepositoryName) -> Option<Response> {
        let digest = self.param("mount")?.parse::<Digest>().ok()?;
        let from = self.param("from")?.parse::<RepositoryName>().ok()?;
        let Registry { account, region, .. } = self.registry;
        let enabled = self.world.read(|state| {
            let account = state.account(account);
            account.is_some_and(|account| account.blob_mounting.contains(region))
        });
        let (source, target) = (self.registry.place(&from), self.registry.place(name));
        let may_read = enabled && self.judge(&from, "ecr:GetDownloadUrlForLayer").is_ok();
        if !may_read || !self.world.mount(&source, &target, &digest) {
            return None;
        }
        let mut response = self.located(StatusCode::CREATED, name, &format!("blobs/{digest}"));
        let content_digest = HeaderName::from_static("docker-content-digest");
        set_header(&mut response, content_digest, &digest.to_string());
        Some(response)
    }

    /// PATCH: takes the next piece. ECR answers 201, where the specification says 202 (aws/containers-roadmap#2831,
    /// openai/tart#273, jdx/mise#11376).
    pub(super) async fn append_to_upload(
        &mut self,
        name: &RepositoryName,
        id: &str,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "UploadLayerPart")?;
        let shared = self.upload(name, id)?;
        let mut layer = shared.lock().await;
        let layer = layer.as_mut().ok_or_else(|| self.no_upload(name, id))?;
        self.check_range(layer.length())?;
        layer.append(body).await?;
        Ok(self.under_way(StatusCode::CREATED, name, id, layer.length()))
    }

    /// PUT: takes the last piece, if there is one, and the digest that all of it must have.
    pub(super) async fn finish_upload(
        &mut self,
        name: &RepositoryName,
        id: &str,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "CompleteLayerUpload")?;
        if !body.is_end_stream() {
            self.permit(name, "UploadLayerPart")?;
        }
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
        let place = self.registry.place(name);
        let claimed = [claimed];
        let finished = self.world.finish_upload(&place, id, &mut slot, &claimed).await;
        let (digest, _) = finished.map_err(|error| match error {
            NotFinished::Unknown => self.no_upload(name, id),
            NotFinished::NoRepository => self.no_repository(name),
            NotFinished::Mismatch(digest) => Refusal::new(
                ErrorCode::DigestInvalid,
                format!(
                    "The layer digest '{}' does not match the digest '{digest}' of what was uploaded.",
                    claimed[0]
                ),
            ),
            NotFinished::NotTaken(error) => error.into(),
        })?;
        let mut response = self.located(StatusCode::CREATED, name, &format!("blobs/{digest}"));
        let content_digest = HeaderName::from_static("docker-content-digest");
        set_header(&mut response, content_digest, &digest.to_string());
        Ok(response)
    }

    /// GET: how far an upload has come.
    pub(super) async fn upload_status(&mut self, name: &RepositoryName, id: &str) -> Result<Response, Refusal> {
        self.permit(name, "UploadLayerPart")?;
        let shared = self.upload(name, id)?;
        let layer = shared.lock().await;
        let length = layer.as_ref().ok_or_else(|| self.no_upload(name, id))?.length();
        Ok(self.under_way(StatusCode::NO_CONTENT, name, id, length))
    }

    /// DELETE: gives an upload up.
    pub(super) fn cancel_upload(&mut self, name: &RepositoryName, id: &str) -> Result<Response, Refusal> {
        self.permit(name, "UploadLayerPart")?;
        self.upload(name, id)?;
        self.world.uploads.remove(id);
        let mut response = Response::new(crate::exchange::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// An upload of this repository; one of another is as unknown as one that never was.
    fn upload(&self, name: &RepositoryName, id: &str) -> Result<Incomplete, Refusal> {
        let found = self.world.uploads.find(&self.registry.place(name), id);
        found.ok_or_else(|| self.no_upload(name, id))
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

    fn under_way(&self, status: StatusCode, name: &RepositoryName, id: &str, length: u64) -> Response {
        let mut response = self.located(status, name, &format!("blobs/uploads/{id}"));
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
                self.registry.id()
            ),
        )
    }
}

use http::{HeaderName, StatusCode, header};
use oci::{Digest, ErrorCode, RepositoryName};

use super::{Visit, refusal::Refusal};
use crate::{
    exchange::{Response, respond, set_header},
    service::ecr::download_url,
    world::Layer,
};

impl Visit<'_> {
    /// GET of a blob: the layer bucket has it, and the URL is all that it takes to get it there.
    pub(super) fn redirect_to_layer(&mut self, name: &RepositoryName, digest: &Digest) -> Result<Response, Refusal> {
        self.permit(name, "GetDownloadUrlForLayer")?;
        let layer = self.layer(name, digest)?;
        let url = download_url(
            self.world,
            self.inbound,
            &self.registry.endpoint_region(),
            &layer,
            self.now,
        )
        .ok_or_else(|| Refusal::new(ErrorCode::BlobUnknown, "The layer has no URL."))?;
        let mut response = respond(StatusCode::TEMPORARY_REDIRECT, "text/plain; charset=utf-8", "");
        set_header(&mut response, header::LOCATION, &url);
        Ok(response)
    }

    /// HEAD of a blob, which is answered here.
    pub(super) fn find_layer(&mut self, name: &RepositoryName, digest: &Digest) -> Result<Response, Refusal> {
        // The public registry answers so whoever asks (aws/containers-roadmap#2671).
        if self.registry.alias.is_some() {
            return Err(Refusal::Challenge);
        }
        self.permit(name, "BatchCheckLayerAvailability")?;
        let layer = self.layer(name, digest)?;
        let mut response = respond(StatusCode::OK, "application/octet-stream", "");
        set_header(&mut response, header::CONTENT_LENGTH, &layer.size.to_string());
        let content_digest = HeaderName::from_static("docker-content-digest");
        set_header(&mut response, content_digest, &digest.to_string());
        Ok(response)
    }

    fn layer(&self, name: &RepositoryName, digest: &Digest) -> Result<Layer, Refusal> {
        self.read(name, |repository| repository.layers.get(digest).cloned())?
            .ok_or_else(|| {
                Refusal::new(
                    ErrorCode::BlobUnknown,
                    format!(
                        "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the \
                         registry with id '{}'",
                        self.registry.id()
                    ),
                )
            })
    }
}

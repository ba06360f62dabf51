use std::time::Duration;

use http::{HeaderName, StatusCode, header};
use oci::{Digest, ErrorCode, RepositoryName};

use super::{Visit, refusal::Refusal};
use crate::{
    exchange::{Response, respond, set_header},
    host::Host,
    world::Layer,
};

/// How long the URL of a layer is good for.
const LIFETIME: Duration = Duration::from_hours(1);

impl Visit<'_> {
    /// GET of a blob: the layer bucket has it, and the URL is all that it takes to get it there.
    pub(super) fn redirect_to_layer(&mut self, name: &RepositoryName, digest: &Digest) -> Result<Response, Refusal> {
        self.permit(name, "ecr:GetDownloadUrlForLayer")?;
        let layer = self.layer(name, digest)?;
        let bucket = Host::LayerBucket {
            region: self.registry.region.clone(),
        };
        let url = self.inbound.url(&bucket, &format!("/{}", layer.object));
        let presign = |now| {
            let presigner = &self.world.presigner;
            presigner.presign(&url, self.registry.region, now, LIFETIME)
        };
        let url = self
            .world
            .trouble
            .fresh_url(self.now, presign)
            .ok_or_else(|| Refusal::new(ErrorCode::BlobUnknown, "The layer has no URL."))?;
        let mut response = respond(StatusCode::TEMPORARY_REDIRECT, "text/plain; charset=utf-8", "");
        set_header(&mut response, header::LOCATION, &url);
        Ok(response)
    }

    /// HEAD of a blob, which is answered here.
    pub(super) fn find_layer(&mut self, name: &RepositoryName, digest: &Digest) -> Result<Response, Refusal> {
        self.permit(name, "ecr:BatchCheckLayerAvailability")?;
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
                        self.registry.account
                    ),
                )
            })
    }
}

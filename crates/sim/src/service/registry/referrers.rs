use http::{HeaderName, StatusCode};
use oci::{Digest, MediaType, RepositoryName};
use serde_json::json;

use super::{Visit, refusal::Refusal};
use crate::{
    exchange::{Response, respond, set_header},
    service::ecr::described_referrer,
};

impl Visit<'_> {
    /// GET of referrers: an index of what is about an image, which need not be there (distribution specification 1.1,
    /// "Listing Referrers").
    pub(super) fn referrers(&mut self, name: &RepositoryName, subject: &Digest) -> Result<Response, Refusal> {
        self.permit(name, "BatchGetImage")?;
        let asked = self.param("artifactType");
        let referrers = self.read(name, |repository| {
            let referrers = repository.referrers(subject).filter(|(_, image)| {
                let asked = asked.as_deref();
                asked.is_none_or(|asked| image.artifact_type() == Some(asked))
            });
            let referrers = referrers.map(|(digest, image)| described_referrer(digest, image));
            referrers.collect::<Vec<_>>()
        })?;
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": referrers});
        let mut response = respond(StatusCode::OK, MediaType::OCI_INDEX, index.to_string());
        if asked.is_some() {
            let applied = HeaderName::from_static("oci-filters-applied");
            set_header(&mut response, applied, "artifactType");
        }
        Ok(response)
    }
}

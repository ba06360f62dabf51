use http::{HeaderName, StatusCode, header};
use oci::{Digest, ErrorCode, Manifest, Reference, RepositoryName};

use super::{Visit, refusal::Refusal};
use crate::{
    exchange::{Response, read, respond, set_header},
    request_body::RequestBody,
    service::ecr::{Accepted, Served, read_manifest},
    world::{NotRemoved, NotStored},
};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Visit<'_> {
    /// GET or HEAD of a manifest.
    pub(super) fn manifest(
        &mut self,
        name: &RepositoryName,
        reference: &Reference,
        with_body: bool,
    ) -> Result<Response, Refusal> {
        self.permit(name, "BatchGetImage")?;
        let accept = self.inbound.parts.headers.get_all(header::ACCEPT);
        let accepted = Accepted::from_header(accept.iter().filter_map(|value| value.to_str().ok()));
        let found = self.read(name, |repository| {
            let (digest, image) = repository.image(reference)?;
            if with_body {
                image.note_pull(self.now);
            }
            match reference {
                Reference::Digest(_) => Some(Served::stored(digest, image)),
                Reference::Tag(_) => Served::of_tag(digest, image, &accepted),
            }
        })?;
        let served = found.ok_or_else(no_image)?;
        let length = served.bytes.len().to_string();
        let body = if with_body { served.bytes } else { Vec::new().into() };
        let mut response = respond(StatusCode::OK, "", body);
        set_header(&mut response, header::CONTENT_TYPE, served.media_type.as_str());
        set_header(&mut response, header::CONTENT_LENGTH, &length);
        set_header(&mut response, CONTENT_DIGEST, &served.digest.to_string());
        Ok(response)
    }

    /// PUT of a manifest, which must refer to nothing that is not there.
    pub(super) async fn put_manifest(
        &mut self,
        name: &RepositoryName,
        reference: &Reference,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "PutImage")?;
        let bytes = read(body, Manifest::MAX_LENGTH).await?;
        let image = read_manifest(self.inbound.header(header::CONTENT_TYPE), bytes, self.now)?;
        let digest = Digest::of(&image.bytes);
        if let Reference::Digest(claimed) = reference
            && *claimed != digest
        {
            return Err(Refusal::new(
                ErrorCode::ManifestInvalid,
                format!(
                    "The image with digest '{claimed}' in repository '{name}' and registry ID '{}' does not match the \
                     image digest that Amazon ECR has calculated.",
                    self.registry.id()
                ),
            ));
        }
        let subject = image.subject().cloned();
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        // Checked and kept in one step: nothing that it needs can go in between.
        let account = self.registry.account;
        self.world.write(|state| {
            let repository = state.repository_mut(account, self.registry.region, name);
            let repository = repository.ok_or_else(|| self.no_repository(name))?;
            let stored = repository.store(&digest, image, tag);
            stored.map_err(|error| self.not_stored(name, &error))
        })?;
        let mut response = self.located(StatusCode::CREATED, name, &format!("manifests/{digest}"));
        set_header(&mut response, CONTENT_DIGEST, &digest.to_string());
        if let Some(subject) = subject {
            set_header(
                &mut response,
                HeaderName::from_static("oci-subject"),
                &subject.to_string(),
            );
        }
        Ok(response)
    }

    /// DELETE of a manifest, which is ECR's `BatchDeleteImage` of one.
    pub(super) async fn delete_manifest(
        &mut self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Response, Refusal> {
        self.permit(name, "BatchDeleteImage")?;
        let place = self.registry.place(name);
        let removed = match reference {
            Reference::Tag(tag) => self.world.remove_image(&place, None, Some(tag)).await,
            Reference::Digest(digest) => self.world.remove_image(&place, Some(digest), None).await,
        };
        removed.map_err(|error| match error {
            NotRemoved::NoRepository => self.no_repository(name),
            NotRemoved::NoImage | NotRemoved::OtherDigest => no_image(),
            NotRemoved::Referenced(indexes) => Refusal::new(ErrorCode::Unsupported, indexes.to_string()),
        })?;
        Ok(respond(StatusCode::ACCEPTED, "text/plain; charset=utf-8", ""))
    }

    fn not_stored(&self, name: &RepositoryName, error: &NotStored) -> Refusal {
        let code = match error {
            NotStored::LayersMissing(_) => ErrorCode::BlobUploadUnknown,
            NotStored::ImagesMissing(_) => ErrorCode::ManifestBlobUnknown,
            NotStored::TagPinned(_) => ErrorCode::TagInvalid,
            NotStored::Full => ErrorCode::Denied,
        };
        Refusal::new(code, error.sentence(name, &self.registry.id()))
    }
}

fn no_image() -> Refusal {
    Refusal::new(ErrorCode::ManifestUnknown, "Requested image not found")
}

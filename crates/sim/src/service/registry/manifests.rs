use http::{HeaderName, StatusCode, header};
use oci::{Descriptor, Digest, ErrorCode, Manifest, MediaType, Reference, RepositoryName};
use serde_json::Value;

use super::{Visit, refusal::Refusal};
use crate::{
    exchange::{Response, read, respond, set_header},
    request_body::RequestBody,
    world::{Image, Repository},
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
        self.permit(name, "ecr:BatchGetImage")?;
        let found = self.read(name, |repository| {
            repository
                .image(reference)
                .map(|(digest, image)| (digest.clone(), image.clone()))
        })?;
        let (digest, image) =
            found.ok_or_else(|| Refusal::new(ErrorCode::ManifestUnknown, "Requested image not found"))?;
        let length = image.bytes.len().to_string();
        let body = if with_body { image.bytes } else { Vec::new().into() };
        let mut response = respond(StatusCode::OK, "", body);
        set_header(&mut response, header::CONTENT_TYPE, image.media_type.as_str());
        set_header(&mut response, header::CONTENT_LENGTH, &length);
        set_header(&mut response, CONTENT_DIGEST, &digest.to_string());
        Ok(response)
    }

    /// PUT of a manifest, which must refer to nothing that is not there.
    pub(super) async fn put_manifest(
        &mut self,
        name: &RepositoryName,
        reference: &Reference,
        body: RequestBody,
    ) -> Result<Response, Refusal> {
        self.permit(name, "ecr:PutImage")?;
        let bytes = read(body, Manifest::MAX_LENGTH).await?;
        let media_type = self.media_type(&bytes)?;
        let manifest = Manifest::parse(&media_type, &bytes).map_err(|error| {
            tracing::debug!(%error, "a manifest was refused");
            invalid_manifest("Invalid JSON syntax")
        })?;
        let digest = Digest::of(&bytes);
        if let Reference::Digest(claimed) = reference
            && *claimed != digest
        {
            return Err(Refusal::new(
                ErrorCode::ManifestInvalid,
                format!(
                    "The image with digest '{claimed}' in repository '{name}' and registry ID '{}' does not match the \
                     image digest that Amazon ECR has calculated.",
                    self.registry.account
                ),
            ));
        }
        self.store(name, reference, &digest, &manifest, Image { media_type, bytes })?;
        let mut response = self.located(StatusCode::CREATED, &format!("/v2/{name}/manifests/{digest}"));
        set_header(&mut response, CONTENT_DIGEST, &digest.to_string());
        Ok(response)
    }

    /// Checks what the manifest refers to and keeps it, in one step: nothing it needs can go in between.
    fn store(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        digest: &Digest,
        manifest: &Manifest,
        image: Image,
    ) -> Result<(), Refusal> {
        let account = self.registry.account;
        self.world.write(|state| {
            let repository = state.repository_mut(account, self.registry.region, name);
            let repository = repository.ok_or_else(|| self.no_repository(name))?;
            let missing = missing(manifest, repository);
            if !missing.is_empty() {
                let (code, kind) = match manifest {
                    Manifest::Image { .. } => (ErrorCode::BlobUploadUnknown, "Layers"),
                    Manifest::Index { .. } => (ErrorCode::ManifestBlobUnknown, "Images"),
                };
                return Err(Refusal::new(
                    code,
                    format!(
                        "{kind} with digests '[{}]' required for pushing image into repository with name '{name}' in \
                         the registry with id '{account}' do not exist",
                        missing.join(", ")
                    ),
                ));
            }
            repository.images.insert(digest.clone(), image);
            if let Reference::Tag(tag) = reference {
                repository.tags.insert(tag.clone(), digest.clone());
            }
            Ok(())
        })
    }

    /// The manifest's type: what the header says, which must agree with what the manifest says of itself.
    fn media_type(&self, bytes: &[u8]) -> Result<MediaType, Refusal> {
        let document = serde_json::from_slice::<Value>(bytes).map_err(|_| invalid_manifest("Invalid JSON syntax"))?;
        let written = document.get("mediaType").and_then(Value::as_str);
        let header = self.inbound.header(header::CONTENT_TYPE);
        let media_type = header
            .or(written)
            .and_then(MediaType::from_header)
            .ok_or_else(|| invalid_manifest("The media type of the manifest is missing"))?;
        if written.is_some_and(|written| written != media_type.as_str()) {
            return Err(invalid_manifest(
                "Content-Type header does not match the manifest media type",
            ));
        }
        if !media_type.is_manifest() {
            let shown = media_type.as_str();
            return Err(Refusal::new(
                ErrorCode::Unsupported,
                format!(
                    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Manifest media type {shown} is \
                     not supported'"
                ),
            ));
        }
        Ok(media_type)
    }
}

/// The digests that the manifest refers to and the repository does not have.
fn missing(manifest: &Manifest, repository: &Repository) -> Vec<String> {
    let is_there = |child: &Descriptor| match manifest {
        Manifest::Image { .. } => repository.layers.contains_key(&child.digest) || is_foreign(&child.media_type),
        Manifest::Index { .. } => repository.images.contains_key(&child.digest),
    };
    manifest
        .children()
        .filter(|child| !is_there(child))
        .map(|child| child.digest.to_string())
        .collect()
}

/// Layers that may not be distributed stay where their URLs say.
fn is_foreign(media_type: &MediaType) -> bool {
    media_type.as_str().contains("nondistributable") || media_type.as_str().contains(".foreign.")
}

fn invalid_manifest(constraint: &str) -> Refusal {
    Refusal::new(
        ErrorCode::ManifestInvalid,
        format!("Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{constraint}'"),
    )
}

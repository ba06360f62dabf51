//! Pushing over the OCI API.

use oci::{Digest, MediaType};
use serde_json::json;

use crate::stage::{Answer, REGISTRY, Stage};

/// What was pushed.
pub(crate) struct Image {
    pub(crate) manifest: String,
    pub(crate) digest: Digest,
    pub(crate) config: Vec<u8>,
    pub(crate) layer: Vec<u8>,
}

impl Image {
    pub(crate) fn new(seed: u8) -> Self {
        let config = format!("{{\"architecture\":\"amd64\",\"seed\":{seed}}}").into_bytes();
        // Longer than what is read from the disk at once.
        let layer = (0..700_000_u32)
            .map(|n| (n.wrapping_mul(31) >> 3) as u8 ^ seed)
            .collect::<Vec<_>>();
        let descriptor = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(content).to_string(), "size": content.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": descriptor(MediaType::OCI_CONFIG, &config),
            "layers": [descriptor(MediaType::OCI_LAYER_GZIP, &layer)],
        })
        .to_string();
        Self {
            digest: Digest::of(manifest.as_bytes()),
            manifest,
            config,
            layer,
        }
    }
}

impl Stage {
    /// Pushes an image as `name:1` into the registry of [`crate::stage::ACCOUNT`].
    pub(crate) async fn push(&self, login: &str, name: &str, image: &Image) {
        for content in [&image.config, &image.layer] {
            assert_eq!(self.upload(login, name, content).await.status, 201);
        }
        let answer = self.put_manifest(login, name, "1", &image.manifest).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// Uploads a blob: POST, then the whole of it by PUT.
    pub(crate) async fn upload(&self, login: &str, name: &str, content: &[u8]) -> Answer {
        let location = self.begin(login, name).await;
        self.finish(login, &location, content, &Digest::of(content)).await
    }

    /// Begins an upload; its URL.
    pub(crate) async fn begin(&self, login: &str, name: &str) -> String {
        let request = self.http.post(format!("{REGISTRY}/v2/{name}/blobs/uploads/"));
        let answer = self.send(request.header("authorization", login).build().unwrap()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("location").to_owned()
    }

    pub(crate) async fn finish(&self, login: &str, location: &str, content: &[u8], digest: &Digest) -> Answer {
        let request = self
            .http
            .put(format!("{location}?digest={digest}"))
            .header("authorization", login)
            .body(content.to_vec());
        self.send(request.build().unwrap()).await
    }

    pub(crate) async fn put_manifest(&self, login: &str, name: &str, reference: &str, manifest: &str) -> Answer {
        let request = self
            .http
            .put(format!("{REGISTRY}/v2/{name}/manifests/{reference}"))
            .header("authorization", login)
            .header("content-type", MediaType::OCI_MANIFEST)
            .body(manifest.to_owned());
        self.send(request.build().unwrap()).await
    }

    /// A GET in the registry.
    pub(crate) async fn pull(&self, login: &str, path: &str) -> Answer {
        let request = self.get(&format!("{REGISTRY}{path}")).header("authorization", login);
        self.send(request.build().unwrap()).await
    }

    /// The presigned URL of a blob.
    pub(crate) async fn layer_url(&self, login: &str, name: &str, digest: &Digest) -> String {
        let answer = self.pull(login, &format!("/v2/{name}/blobs/{digest}")).await;
        assert_eq!(answer.status, 307, "{}", answer.text());
        answer.header("location").to_owned()
    }
}

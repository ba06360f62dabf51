//! An image index in the simulated registry, with an image for this machine's platform and one for another.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use oci::{Descriptor, Digest, MediaType};
use serde_json::{Value, json};
use wharfinger::demo::{Administrator, Image, Stage};

use crate::installation::Installation;

/// What was pushed.
pub(crate) struct Index {
    pub(crate) digest: Digest,
    /// The image for this machine.
    pub(crate) here: Image,
    /// The image for other machines.
    pub(crate) elsewhere: Image,
}

/// Pushes an index under a tag.
pub(crate) fn push_index(installation: &Installation, tag: &str) -> Index {
    let here = Image::generate(&[50_000], 2).unwrap();
    let own = architecture(&here);
    let other = if own == "amd64" { "arm64" } else { "amd64" };
    let elsewhere = with_architecture(Image::generate(&[50_000], 3).unwrap(), other);
    let manifests = [(&elsewhere, other), (&here, &own)].map(|(image, architecture)| {
        let size = image.manifest.len() as u64;
        let mut descriptor = json!(Descriptor::new(MediaType::OCI_MANIFEST, image.digest(), size));
        descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
        descriptor
    });
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests }).to_string();
    let (digest, stage) = (Digest::of(index.as_bytes()), installation.stage());
    installation.block_on(async {
        stage.push(&format!("{tag}-here"), &here, |_| ()).await.unwrap();
        stage
            .push(&format!("{tag}-elsewhere"), &elsewhere, |_| ())
            .await
            .unwrap();
        put(stage, tag, index).await;
    });
    Index {
        digest,
        here,
        elsewhere,
    }
}

/// The processor that the image is for.
fn architecture(image: &Image) -> String {
    let config: Value = serde_json::from_slice(&image.config).unwrap();
    config["architecture"].as_str().unwrap().to_owned()
}

/// The same image for another processor.
fn with_architecture(mut image: Image, architecture: &str) -> Image {
    let mut config: Value = serde_json::from_slice(&image.config).unwrap();
    config["architecture"] = architecture.into();
    image.config = config.to_string().into();
    let mut manifest: Value = serde_json::from_slice(&image.manifest).unwrap();
    manifest["config"]["digest"] = json!(Digest::of(&image.config));
    manifest["config"]["size"] = image.config.len().into();
    image.manifest = manifest.to_string().into();
    image
}

async fn put(stage: &Stage, tag: &str, index: String) {
    let (client, account) = (stage.client().unwrap(), Stage::REGISTRY_ACCOUNT);
    let key = stage.aws().unwrap().root_credentials(&account.parse().unwrap());
    let administrator = Administrator::new(client.clone(), account, Stage::REGION, &key.id, &key.secret);
    let login = administrator.ecr("GetAuthorizationToken", json!({}), Timestamp::now());
    let login = login.await.unwrap();
    let token = login["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let token = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let url = format!("https://{}/v2/{}/manifests/{tag}", Stage::registry(), Stage::REPOSITORY);
    let put = client
        .put(url)
        .basic_auth("AWS", token.strip_prefix("AWS:"))
        .header("content-type", MediaType::OCI_INDEX)
        .body(index);
    let answer = put.send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

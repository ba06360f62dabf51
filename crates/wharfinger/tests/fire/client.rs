//! A client that believes nothing that it has not verified.

use oci::{Digest, Manifest, MediaType};
use serde_json::{Value, json};
use wharfinger::demo::Image;

use crate::harbour::Harbour;

/// The image that is pulled, with layers of these sizes.
pub(crate) struct Cargo {
    pub(crate) harbour: Harbour,
    pub(crate) image: Image,
}

impl Cargo {
    pub(crate) async fn of(layers: &[usize]) -> Self {
        let harbour = Harbour::keyless().await;
        let image = Image::generate(layers, 7).unwrap();
        let name = "team/app".parse().unwrap();
        let push = harbour.administrator.push(&name, "fire", &image, harbour.now(), |_| ());
        push.await.unwrap();
        Self { harbour, image }
    }

    pub(crate) fn strike(&self, when: Value, times: Option<u32>, what: Value) {
        let mut rule = json!({ "id": "fire", "when": when, "what": what });
        if let Some(times) = times {
            rule["times"] = times.into();
        }
        self.harbour.break_with(rule);
    }

    /// How often the rule struck.
    pub(crate) fn strikes(&self) -> usize {
        let struck = |call: &sim::Call| call.fault.as_deref().is_some_and(|fault| fault.contains("fire"));
        self.harbour.sim.trail().iter().filter(|call| struck(call)).count()
    }

    pub(crate) fn cease(&self) {
        self.harbour.sim.clear_faults();
    }

    /// Pulls the image: nothing where all of it came and is right, else what the client was told.
    pub(crate) async fn pull(&self) -> Result<(), String> {
        let manifest = self.fetch("manifests/fire", &self.image.digest()).await?;
        let manifest = Manifest::parse(&MediaType::OCI_MANIFEST.into(), &manifest).unwrap();
        for child in manifest.children() {
            self.fetch(&format!("blobs/{}", child.digest), &child.digest).await?;
        }
        Ok(())
    }

    /// What is there, if it is what it should be. Bytes that came to their end and are wrong fail the test.
    pub(crate) async fn fetch(&self, path: &str, digest: &Digest) -> Result<Vec<u8>, String> {
        let answer = self.harbour.request(&format!("team/app/{path}")).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap();
            let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no envelope: {text}"));
            let message = error["errors"][0]["message"].as_str().unwrap().to_owned();
            assert!(message.len() > 20, "an error that says nothing: {text}");
            return Err(format!("{status}: {message}"));
        }
        let bytes = answer.bytes().await.map_err(|error| format!("broke off: {error}"))?;
        assert_eq!(Digest::of(&bytes), *digest, "wrong bytes of {path} counted as success");
        Ok(bytes.to_vec())
    }
}

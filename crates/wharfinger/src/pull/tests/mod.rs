//! Pulls from a registry of this process, over real sockets.

mod commands;
mod connections;
mod interruption;
mod login;
mod outputs;
mod platforms;
mod redirects;
mod registry;
mod resumption;
mod tampering;
mod warm;

use std::{fs, path::Path, time::Duration};

use oci::{Descriptor, Digest, MediaType};
use serde_json::{Value, json};

use super::{Output, Patience, Pull, PullError, Pulled};
use registry::TestRegistry;

/// The image that most tests pull, and where it is put.
struct Scene {
    registry: TestRegistry,
    folder: tempfile::TempDir,
    image: TestImage,
}

/// An image of two layers.
struct TestImage {
    manifest: Vec<u8>,
    layers: [Vec<u8>; 2],
    config: Vec<u8>,
}

impl Scene {
    /// A registry with an image under the tag `1`.
    async fn new() -> Self {
        let registry = TestRegistry::start().await;
        let image = TestImage::new("amd64");
        image.push(&registry, Some("1"));
        Self {
            registry,
            folder: tempfile::tempdir().unwrap(),
            image,
        }
    }

    /// The layout of this scene.
    fn layout(&self) -> std::path::PathBuf {
        self.folder.path().join("layout")
    }

    /// A pull through this registry into the layout.
    fn pull(&self, reference: &str) -> Pull {
        let output = Output::Layout(self.layout());
        let outgoing = net::Outgoing {
            resolve: net::Resolve::default(),
            roots: net::Roots::system(),
        };
        let mut pull = Pull::new(format!("r.test/team/app{reference}").parse().unwrap(), output, outgoing);
        pull.proxy = Some(self.registry.url().parse().unwrap());
        pull.patience = IMPATIENT;
        pull
    }

    async fn run(&self) -> Result<Pulled, PullError> {
        self.pull(":1").run().await
    }

    /// The file of a blob that is on its way.
    fn partial(&self, content: &[u8]) -> std::path::PathBuf {
        self.layout()
            .join(".wharfinger-partial")
            .join(Digest::of(content).to_string())
    }

    fn blob(&self, content: &[u8]) -> std::path::PathBuf {
        self.layout().join("blobs/sha256").join(Digest::of(content).hex())
    }

    /// Asserts that the layout holds the image, byte for byte.
    fn assert_whole(&self) {
        for content in self.image.contents() {
            assert_eq!(fs::read(self.blob(content)).unwrap(), content);
        }
        assert!(!self.layout().join(".wharfinger-partial").exists());
        let names = names(&self.layout());
        assert!(
            names
                .iter()
                .any(|(_, digest)| *digest == Digest::of(&self.image.manifest).to_string())
        );
    }

    /// Asserts that nothing in the folder could be taken for an image.
    fn assert_nothing_looks_whole(&self) {
        assert!(!self.layout().join("index.json").exists());
        assert!(!self.blob(&self.image.manifest).exists());
        for entry in fs::read_dir(self.layout().join("blobs/sha256")).into_iter().flatten() {
            let path = entry.unwrap().path();
            let hex = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(
                Digest::of(&fs::read(&path).unwrap()).hex(),
                hex,
                "a blob that is not what its name says"
            );
        }
    }
}

impl TestImage {
    fn new(architecture: &str) -> Self {
        let config = json!({ "architecture": architecture, "os": "linux", "rootfs": { "type": "layers" } });
        let config = config.to_string().into_bytes();
        let layers = [40_000, 50_000].map(|size| (0..size).map(|n: u32| (n * n / 7) as u8).collect::<Vec<_>>());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": descriptor(MediaType::OCI_CONFIG, &config),
            "layers": layers.each_ref().map(|layer| descriptor(MediaType::OCI_LAYER_GZIP, layer)),
        });
        Self {
            manifest: manifest.to_string().into_bytes(),
            layers,
            config,
        }
    }

    fn push(&self, registry: &TestRegistry, tag: Option<&str>) {
        registry.hold(None, "application/octet-stream", &self.config);
        for layer in &self.layers {
            registry.hold(None, "application/octet-stream", layer);
        }
        registry.hold(tag, MediaType::OCI_MANIFEST, &self.manifest);
    }

    fn contents(&self) -> [&[u8]; 4] {
        [&self.manifest, &self.config, &self.layers[0], &self.layers[1]]
    }
}

fn descriptor(media_type: &'static str, content: &[u8]) -> Descriptor {
    Descriptor::new(media_type, Digest::of(content), content.len() as u64)
}

/// The names and digests in a layout's index.
fn names(layout: &Path) -> Vec<(String, String)> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = index["manifests"].as_array().unwrap().iter();
    let name = |entry: &Value| text(&entry["annotations"]["org.opencontainers.image.ref.name"]);
    entries.map(|entry| (name(entry), text(&entry["digest"]))).collect()
}

/// Tests do not wait.
const IMPATIENT: Patience = Patience {
    tries: 4,
    first_pause: Duration::ZERO,
    longest_pause: Duration::ZERO,
};

//! The simulated AWS that everybody pulls from, and the images in it.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::simulator::{ANY, Key, Repository, Simulator};
use super::usage;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
const REGION: &str = "us-east-1";
/// Where its layers are.
pub(crate) const LAYERS: &str = "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com";
pub(crate) const REPOSITORY: &str = "team/app";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Debug)]
pub(crate) struct Aws {
    folder: PathBuf,
    /// Where the registry is, by plain HTTP.
    pub(crate) registry: SocketAddr,
    pub(crate) key: Key,
    /// `AWS:…` in base64, as `GetAuthorizationToken` gave it.
    pub(crate) login: String,
    repository: Repository,
    /// Last, so that it ends last.
    pub(crate) simulator: Simulator,
}

/// What is in an image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) tag: &'static str,
    /// Digest of the manifest.
    pub(crate) digest: String,
    /// Digests of the layers.
    pub(crate) layers: Vec<String>,
}

impl Aws {
    /// Starts it, with an empty repository.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        // The usual port, for clients that have no way to be told another one, where this user may have it.
        let listen = TcpListener::bind(USUAL).map_or(ANY, |_| USUAL);
        let simulator = Simulator::start(program, folder, listen, &[&format!("{ACCOUNT}/{REGION}")])?;
        let key = simulator.key(ACCOUNT)?;
        let repository = json!({ "repositoryName": REPOSITORY });
        simulator.ecr(REGION, &key, "CreateRepository", &repository)?;
        let login = simulator.login(REGION, &key)?;
        let registry = simulator.registries.first().context("the simulator has no registry")?;
        Ok(Self {
            folder: folder.to_owned(),
            registry: *registry,
            repository: Repository {
                address: *registry,
                name: REPOSITORY.to_owned(),
                login: login.clone(),
            },
            login,
            key,
            simulator,
        })
    }

    /// Pushes an image of layers of these sizes, with random bytes.
    pub(crate) fn push(&self, tag: &'static str, layers: &[u64]) -> Result<Image> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let mut descriptors = Vec::new();
        for (number, size) in layers.iter().enumerate() {
            let file = folder.path().join(number.to_string());
            let mut random = File::open("/dev/urandom")?.take(*size);
            std::io::copy(&mut random, &mut File::create(&file)?)?;
            let digest = self.repository.push_blob(&file)?;
            descriptors.push(json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size,
            }));
        }
        let ids: Vec<_> = descriptors.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": ids },
        });
        let file = folder.path().join("config");
        fs::write(&file, config.to_string())?;
        let digest = self.repository.push_blob(&file)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest,
                "size": config.to_string().len(),
            },
            "layers": descriptors,
        });
        let file = folder.path().join("manifest");
        let digest = self
            .repository
            .push_manifest(tag, MANIFEST, &manifest.to_string(), &file)?;
        let layers = descriptors.iter().filter_map(|layer| layer["digest"].as_str());
        Ok(Image {
            tag,
            digest,
            layers: layers.map(str::to_owned).collect(),
        })
    }

    /// Sets what the network to the layers is like, or makes it as fast as it can be.
    pub(crate) fn layers_come_at(&self, bytes_per_second: Option<u64>) -> Result<()> {
        self.simulator.steer("DELETE", "network", None)?;
        if let Some(speed) = bytes_per_second {
            let network = json!({ "service": "layerBucket", "bytesPerSecond": speed });
            self.simulator.steer("POST", "network", Some(&network))?;
        }
        Ok(())
    }

    /// Where all names are, for clients that look for them at the port of HTTPS.
    pub(crate) fn names_at_the_usual_port(&self) -> Result<IpAddr> {
        match self.simulator.names.port() {
            443 => Ok(self.simulator.names.ip()),
            _ => bail!("{USUAL} could not be had; a direct pull by the registry's name needs it, and root"),
        }
    }

    /// How many calls there were so far.
    pub(crate) fn calls(&self) -> Result<u64> {
        let status: Value = serde_json::from_str(&self.simulator.told("")?)?;
        status["calls"]
            .as_u64()
            .context("the simulator does not count its calls")
    }

    /// How many bytes it has read from its disk so far. It sends what it reads of layers, and keeps none of it.
    pub(crate) fn read(&self) -> Result<u64> {
        usage::read(self.simulator.id())
    }

    /// The latest calls, as many as are asked for.
    pub(crate) fn trail(&self, last: u64) -> Result<Vec<Value>> {
        if last == 0 {
            return Ok(Vec::new());
        }
        let lines = self.simulator.told(&format!("trail?last={last}"))?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// An address that hardly anybody else listens at.
const USUAL: &str = "127.0.0.2:443";

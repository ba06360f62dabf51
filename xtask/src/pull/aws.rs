//! The simulated AWS that everybody pulls from, and the images in it.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::{Process, output};
use super::usage;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
/// Where its layers are.
pub(crate) const LAYERS: &str = "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com";
pub(crate) const REPOSITORY: &str = "team/app";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Debug)]
pub(crate) struct Aws {
    folder: PathBuf,
    /// Where all names are, by TLS.
    pub(crate) names: SocketAddr,
    /// Where the registry is, by plain HTTP.
    pub(crate) registry: SocketAddr,
    /// The certificate of its authority.
    pub(crate) authority: PathBuf,
    pub(crate) key: Key,
    /// `AWS:…` in base64, as `GetAuthorizationToken` gave it.
    pub(crate) login: String,
    control: String,
    /// Last, so that it ends last.
    process: Process,
}

/// The root user's key of the account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
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

/// Where everything is, as the simulator says it.
#[derive(Debug, Deserialize)]
struct Whereabouts {
    authority: PathBuf,
    control: String,
    endpoint: String,
    names: SocketAddr,
    registries: Vec<Registry>,
}

#[derive(Debug, Deserialize)]
struct Registry {
    address: SocketAddr,
}

impl Aws {
    /// Starts it, with an empty repository.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let any = "127.0.0.1:0";
        let registry = format!("{ACCOUNT}/us-east-1={any}");
        // The usual port, for clients that have no way to be told another one, where this user may have it.
        let listen = TcpListener::bind(USUAL).map_or(any, |_| USUAL);
        let mut command = Command::new(program);
        command.args(["sim", "serve", "--listen", listen, "--endpoint", any, "--control", any]);
        command.args(["--registry", &registry, "--format", "json", "--state"]);
        command.arg(folder.join("aws")).env("RUST_LOG", "warn");
        let mut process = Process::start(&mut command, folder, "aws")?;
        let all: Whereabouts = serde_json::from_str(&process.line()?)?;
        let credentials = get(&format!("http://{}/credentials/{ACCOUNT}", all.control))?;
        let key: Key = serde_json::from_str(&credentials)?;
        ecr(
            &all.endpoint,
            &key,
            "CreateRepository",
            &json!({ "repositoryName": REPOSITORY }),
        )?;
        let login = ecr(&all.endpoint, &key, "GetAuthorizationToken", &json!({}))?;
        let login = login["authorizationData"][0]["authorizationToken"].as_str();
        Ok(Self {
            folder: folder.to_owned(),
            names: all.names,
            registry: all.registries.first().context("the simulator has no registry")?.address,
            authority: all.authority,
            login: login.context("GetAuthorizationToken brought no token")?.to_owned(),
            key,
            control: all.control,
            process,
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
            let digest = self.push_blob(&file)?;
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
        let digest = self.push_blob(&file)?;
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
        fs::write(&file, manifest.to_string())?;
        self.upload(&self.url(&format!("manifests/{tag}")), MANIFEST, &file)?;
        let digest = digest_of(&file)?;
        let layers = descriptors.iter().filter_map(|layer| layer["digest"].as_str());
        Ok(Image {
            tag,
            digest,
            layers: layers.map(str::to_owned).collect(),
        })
    }

    /// Sets what the network to the layers is like, or makes it as fast as it can be.
    pub(crate) fn layers_come_at(&self, bytes_per_second: Option<u64>) -> Result<()> {
        let url = format!("http://{}/network", self.control);
        output(curl(&url).args(["--request", "DELETE"]))?;
        if let Some(speed) = bytes_per_second {
            let network = json!({ "service": "layerBucket", "bytesPerSecond": speed });
            let json = "Content-Type: application/json";
            output(curl(&url).args(["--header", json, "--data", &network.to_string()]))?;
        }
        Ok(())
    }

    /// Where all names are, for clients that look for them at the port of HTTPS.
    pub(crate) fn names_at_the_usual_port(&self) -> Result<IpAddr> {
        match self.names.port() {
            443 => Ok(self.names.ip()),
            _ => bail!("{USUAL} could not be had; a direct pull by the registry's name needs it, and root"),
        }
    }

    /// How many calls there were so far.
    pub(crate) fn calls(&self) -> Result<u64> {
        let status: Value = serde_json::from_str(&get(&format!("http://{}/", self.control))?)?;
        status["calls"]
            .as_u64()
            .context("the simulator does not count its calls")
    }

    /// How many bytes it has read from its disk so far. It sends what it reads of layers, and keeps none of it.
    pub(crate) fn read(&self) -> Result<u64> {
        usage::read(self.process.id())
    }

    /// The latest calls, as many as are asked for.
    pub(crate) fn trail(&self, last: u64) -> Result<Vec<Value>> {
        if last == 0 {
            return Ok(Vec::new());
        }
        let lines = get(&format!("http://{}/trail?last={last}", self.control))?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    fn push_blob(&self, file: &Path) -> Result<String> {
        let digest = digest_of(file)?;
        let mut begin = self.call("POST", &self.url("blobs/uploads/"));
        let place = output(begin.args(["--output", "/dev/null", "--write-out", "%header{location}"]))?;
        self.upload(
            &format!("{}?digest={digest}", place.trim()),
            "application/octet-stream",
            file,
        )?;
        Ok(digest)
    }

    fn upload(&self, url: &str, kind: &str, file: &Path) -> Result<()> {
        let mut command = self.call("PUT", url);
        command.args(["--header", &format!("Content-Type: {kind}")]);
        // Streamed: `--data-binary` would hold all of it in memory.
        output(command.arg("--upload-file").arg(file))?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{REPOSITORY}/{path}", self.registry)
    }

    fn call(&self, method: &str, url: &str) -> Command {
        let mut command = curl(url);
        let login = format!("Authorization: Basic {}", self.login);
        command.args(["--request", method, "--header", &login]);
        command
    }
}

/// An address that hardly anybody else listens at.
const USUAL: &str = "127.0.0.2:443";

/// An operation of ECR, signed.
fn ecr(endpoint: &str, key: &Key, operation: &str, input: &Value) -> Result<Value> {
    let mut command = curl(endpoint);
    let user = format!("{}:{}", key.access_key_id, key.secret_access_key);
    let target = format!("X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}");
    command.args([
        "--aws-sigv4",
        "aws:amz:us-east-1:ecr",
        "--user",
        &user,
        "--header",
        &target,
    ]);
    command.args(["--header", "Content-Type: application/x-amz-json-1.1"]);
    command.args(["--data", &input.to_string()]);
    Ok(serde_json::from_str(&output(&mut command)?)?)
}

fn get(url: &str) -> Result<String> {
    output(&mut curl(url))
}

fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", url]);
    command
}

fn digest_of(file: &Path) -> Result<String> {
    let line = output(Command::new("sha256sum").arg(file))?;
    match line.split_once(' ') {
        Some((hex, _)) if hex.len() == 64 => Ok(format!("sha256:{hex}")),
        _ => bail!("sha256sum wrote `{line}`"),
    }
}

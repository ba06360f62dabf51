//! A simulated AWS in a process of its own, the calls that fill it, and those that steer it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::{Process, output};

#[derive(Debug)]
pub(crate) struct Simulator {
    /// Where all names are, by TLS.
    pub(crate) names: SocketAddr,
    /// Where the registries are, by plain HTTP, in the order in which they were asked for.
    pub(crate) registries: Vec<SocketAddr>,
    /// The certificate of its authority.
    pub(crate) authority: PathBuf,
    control: String,
    endpoint: String,
    process: Process,
}

/// The root user's key of an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// Where an image is pushed to.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// Of the registry, by plain HTTP.
    pub(crate) address: SocketAddr,
    pub(crate) name: String,
    /// `AWS:…` in base64, as `GetAuthorizationToken` gave it.
    pub(crate) login: String,
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

impl Simulator {
    /// Starts it, with all names here and with these registries (`ACCOUNT/REGION`).
    pub(crate) fn start(program: &Path, folder: &Path, listen: &str, registries: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["sim", "serve", "--listen", listen, "--endpoint", ANY, "--control", ANY]);
        for registry in registries {
            command.args(["--registry", &format!("{registry}={ANY}")]);
        }
        command.args(["--format", "json", "--state"]);
        command.arg(folder.join("aws")).env("RUST_LOG", "warn");
        let mut process = Process::start(&mut command, folder, "aws")?;
        let all: Whereabouts = serde_json::from_str(&process.line()?)?;
        Ok(Self {
            names: all.names,
            registries: all.registries.iter().map(|registry| registry.address).collect(),
            authority: all.authority,
            control: all.control,
            endpoint: all.endpoint,
            process,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn key(&self, account: &str) -> Result<Key> {
        Ok(serde_json::from_str(&self.told(&format!("credentials/{account}"))?)?)
    }

    /// What the control API has at this path.
    pub(crate) fn told(&self, path: &str) -> Result<String> {
        output(&mut curl(&format!("http://{}/{path}", self.control)))
    }

    /// Changes something by the control API.
    pub(crate) fn steer(&self, method: &str, path: &str, body: Option<&Value>) -> Result<()> {
        let mut command = curl(&format!("http://{}/{path}", self.control));
        command.args(["--request", method]);
        if let Some(body) = body {
            command.args([
                "--header",
                "Content-Type: application/json",
                "--data",
                &body.to_string(),
            ]);
        }
        output(&mut command)?;
        Ok(())
    }

    /// An operation of ECR, signed.
    pub(crate) fn ecr(&self, region: &str, key: &Key, operation: &str, input: &Value) -> Result<Value> {
        let mut command = curl(&self.endpoint);
        let user = format!("{}:{}", key.access_key_id, key.secret_access_key);
        let target = format!("X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}");
        command.args(["--aws-sigv4", &format!("aws:amz:{region}:ecr"), "--user", &user]);
        command.args([
            "--header",
            &target,
            "--header",
            "Content-Type: application/x-amz-json-1.1",
        ]);
        command.args(["--data", &input.to_string()]);
        Ok(serde_json::from_str(&output(&mut command)?)?)
    }

    /// A login of the registries of a region.
    pub(crate) fn login(&self, region: &str, key: &Key) -> Result<String> {
        let login = self.ecr(region, key, "GetAuthorizationToken", &json!({}))?;
        let login = login["authorizationData"][0]["authorizationToken"].as_str();
        Ok(login.context("GetAuthorizationToken brought no token")?.to_owned())
    }
}

impl Repository {
    /// Pushes what is in the file: its digest.
    pub(crate) fn push_blob(&self, file: &Path) -> Result<String> {
        let digest = digest_of(file)?;
        let mut begin = self.call("POST", &self.url("blobs/uploads/"));
        let place = output(begin.args(["--output", "/dev/null", "--write-out", "%header{location}"]))?;
        let place = format!("{}?digest={digest}", place.trim());
        self.upload(&place, "application/octet-stream", file)?;
        Ok(digest)
    }

    /// Pushes a manifest under a tag or its digest; the file is written. Its digest.
    pub(crate) fn push_manifest(&self, reference: &str, kind: &str, text: &str, file: &Path) -> Result<String> {
        fs::write(file, text)?;
        self.upload(&self.url(&format!("manifests/{reference}")), kind, file)?;
        digest_of(file)
    }

    fn upload(&self, url: &str, kind: &str, file: &Path) -> Result<()> {
        let mut command = self.call("PUT", url);
        command.args(["--header", &format!("Content-Type: {kind}")]);
        // Streamed: `--data-binary` would hold all of it in memory.
        output(command.arg("--upload-file").arg(file))?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{}/{path}", self.address, self.name)
    }

    fn call(&self, method: &str, url: &str) -> Command {
        let mut command = curl(url);
        let login = format!("Authorization: Basic {}", self.login);
        command.args(["--request", method, "--header", &login]);
        command
    }
}

pub(crate) const ANY: &str = "127.0.0.1:0";

fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", url]);
    command
}

/// The digest of what is in the file.
pub(crate) fn digest_of(file: &Path) -> Result<String> {
    let line = output(Command::new("sha256sum").arg(file))?;
    match line.split_once(' ') {
        Some((hex, _)) if hex.len() == 64 => Ok(format!("sha256:{hex}")),
        _ => bail!("sha256sum wrote `{line}`"),
    }
}

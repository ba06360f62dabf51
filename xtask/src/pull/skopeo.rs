//! skopeo, as the client that pulls a whole image.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::aws::{Aws, HOST, LAYERS};
use super::process::output;

/// A folder with the login, which the image goes to.
struct Place {
    folder: tempfile::TempDir,
    logins: PathBuf,
}

/// Pulls an image with this login (`user:password` in base64), by TLS where there is one: how long that took.
pub(crate) fn pull(folder: &Path, address: SocketAddr, name: &str, login: &str) -> Result<Duration> {
    let registry = address.to_string();
    let place = Place::create(folder, &registry, login)?;
    let mut command = Command::new("skopeo");
    place.copy(&mut command, &registry, name).arg("--src-tls-verify=false");
    timed(&mut command)
}

/// Pulls it as everybody does who has no proxy: by the names of the registry and of the bucket, and by TLS. The names are
/// those of the simulated AWS for this command alone, in a mount namespace of its own.
pub(crate) fn pull_directly(folder: &Path, aws: &Aws, name: &str) -> Result<Duration> {
    let address = aws.names_at_the_usual_port()?;
    let place = Place::create(folder, HOST, &aws.login)?;
    let hosts = place.folder.path().join("hosts");
    fs::write(&hosts, format!("127.0.0.1 localhost\n{address} {HOST} {LAYERS}\n"))?;
    let script = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command.args([hosts.as_os_str(), OsStr::new("skopeo")]);
    place
        .copy(&mut command, HOST, name)
        .env("SSL_CERT_FILE", &aws.simulator.authority);
    timed(&mut command)
}

impl Place {
    fn create(folder: &Path, registry: &str, login: &str) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let logins = folder.path().join("auth.json");
        fs::write(&logins, json!({ "auths": { registry: { "auth": login } } }).to_string())?;
        Ok(Self { folder, logins })
    }

    fn copy<'a>(&self, command: &'a mut Command, registry: &str, name: &str) -> &'a mut Command {
        command.args(["--insecure-policy", "copy", "--quiet", "--authfile"]);
        command.arg(&self.logins).arg(format!("docker://{registry}/{name}"));
        command.arg(format!("dir:{}", self.folder.path().join("image").display()))
    }
}

fn timed(command: &mut Command) -> Result<Duration> {
    let begun = Instant::now();
    output(command)?;
    Ok(begun.elapsed())
}

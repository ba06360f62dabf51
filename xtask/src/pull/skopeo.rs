//! skopeo, as the client that pulls a whole image.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::process::output;

/// Pulls an image by plain HTTP with this login (`user:password` in base64): how long that took.
pub(crate) fn pull(folder: &Path, address: SocketAddr, name: &str, login: &str) -> Result<Duration> {
    let own = tempfile::tempdir_in(folder)?;
    let logins = own.path().join("auth.json");
    fs::write(
        &logins,
        json!({ "auths": { address.to_string(): { "auth": login } } }).to_string(),
    )?;
    let mut command = Command::new("skopeo");
    command.args([
        "--insecure-policy",
        "copy",
        "--quiet",
        "--src-tls-verify=false",
        "--authfile",
    ]);
    command.arg(&logins).arg(format!("docker://{address}/{name}"));
    command.arg(format!("dir:{}", own.path().join("image").display()));
    let begun = Instant::now();
    output(&mut command)?;
    Ok(begun.elapsed())
}

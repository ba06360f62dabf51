//! Debian's docker-registry as a pull-through cache.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::aws::REPOSITORY;
use super::process::{Process, free_address};
use super::server::Server;

/// Starts it in front of an address that asks for no login: it gives its own to token services alone, which ECR is not.
pub(crate) fn start(folder: &Path, origin: SocketAddr) -> Result<Server> {
    let address = free_address()?;
    let root = folder.join("docker-registry");
    let text = format!(
        "version: 0.1
log: {{ level: error, accesslog: {{ disabled: true }} }}
storage:
  filesystem: {{ rootdirectory: \"{}\", maxthreads: 1000 }}
  cache: {{ blobdescriptor: inmemory }}
http: {{ addr: \"{address}\" }}
proxy: {{ remoteurl: \"http://{origin}\" }}
",
        root.display()
    );
    let file = folder.join("docker-registry.yml");
    fs::write(&file, text)?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
    let mut process = Process::start(&mut command, folder, "docker-registry")?;
    process.listens(address)?;
    Ok(Server {
        name: "docker-registry",
        process,
        address,
        tls: None,
        base: format!("/v2/{REPOSITORY}"),
        login: None,
    })
}

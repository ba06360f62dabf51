//! The server that is tried: its resources, its configuration, and its lives one after the other.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::{Catalog, TEAMS, UPSTREAMS};
use crate::servers::login;
use crate::servers::process::{Process, output};
use crate::servers::simulator::Simulator;
use crate::servers::tls::Certificate;

#[derive(Debug)]
pub(super) struct Installation {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    robots: Vec<Robot>,
    pub(super) certificate: Certificate,
    /// The server's certificate and the simulated AWS's authority.
    pub(super) trusted: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Robot {
    token: String,
    document: Value,
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) door: Door,
    /// Where metrics are.
    pub(super) admin: SocketAddr,
}

/// Where clients find it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
}

/// How much content may lie in the cache.
pub(super) const MAX_SIZE: u64 = 40 * 1024 * 1024;

impl Installation {
    pub(super) fn create(program: &Path, folder: &Path, simulator: &Simulator, catalog: &Catalog) -> Result<Self> {
        fs::create_dir_all(folder.join("resources"))?;
        let robot = |team: &&str| -> Result<Robot> {
            let robot = format!("{team}/ci");
            let robot = output(Command::new(program).args(["robot", "new", &robot, "--format", "json"]))?;
            Ok(serde_json::from_str(&robot)?)
        };
        let robots = TEAMS.iter().map(robot).collect::<Result<_>>()?;
        let certificate = Certificate::create(folder)?;
        let trusted = folder.join("trusted.pem");
        let both = [&certificate.certificate, &simulator.authority].map(fs::read_to_string);
        fs::write(&trusted, both.into_iter().collect::<Result<String, _>>()?)?;
        fs::write(folder.join("seal.key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
        let own = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            robots,
            certificate,
            trusted,
        };
        own.write_resources(catalog, 2)?;
        Ok(own)
    }

    /// The header of a team's client.
    pub(super) fn login(&self, team: usize) -> String {
        login::basic("robot", &self.robots[team].token)
    }

    /// Where content lies.
    pub(super) fn content(&self) -> PathBuf {
        self.folder.join("data").join("content")
    }

    pub(super) fn write_resources(&self, catalog: &Catalog, tag_lifetime: u64) -> Result<()> {
        let version = "wharfinger.dev/v1";
        let teams = TEAMS
            .iter()
            .map(|team| json!({ "apiVersion": version, "kind": "Team", "metadata": { "name": team } }));
        let upstreams = UPSTREAMS.iter().map(|upstream| {
            let key = catalog.key(upstream);
            let key = json!({ "accessKeyId": key.access_key_id, "secretAccessKey": key.secret_access_key });
            json!({
                "apiVersion": version,
                "kind": "Upstream",
                "metadata": { "team": TEAMS[upstream.team], "name": upstream.name },
                "spec": {
                    "registry": upstream.host(),
                    "source": { "accessKey": key },
                    "tagLifetime": format!("{tag_lifetime}s"),
                    "accessLifetime": "1m",
                    "delivery": upstream.delivery,
                    "repositories": [upstream.only.unwrap_or("*")],
                },
            })
        });
        let robots = self.robots.iter().map(|robot| robot.document.clone());
        // JSON is YAML.
        let all: Vec<_> = teams.chain(upstreams).chain(robots).map(|it| it.to_string()).collect();
        self.replace_resources(&all.join("\n---\n"))
    }

    /// As a whole, as an editor does it.
    pub(super) fn replace_resources(&self, text: &str) -> Result<()> {
        let (new, place) = (self.folder.join("new"), self.folder.join("resources/all.yaml"));
        fs::write(&new, text)?;
        Ok(fs::rename(new, place)?)
    }

    /// Begins a life. What earlier ones have cached is there.
    pub(super) fn serve(&self, simulator: &Simulator, life: usize, tls: bool) -> Result<Server> {
        let [certificate, key] = [&self.certificate.certificate, &self.certificate.key].map(|path| path.display());
        let tls_lines = match tls {
            true => format!("certificate = \"{certificate}\"\nkey = \"{key}\"\n"),
            false => String::new(),
        };
        let text = format!(
            "public_url = \"https://images.wharfinger.example\"\ndata_dir = \"data\"\nresources = [\"resources\"]\n\
             [listen]\naddress = \"127.0.0.1:0\"\n{tls_lines}[admin]\nlisten = \"127.0.0.1:0\"\n\
             [cache]\nmax_size = \"{MAX_SIZE}B\"\n[issuer]\nseal_key_file = \"seal.key\"\n\
             [connect]\nresolve = [\"*.amazonaws.com={}\"]\nca_bundle = \"{}\"\n",
            simulator.names,
            simulator.authority.display()
        );
        fs::write(self.folder.join("wharfinger.toml"), text)?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--config", "wharfinger.toml"]);
        command.current_dir(&self.folder).env("RUST_LOG", "info");
        let mut process = Process::start(&mut command, &self.folder, &format!("life-{life}"))?;
        let mut told = |what: &str| -> Result<SocketAddr> {
            let line = process.line()?;
            let address = line
                .strip_prefix(what)
                .with_context(|| format!("`{what}` was expected, not `{line}`"))?;
            Ok(address.parse()?)
        };
        let (address, admin) = (told("listening on ")?, told("admin on ")?);
        Ok(Server {
            process,
            door: Door { address, tls },
            admin,
        })
    }
}

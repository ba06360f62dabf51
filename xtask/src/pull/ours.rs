//! Ourselves: `wharfinger serve`, with an upstream in the simulated AWS and a robot's login.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::aws::{Aws, HOST, REPOSITORY};
use super::login;
use super::process::{Process, output};
use super::server::Server;
use super::tls::Certificate;

/// An installation whose server can be started again and again.
#[derive(Debug)]
pub(crate) struct Installation {
    program: PathBuf,
    folder: PathBuf,
    token: String,
}

#[derive(Debug, Deserialize)]
struct Robot {
    token: String,
    document: Value,
}

impl Installation {
    /// Writes the resources, with further upstreams beside the one that is pulled from.
    pub(crate) fn create(program: &Path, folder: &Path, aws: &Aws, further_upstreams: usize) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let robot = output(Command::new(program).args(["robot", "new", "acme/ci", "--format", "json"]))?;
        let robot: Robot = serde_json::from_str(&robot)?;
        let team = json!({ "apiVersion": "wharfinger.dev/v1", "kind": "Team", "metadata": { "name": "acme" } });
        let mut documents = vec![team, robot.document, upstream("prod", HOST, aws)];
        for number in 0..further_upstreams {
            let host = format!("{:012}.dkr.ecr.us-east-1.amazonaws.com", 200_000_000_000 + number);
            documents.push(upstream(&format!("up-{number}"), &host, aws));
        }
        let resources = folder.join("resources");
        fs::create_dir_all(&resources)?;
        for (number, documents) in documents.chunks(DOCUMENTS).enumerate() {
            let text: Vec<_> = documents.iter().map(Value::to_string).collect();
            // JSON is YAML, and whatever stands in quotes is a string to both.
            fs::write(resources.join(format!("{number}.yaml")), text.join("\n---\n"))?;
        }
        let seal_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        fs::write(folder.join("seal.key"), seal_key)?;
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            token: robot.token,
        })
    }

    /// Where content and keys are kept.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the server, with plain HTTP where there is no certificate. What an earlier one has cached is there.
    pub(crate) fn serve(&self, aws: &Aws, certificate: Option<&Certificate>) -> Result<Server> {
        let tls = certificate.map_or(String::new(), |certificate| {
            let [certificate, key] = [&certificate.certificate, &certificate.key].map(|path| path.display());
            format!("certificate = \"{certificate}\"\nkey = \"{key}\"\n")
        });
        let text = format!(
            "public_url = \"https://images.wharfinger.example\"\ndata_dir = \"data\"\nresources = [\"resources\"]\n\
             [listen]\naddress = \"127.0.0.1:0\"\n{tls}\
             [issuer]\nseal_key_file = \"seal.key\"\n\
             [connect]\nresolve = [\"*.amazonaws.com={}\"]\nca_bundle = \"{}\"\n",
            aws.simulator.names,
            aws.simulator.authority.display()
        );
        fs::write(self.folder.join("wharfinger.toml"), text)?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--config", "wharfinger.toml"]);
        command.current_dir(&self.folder).env("RUST_LOG", "warn");
        let mut process = Process::start(&mut command, &self.folder, "wharfinger")?;
        let line = process.line()?;
        let address = line.strip_prefix("listening on ").context("no address was told")?;
        let address = address.parse()?;
        Ok(Server {
            name: "Wharfinger",
            process,
            address,
            tls: certificate.map(|_| address),
            base: format!("/v2/prod/{REPOSITORY}"),
            login: Some(login::basic("robot", &self.token)),
        })
    }
}

/// How many documents a file of resources gets; one of more than 1,024 is refused.
const DOCUMENTS: usize = 500;

/// An upstream with the key of the account. How a login is got is no matter of these measures: it is got once.
fn upstream(name: &str, registry: &str, aws: &Aws) -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1",
        "kind": "Upstream",
        "metadata": { "team": "acme", "name": name },
        "spec": {
            "registry": registry,
            "source": { "accessKey": {
                "accessKeyId": aws.key.access_key_id,
                "secretAccessKey": aws.key.secret_access_key,
            } },
            // A pull by tag is served from the cache as long as the tag counts.
            "tagLifetime": "1h",
        },
    })
}

//! A folder with everything that `wharfinger serve` needs, in which each test breaks one thing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use toml::{Table, Value};
use wharfinger::demo::Edge;

use crate::program::{self, Outcome, contents, finish};

/// A valid configuration that listens in the clear on a free port, with a team and nothing else.
pub(crate) struct House {
    folder: TempDir,
    config: Table,
}

impl House {
    pub(crate) fn new() -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            config: CONFIG.parse().unwrap(),
        };
        fs::create_dir(house.path("resources")).unwrap();
        house.write("resources/acme.yaml", TEAM);
        house.write("seal.key", &seal_key());
        house
    }

    /// The same under TLS: the certificate and the authority that it comes from.
    pub(crate) fn with_certificate() -> (Self, Edge) {
        let mut house = Self::new();
        let edge = house.edge("edge");
        house.set("listen.certificate", edge.certificate.to_str().unwrap());
        house.set("listen.key", edge.key.to_str().unwrap());
        (house, edge)
    }

    /// Another certificate, from another authority, in a folder of its own.
    pub(crate) fn edge(&self, name: &str) -> Edge {
        fs::create_dir(self.path(name)).unwrap();
        Edge::create(&self.path(name), &["127.0.0.1"]).unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Sets a key of the configuration, such as `listen.address`.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        let (table, key) = self.table(key);
        table.insert(key, value.into());
    }

    pub(crate) fn unset(&mut self, key: &str) {
        let (table, key) = self.table(key);
        assert!(table.remove(&key).is_some(), "{key} is not in the configuration");
    }

    /// The command that serves by this configuration.
    pub(crate) fn serve(&self) -> Command {
        self.serve_by(program::wharfinger(self.folder()))
    }

    /// Asserts that `serve` refuses to begin: exit status 2, one line with all these parts, nothing written.
    #[track_caller]
    pub(crate) fn assert_refused(&self, parts: &[&str]) -> Outcome {
        let mut command = self.serve_by(program::bounded(self.folder()));
        let before = contents(self.folder());
        let outcome = finish(&mut command);
        outcome.assert_refused(parts);
        self.assert_unchanged_since(&before);
        outcome
    }

    /// The same for a configuration that is written as it stands here.
    #[track_caller]
    pub(crate) fn assert_text_refused(&self, text: &str, parts: &[&str]) -> Outcome {
        self.write("text.toml", text);
        let before = contents(self.folder());
        let outcome = program::run(self.folder(), &["serve", "--config", "text.toml"]);
        outcome.assert_refused(parts);
        self.assert_unchanged_since(&before);
        outcome
    }

    #[track_caller]
    fn assert_unchanged_since(&self, before: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
        let after = contents(self.folder());
        let names = |of: &BTreeMap<PathBuf, Option<Vec<u8>>>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(before), "something was left behind");
        assert!(after == *before, "a file was changed");
    }

    fn serve_by(&self, mut command: Command) -> Command {
        self.write("wharfinger.toml", &self.config.to_string());
        command.args(["serve", "--config", "wharfinger.toml"]);
        command
    }

    fn table(&mut self, key: &str) -> (&mut Table, String) {
        match key.split_once('.') {
            Some((table, key)) => {
                let table = self
                    .config
                    .entry(table)
                    .or_insert_with(|| Table::new().into())
                    .as_table_mut();
                (table.expect("the key names a table"), key.to_owned())
            }
            None => (&mut self.config, key.to_owned()),
        }
    }
}

/// A seal key, as `openssl rand -base64 32` prints one.
pub(crate) fn seal_key() -> String {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).unwrap();
    format!("{}\n", STANDARD.encode(key))
}

/// The document of a team.
pub(crate) const TEAM: &str = "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: { name: acme }\n";

const CONFIG: &str = r#"
public_url = "https://images.example.com"
data_dir = "data"
resources = ["resources"]
[listen]
address = "127.0.0.1:0"
[issuer]
seal_key_file = "seal.key"
"#;

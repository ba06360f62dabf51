use std::{fs, path::PathBuf};

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Stage;

/// The files of the proxy.
impl Stage {
    /// Writes the configuration of the proxy, with its seal key and its first resources, for [`Stage::start_proxy`] or
    /// for a `wharfinger serve` of its own.
    ///
    /// # Errors
    /// Where the files cannot be written, or the simulated AWS is not up.
    pub fn write_config(&self) -> Result<PathBuf> {
        let (folder, resources) = (self.folder.path(), self.resources());
        fs::create_dir_all(&resources)?;
        let robot = json!({
            "apiVersion": "wharfinger.dev/v1",
            "kind": "Robot",
            "metadata": { "team": Self::TEAM, "name": "demo" },
            "spec": { "tokenHash": self.token.hash().to_string() },
        });
        let team = json!({ "apiVersion": "wharfinger.dev/v1", "kind": "Team", "metadata": { "name": Self::TEAM } });
        fs::write(resources.join("team.json"), team.to_string())?;
        fs::write(resources.join("robot.json"), robot.to_string())?;
        let mut seal_key = [0; 32];
        aws_lc_rs::rand::fill(&mut seal_key)?;
        fs::write(folder.join("seal.key"), STANDARD.encode(seal_key))?;
        let path = folder.join("wharfinger.toml");
        fs::write(&path, self.config_text()?)?;
        Ok(path)
    }

    /// Writes the document of the upstream.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_upstream(&self) -> Result<()> {
        let role = Self::documents()?.role;
        let upstream = json!({
            "apiVersion": "wharfinger.dev/v1",
            "kind": "Upstream",
            "metadata": { "team": Self::TEAM, "name": "prod" },
            "spec": {
                "registry": Self::registry().as_str(),
                "source": { "webIdentity": { "roleArn": role.as_str(), "audience": Self::AUDIENCE } },
                "tagLifetime": "1h",
            },
        });
        Ok(fs::write(self.resources().join("upstream.json"), upstream.to_string())?)
    }

    /// The certificate of the simulated AWS's authority.
    pub(super) fn aws_ca(&self) -> PathBuf {
        self.folder.path().join("aws-ca.crt")
    }

    fn resources(&self) -> PathBuf {
        self.folder.path().join("resources")
    }

    fn config_text(&self) -> Result<String> {
        let [certificate, key, ca_bundle] =
            [&self.edge.certificate, &self.edge.key, &self.aws_ca()].map(|path| path.display().to_string());
        let config = json!({
            "public_url": Self::ISSUER,
            "data_dir": "data",
            "resources": ["resources"],
            "listen": { "address": self.address, "certificate": certificate, "key": key },
            "issuer": { "seal_key_file": "seal.key" },
            "connect": { "resolve": [format!("*.amazonaws.com={}", self.aws()?.addr())], "ca_bundle": ca_bundle },
        });
        Ok(toml::to_string(&config)?)
    }
}

//! The certificate that servers show: one for all, signed by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::process::output;

#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Has one made for 127.0.0.1.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let own = Self {
            certificate: folder.join("server.crt"),
            key: folder.join("server.key"),
        };
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]);
        command.args([
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ]);
        command.arg("-out").arg(&own.certificate).arg("-keyout").arg(&own.key);
        output(&mut command)?;
        Ok(own)
    }
}

//! curl, as a client that is nobody's: it speaks TLS, follows redirects and tells when what came.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::process;

/// A download under way. What comes is thrown away.
#[derive(Debug)]
pub(crate) struct Transfer {
    child: Option<Child>,
}

/// What came, and when, from the beginning of the command's work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transferred {
    pub(crate) bytes: u64,
    /// The first byte of the last answer, after redirects.
    pub(crate) first_byte: Duration,
    pub(crate) whole: Duration,
}

/// As curl writes it.
#[derive(Debug, Deserialize)]
struct Written {
    size_download: u64,
    time_starttransfer: f64,
    time_total: f64,
    http_code: u16,
}

/// Begins a download, by HTTP/1.1 and TLS 1.3 where it is `https`.
pub(crate) fn begin(url: &str, login: Option<&str>) -> Result<Transfer> {
    start(Command::new("curl").args(["--insecure", url]), login)
}

/// Begins one whose host names, and those it is redirected to, are all at one address.
pub(crate) fn begin_at(url: &str, login: &str, address: SocketAddr) -> Result<Transfer> {
    let connect = format!("::{address}");
    start(
        Command::new("curl").args(["--insecure", "--location", "--connect-to", &connect, url]),
        Some(login),
    )
}

fn start(command: &mut Command, login: Option<&str>) -> Result<Transfer> {
    command.args(["--silent", "--show-error", "--noproxy", "*", "--http1.1", "--tlsv1.3"]);
    command.args(["--output", "/dev/null", "--write-out", "%{json}"]);
    if let Some(login) = login {
        command.args(["--header", &format!("Authorization: {login}")]);
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("curl did not start")?;
    Ok(Transfer { child: Some(child) })
}

impl Transfer {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Result<Transferred> {
        let child = self.child.take().context("a transfer ends once")?;
        let written = process::judged("curl", child.wait_with_output()?)?;
        let written: Written = serde_json::from_str(&written).context("curl wrote something unexpected")?;
        if written.http_code != 200 {
            bail!("curl was answered with {}", written.http_code);
        }
        Ok(Transferred {
            bytes: written.size_download,
            first_byte: Duration::from_secs_f64(written.time_starttransfer),
            whole: Duration::from_secs_f64(written.time_total),
        })
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! Calls of cargo.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A cargo command in the workspace's root, with the cargo that started this program where there is one.
pub(crate) fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments);
    command
}

/// What the command writes to standard output. Its standard error goes where ours goes.
pub(crate) fn output(root: &Path, arguments: &[&str]) -> Result<String> {
    let shown = arguments.join(" ");
    let output = command(root, arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`cargo {shown}` did not start"))?;
    if !output.status.success() {
        bail!("`cargo {shown}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`cargo {shown}` wrote something that is not UTF-8"))
}

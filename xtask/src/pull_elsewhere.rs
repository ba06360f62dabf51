//! `cargo xtask bench pull` on systems that it does not know how to ask what a process has used: it says so.

#[path = "pull/options.rs"]
mod options;

use std::path::Path;

use anyhow::{Result, bail};

use crate::children::Children;

pub(crate) use options::Options;

pub(crate) fn list() -> String {
    "none but on Linux\n".to_owned()
}

pub(crate) fn run(_: &Options, _: &Path, _: &Children) -> Result<()> {
    bail!("pulls are measured on Linux alone: what a server has used is read from its /proc")
}

//! `cargo xtask soak` on systems that it does not know how to ask what a process has: it says so.

#[path = "soak/options.rs"]
mod options;

use std::path::Path;

use anyhow::{Result, bail};

use crate::children::Children;

pub(crate) use options::Options;

pub(crate) fn run(_: &Options, _: &Path, _: &Children) -> Result<()> {
    bail!("the soak runs on Linux alone: what a server has is read from its /proc")
}

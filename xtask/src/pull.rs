//! `cargo xtask bench pull`: pulls through ourselves, and through those who do something like it, in turn on one machine.

mod aws;
mod curl;
mod distribution;
mod load;
mod measure;
mod nginx;
mod options;
mod ours;
mod row;
mod seats;
mod server;
mod skopeo;
mod stage;
mod table;

use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::cargo;
use crate::children::Children;
use crate::packages;
use crate::servers::{login, process, simulator, tls, usage};

use measure::{MEASURES, names};
pub(crate) use options::Options;
use stage::Stage;

/// The measures, one a line.
pub(crate) fn list() -> String {
    let lines = MEASURES
        .iter()
        .map(|measure| format!("{:<15} {}\n", measure.name, measure.about));
    lines.collect()
}

/// Measures, prints, and writes the table unless nobody was measured beside us.
pub(crate) fn run(options: &Options, root: &Path, children: &Children) -> Result<()> {
    if let Some(name) = options.only.iter().find(|name| !names().contains(&name.as_str())) {
        bail!("`{name}` is no measure; there are:\n{}", list());
    }
    packages::provide_for_bench(children, options.skip_peers)?;
    children.run(&mut cargo::command(
        root,
        &["build", "--release", "--locked", "--package", "wharfinger"],
    ))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    // For a thousand connections, and for the servers, which inherit it.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).context("the limit on open files cannot be raised")?;
    let stage = Stage::set(&target.join("release").join("wharfinger"), options, children)?;
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let mut measured = Vec::new();
    for measure in MEASURES.iter().filter(|measure| chosen(measure.name)) {
        println!("{}: {}", measure.name, measure.about);
        let rows = (measure.run)(&stage).with_context(|| format!("the measure `{}`", measure.name))?;
        print!("{}", table::lines(&[(measure.name, rows.clone())]));
        measured.push((measure.name, rows));
        // At once: a later measure may fail, and this one took its time.
        if !options.skip_peers && !options.dry {
            table::write(&root.join("docs/performance.md"), &names(), &measured)?;
        }
    }
    Ok(())
}

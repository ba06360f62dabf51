//! `cargo xtask soak`: many clients pull for a long time, while everything goes wrong that can.

mod calm;
mod catalog;
mod client;
mod crowd;
mod installation;
mod judge;
mod life;
mod options;
mod question;
mod trouble;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use crate::cargo;
use crate::children::Children;
use crate::servers::simulator::{ANY, Simulator};

use catalog::{Catalog, REGISTRIES};
use crowd::{CLIENTS, Crowd};
use installation::{Installation, MAX_SIZE};
use life::{Lives, heading};
pub(crate) use options::Options;
use trouble::Trouble;

/// Lives one life after the other until the time is over. Fails with the first thing that is wrong, and then leaves the
/// folder with the logs and the cache.
pub(crate) fn run(options: &Options, root: &Path, children: &Children) -> Result<()> {
    let program = match &options.program {
        Some(program) => program
            .canonicalize()
            .with_context(|| format!("--program: {}", program.display()))?,
        None => {
            let build = ["build", "--release", "--locked", "--package", "wharfinger"];
            children.run(&mut cargo::command(root, &build))?;
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
            target.join("release").join("wharfinger")
        }
    };
    let seed = options.seed.unwrap_or_else(|| Rng::new().u64(..1_000_000));
    println!("seed {seed}, {} minutes", options.minutes);
    let mut folder = tempfile::Builder::new().prefix("wharfinger-soak-").tempdir()?;
    let outcome = soak(&program, folder.path(), options.minutes, seed, children);
    if outcome.is_err() && children.signal().is_none() {
        folder.disable_cleanup(true);
    }
    outcome.with_context(|| {
        format!(
            "seed {seed} (again: cargo xtask soak --minutes {} --seed {seed}); logs in {}",
            options.minutes,
            folder.path().display()
        )
    })
}

fn soak(program: &Path, folder: &Path, minutes: u32, seed: u64, children: &Children) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let simulator = Simulator::start(program, folder, ANY, REGISTRIES)?;
    let catalog = Catalog::push(&simulator, folder, &mut rng)?;
    let installation = Installation::create(program, &folder.join("server"), &simulator, &catalog)?;
    let mib = |bytes: u64| bytes / 1024 / 1024;
    println!(
        "{CLIENTS} clients, {} places, {} MiB of content, {} MiB of cache",
        catalog.places.len(),
        mib(catalog.size()),
        mib(MAX_SIZE)
    );
    let crowd = Crowd::new(&catalog, &installation, simulator.names);
    let until = Instant::now() + Duration::from_secs(60 * u64::from(minutes));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let rng = rng.fork();
            let crowd = &crowd;
            scope.spawn(move || crowd.client(rng));
        }
        let mut lives = Lives::new(&crowd, &simulator, Trouble::new(&crowd, &simulator), rng.fork());
        print!("{}", heading());
        let outcome = loop {
            if children.signal().is_some() {
                break Err(anyhow::anyhow!("interrupted"));
            }
            if Instant::now() > until {
                break Ok(());
            }
            match lives.live_one() {
                Ok(line) => print!("{line}"),
                Err(error) => break Err(error),
            }
        };
        crowd.end();
        print!("{}", lives.account());
        outcome
    })?;
    if catalog.size() <= MAX_SIZE {
        bail!("the cache holds everything, and nothing had to give way");
    }
    Ok(())
}

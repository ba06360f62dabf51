//! What goes wrong: at AWS, with permissions, with the resources, on the disk. Drawn one after the other.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};
use fastrand::Rng;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::crowd::Crowd;
use super::installation::Server;
use crate::servers::simulator::Simulator;

#[derive(Debug)]
pub(super) struct Trouble<'a> {
    crowd: &'a Crowd<'a>,
    simulator: &'a Simulator,
    rules: usize,
    /// Repositories that nobody may pull from.
    taken: Vec<usize>,
    /// Tags of which a fault has left unknown what they stand for: numbers of the repository and the tag.
    unsettled: Vec<(usize, usize)>,
    pub(super) count: Count,
}

/// How much there was of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    pub(super) faults: u64,
    pub(super) permissions: u64,
    pub(super) moves: u64,
    pub(super) reloads: u64,
    pub(super) damages: u64,
    /// Of `wharfinger cache`.
    pub(super) commands: u64,
}

/// More at once would leave nothing that goes well.
const RULES: usize = 5;

/// How many repositories nobody may pull from at once.
const TAKEN: usize = 2;

impl<'a> Trouble<'a> {
    pub(super) fn new(crowd: &'a Crowd<'a>, simulator: &'a Simulator) -> Self {
        Self {
            crowd,
            simulator,
            rules: 0,
            taken: Vec::new(),
            unsettled: Vec::new(),
            count: Count::default(),
        }
    }

    /// Makes one thing worse, or better.
    pub(super) fn brew(&mut self, server: &mut Server, rng: &mut Rng) -> Result<()> {
        match rng.u8(..100) {
            0..40 if self.rules < RULES => {
                self.simulator.steer("POST", "faults", Some(&fault(rng)))?;
                self.rules += 1;
                self.count.faults += 1;
            }
            0..45 => self.end_faults()?,
            45..52 => {
                let speed = [1_000_000, 4_000_000, 20_000_000, 80_000_000][rng.usize(..4)];
                let latency = rng.u32(..60);
                let network = json!({ "service": "layerBucket", "bytesPerSecond": speed, "latencyMillis": latency });
                self.simulator.steer("POST", "network", Some(&network))?;
            }
            52..60 => self.take_or_give_back(rng)?,
            60..72 => self.move_a_tag(rng),
            72..79 => self.reload(server, rng)?,
            79..86 => self.look_after_the_cache(rng)?,
            _ => {
                for _ in 0..rng.u8(1..6) {
                    self.damage(rng);
                }
            }
        }
        Ok(())
    }

    /// Makes everything good again.
    pub(super) fn end(&mut self) -> Result<()> {
        self.end_faults()?;
        for repository in std::mem::take(&mut self.taken) {
            let repository = &self.crowd.catalog.repositories[repository];
            self.crowd.catalog.permit(self.simulator, repository, true)?;
        }
        for (repository, tag) in std::mem::take(&mut self.unsettled) {
            let repository = &self.crowd.catalog.repositories[repository];
            let tag = &repository.tags[tag];
            self.crowd
                .catalog
                .push_tag(repository, tag, &self.crowd.installation.folder)?;
        }
        Ok(())
    }

    fn end_faults(&mut self) -> Result<()> {
        self.simulator.steer("DELETE", "faults", None)?;
        self.simulator.steer("DELETE", "network", None)?;
        self.rules = 0;
        Ok(())
    }

    fn take_or_give_back(&mut self, rng: &mut Rng) -> Result<()> {
        let catalog = self.crowd.catalog;
        let number = match self.taken.len() {
            ..TAKEN => rng.usize(..catalog.repositories.len()),
            _ => self.taken[0],
        };
        let is_taken = self.taken.contains(&number);
        catalog.permit(self.simulator, &catalog.repositories[number], is_taken)?;
        match is_taken {
            true => self.taken.retain(|taken| *taken != number),
            false => self.taken.push(number),
        }
        self.count.permissions += 1;
        Ok(())
    }

    /// Faults hold for whoever pushes as well.
    fn move_a_tag(&mut self, rng: &mut Rng) {
        let catalog = self.crowd.catalog;
        let number = rng.usize(..catalog.repositories.len());
        let repository = &catalog.repositories[number];
        let tag = rng.usize(..repository.tags.len());
        repository.tags[tag].stand_for(&repository.manifests[rng.usize(..repository.manifests.len())]);
        match catalog.push_tag(repository, &repository.tags[tag], &self.crowd.installation.folder) {
            Ok(()) => self.count.moves += 1,
            Err(_) => self.unsettled.push((number, tag)),
        }
    }

    /// What an administrator does beside a server that runs.
    fn look_after_the_cache(&mut self, rng: &mut Rng) -> Result<()> {
        let (arguments, fine): (&[&str], &[i32]) = match rng.u8(..3) {
            // It removes what is damaged, and says so by its status.
            0 => (&["verify", "--rate", "1GiB"], &[0, 1]),
            1 => (&["prune", "--to-size", "20MiB"], &[0]),
            _ => (&["list", "--format", "json"], &[0]),
        };
        let installation = self.crowd.installation;
        let mut command = Command::new(&installation.program);
        command.current_dir(&installation.folder).arg("cache").args(arguments);
        let output = command
            .args(["--config", "wharfinger.toml"])
            .stdin(Stdio::null())
            .output()?;
        if output.status.code().is_none_or(|code| !fine.contains(&code)) {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!("`cache {}` ended with {}: {said}", arguments.join(" "), output.status);
        }
        self.count.commands += 1;
        Ok(())
    }

    fn reload(&mut self, server: &mut Server, rng: &mut Rng) -> Result<()> {
        let installation = self.crowd.installation;
        match rng.u8(..4) {
            // Whatever holds no more leaves the former in force.
            0 => installation.replace_resources("apiVersion: wharfinger.dev/v1\nkind: Teem\n")?,
            _ => installation.write_resources(self.crowd.catalog, rng.u64(1..4))?,
        }
        server.process.signal(Signal::HUP)?;
        self.count.reloads += 1;
        Ok(())
    }

    /// Does to a file of the cache what disks and people do.
    fn damage(&mut self, rng: &mut Rng) {
        let mut files = files_below(&self.crowd.installation.content().join("blobs"));
        // Large ones are read for longer; their sizes change meanwhile. What a directory lists first is no matter of the seed.
        files.sort_by_cached_key(|path| (fs::metadata(path).map_or(0, |metadata| metadata.len()), path.clone()));
        let from = if rng.bool() { 0 } else { files.len() / 2 };
        let Some(path) = files.get(rng.usize(from..=files.len())) else {
            return;
        };
        let kind = rng.u8(..10);
        // It may have given way to others since.
        let done = match kind {
            0 => fs::remove_file(path).is_ok(),
            1 => OpenOptions::new().write(true).open(path).is_ok_and(|file| {
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                file.set_len(rng.u64(..=size)).is_ok()
            }),
            _ => self.flip(path, rng).unwrap_or(false),
        };
        self.count.damages += u64::from(done);
    }

    fn flip(&self, path: &Path, rng: &mut Rng) -> std::io::Result<bool> {
        let file = File::options().read(true).write(true).open(path)?;
        let size = file.metadata()?.len();
        let Some(hex) = path.file_name().and_then(|name| name.to_str()).filter(|_| size > 0) else {
            return Ok(false);
        };
        let (digest, at) = (format!("sha256:{hex}"), rng.u64(..size));
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        byte[0] ^= 1 << rng.u8(..8);
        self.crowd.damages.add(&digest, at, Instant::now());
        file.write_all_at(&byte, at)?;
        self.crowd.damages.add(&digest, at, Instant::now());
        Ok(true)
    }
}

/// All files below a folder, as far as they are still there.
pub(super) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&entry.path())),
            _ => files.push(entry.path()),
        }
    }
    files
}

/// A rule by which calls of some service go wrong.
fn fault(rng: &mut Rng) -> Value {
    let at = [rng.u64(..2000), rng.u64(..5_000_000)][rng.usize(..2)];
    let service = ["layerBucket", "layerBucket", "registry", "registry", "ecr"][rng.usize(..5)];
    let whole = matches!(service, "ecr");
    let what = match rng.u8(..12) {
        0 => json!({ "error": { "status": 500 } }),
        1 => json!({ "error": { "status": 503 } }),
        2 => json!({ "throttle": { "perSecond": 5, "burst": 5 } }),
        3 => json!({ "latency": { "min": 1, "max": rng.u64(2..4000) } }),
        4 => json!("unreachable"),
        5 => json!("hang"),
        6 if !whole => json!({ "reset": { "at": at } }),
        7 if !whole => json!({ "truncate": { "at": at } }),
        8 if !whole => json!({ "stall": { "at": at, "millis": rng.u64(100..8000) } }),
        9 if !whole => json!({ "flip": { "at": [at] } }),
        10 if service == "layerBucket" => json!({ "expire": { "at": at } }),
        _ => json!({ "error": { "status": 429 } }),
    };
    let probability = [0.05, 0.2, 0.5, 1.0][rng.usize(..4)];
    let id = format!("fault-{}", rng.u64(..));
    // Its other calls are those of the soak itself, which changes permissions.
    let when = match whole {
        true => json!({ "action": "ecr:GetAuthorizationToken" }),
        false => json!({ "service": service }),
    };
    let mut rule = json!({ "id": id, "when": when, "probability": probability, "what": what });
    // Who asks is not told when a call that hangs is given up, so few do.
    if rule["what"] == "hang" {
        rule["times"] = json!(rng.u8(1..4));
    }
    rule
}

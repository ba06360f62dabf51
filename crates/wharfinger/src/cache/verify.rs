use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use content::{Inventory, Item, Verdict};
use indicatif::{ProgressBar, ProgressStyle};
use oci::Digest;
use serde_json::json;
use tokio::time::{self, Instant};

use super::{Failed, Format, Place, disk, print};
use crate::{pull::interrupt, size::Size};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger cache verify --config wharfinger.toml
  wharfinger cache verify --config wharfinger.toml --rate 50MiB --format json

What is damaged is removed, and the next pull fetches it again. The exit status is 1 where something was damaged or could
not be read, and 130 where Ctrl-C ended it: what was found until then is printed all the same.")]
pub(crate) struct Args {
    /// How much to read in a second, on average, so that pulls get the rest of the disk
    #[arg(long, value_name = "SIZE", default_value = "200MiB")]
    rate: Size,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: &Args) -> Result<(), Failed> {
    if args.rate.0 == 0 {
        return Err(Failed::Input(
            "--rate `0`: expected at least a byte in a second".to_owned(),
        ));
    }
    let inventory = args.place.inventory()?;
    let items = inventory.items().map_err(disk)?;
    let mut found = Found {
        bar: bar(items.iter().map(|item| item.size).sum()),
        format: args.place.format,
        checked: 0,
        bytes: 0,
        damaged: Vec::new(),
        unreadable: Vec::new(),
    };
    let ended = tokio::select! {
        // First, so that what was found when Ctrl-C comes is not lost.
        biased;
        checked = found.check(&inventory, items, args.rate) => checked,
        () = interrupt() => Err(Failed::Interrupted("what is said here was found before")),
    };
    found.bar.finish_and_clear();
    found.sum_up()?;
    ended?;
    match (found.damaged.len(), found.unreadable.len()) {
        (0, 0) => Ok(()),
        (damaged, unreadable) => Err(Failed::Running(format!(
            "{damaged} pieces of content were damaged and have been removed, {unreadable} could not be read; look at the disk's health"
        ))),
    }
}

/// What was found until now.
struct Found {
    bar: ProgressBar,
    format: Format,
    checked: u64,
    bytes: u64,
    damaged: Vec<Digest>,
    unreadable: Vec<(Digest, String)>,
}

impl Found {
    async fn check(&mut self, inventory: &Inventory, items: Vec<Item>, rate: Size) -> Result<(), Failed> {
        let begun = Instant::now();
        for item in items {
            let (inventory, digest) = (inventory.clone(), item.digest.clone());
            let verdict = tokio::task::spawn_blocking(move || inventory.verify(&digest)).await;
            match verdict.map_err(io::Error::other).and_then(|verdict| verdict) {
                Ok(Verdict::Sound) => self.checked += 1,
                Ok(Verdict::Gone) => {}
                Ok(Verdict::Removed) => {
                    self.tell(&format!("damaged, removed: {}", item.digest))?;
                    self.damaged.push(item.digest);
                }
                Err(error) => {
                    self.tell(&format!("not readable: {}: {error}", item.digest))?;
                    self.unreadable.push((item.digest, error.to_string()));
                }
            }
            self.bytes += item.size;
            self.bar.set_position(self.bytes);
            let due = Duration::from_secs_f64(self.bytes as f64 / rate.0 as f64);
            time::sleep_until(begun + due).await;
        }
        Ok(())
    }

    /// At once: the whole may take hours.
    fn tell(&self, line: &str) -> Result<(), Failed> {
        match self.format {
            Format::Text => self.bar.suspend(|| print(|out| writeln!(out, "{line}"))),
            Format::Json => Ok(()),
        }
    }

    fn sum_up(&self) -> Result<(), Failed> {
        let (checked, bytes) = (self.checked, self.bytes);
        print(|out| match self.format {
            Format::Json => {
                let unreadable = self.unreadable.iter();
                let unreadable: Vec<_> = unreadable
                    .map(|(digest, error)| json!({ "digest": digest, "error": error }))
                    .collect();
                let summary =
                    json!({ "sound": checked, "removed": self.damaged, "unreadable": unreadable, "bytes": bytes });
                writeln!(out, "{summary}")
            }
            Format::Text => writeln!(out, "{checked} pieces of content are sound, {}", Size(bytes)),
        })
    }
}

/// On a terminal alone.
fn bar(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("[{bar:40}] {bytes:>11} / {total_bytes:11} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

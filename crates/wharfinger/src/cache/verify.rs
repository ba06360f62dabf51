use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use content::Verdict;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::time::{self, Instant};

use super::{Failed, Format, Place, disk};
use crate::size::Size;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger cache verify --config wharfinger.toml
  wharfinger cache verify --config wharfinger.toml --rate 50MiB --format json

What is damaged is removed, and the next pull fetches it again. The exit status is 1 where something was damaged or could
not be read.")]
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
    let bar = bar(items.iter().map(|item| item.size).sum());
    let (mut damaged, mut unreadable, mut checked, mut bytes) = (Vec::new(), Vec::new(), 0_u64, 0_u64);
    let begun = Instant::now();
    for item in &items {
        let (inventory, digest) = (inventory.clone(), item.digest.clone());
        let verdict = tokio::task::spawn_blocking(move || inventory.verify(&digest)).await;
        match verdict.map_err(io::Error::other).and_then(|verdict| verdict) {
            Ok(Verdict::Sound) => checked += 1,
            Ok(Verdict::Gone) => {}
            Ok(Verdict::Removed) => damaged.push(&item.digest),
            Err(error) => unreadable.push((&item.digest, error.to_string())),
        }
        bytes += item.size;
        bar.set_position(bytes);
        let due = Duration::from_secs_f64(bytes as f64 / args.rate.0 as f64);
        time::sleep_until(begun + due).await;
    }
    bar.finish_and_clear();
    args.place.print(|out| match args.place.format {
        Format::Json => {
            let unreadable: Vec<_> = unreadable
                .iter()
                .map(|(digest, error)| json!({ "digest": digest, "error": error }))
                .collect();
            let summary = json!({ "sound": checked, "removed": damaged, "unreadable": unreadable, "bytes": bytes });
            writeln!(out, "{summary}")
        }
        Format::Text => {
            for digest in &damaged {
                writeln!(out, "damaged, removed: {digest}")?;
            }
            for (digest, error) in &unreadable {
                writeln!(out, "not readable: {digest}: {error}")?;
            }
            writeln!(out, "{checked} pieces of content are sound, {}", Size(bytes))
        }
    })?;
    match (damaged.len(), unreadable.len()) {
        (0, 0) => Ok(()),
        (damaged, unreadable) => Err(Failed::Running(format!(
            "{damaged} pieces of content were damaged and have been removed, {unreadable} could not be read; look at the disk's health"
        ))),
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

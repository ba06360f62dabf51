//! `wharfinger cache`: a look into the cache of a `wharfinger serve`, which may be running, and a hand for it.

mod age;
mod image;
mod list;
mod pin;
mod prune;
mod verify;
mod warm;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use content::Inventory;

use crate::{
    cli::{BAD_INPUT, INTERRUPTED},
    logging,
    serve::Config,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List what is in the cache, what would go first at the top
    #[command(
        display_name = "wharfinger",
        after_help = "\
Examples:
  wharfinger cache list --config /etc/wharfinger/wharfinger.toml
  wharfinger cache list --config wharfinger.toml --format json | jq -s 'map(.size) | add'"
    )]
    List(Place),
    /// Remove what is worth least, or was not used for long
    #[command(display_name = "wharfinger")]
    Prune(prune::Args),
    /// Hash all content, and remove what the disk got wrong
    #[command(display_name = "wharfinger")]
    Verify(verify::Args),
    /// Keep an image in the cache, whatever else wants its place
    #[command(display_name = "wharfinger")]
    Pin(pin::Args),
    /// Bring images into the cache before anybody asks for them
    #[command(display_name = "wharfinger")]
    Warm(Box<warm::Args>),
}

/// Which cache, and how to print.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The configuration with which `wharfinger serve` runs
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: JSON objects, one a line
    Json,
}

/// Why a command ended early, in one line.
#[derive(Debug)]
enum Failed {
    /// What was given cannot be used.
    Input(String),
    /// It can, but it did not work, or something is wrong with the cache.
    Running(String),
    /// Ctrl-C, and what became of the work.
    Interrupted(&'static str),
}

/// Runs a command. The exit status is 2 where its options or the configuration cannot be used, and 1 where something is
/// wrong with the cache.
pub(crate) async fn command(command: Command) -> ExitCode {
    // What the cache itself has to say, of a damaged pin for one, which counts for nothing.
    if let Err(message) = logging::begin_with_warnings() {
        eprintln!("wharfinger: {message}");
        return ExitCode::from(BAD_INPUT);
    }
    let result = match command {
        Command::List(place) => list::run(&place),
        Command::Prune(args) => prune::run(&args),
        Command::Verify(args) => verify::run(&args).await,
        Command::Pin(args) => pin::run(args),
        Command::Warm(args) => warm::run(*args).await,
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failed::Input(message)) => (message, BAD_INPUT),
        Err(Failed::Running(message)) => (message, 1),
        Err(Failed::Interrupted(so_far)) => (format!("interrupted; {so_far}"), INTERRUPTED),
    };
    eprintln!("wharfinger: {message}");
    ExitCode::from(code)
}

impl Place {
    fn config(&self) -> Result<Config, Failed> {
        Config::load(&self.config).map_err(|error| Failed::Input(error.to_string()))
    }

    fn inventory(&self) -> Result<Inventory, Failed> {
        let data_dir = self.config()?.data_dir;
        Inventory::of(&data_dir.join("content")).map_err(|error| {
            let expected =
                "expected the directory of a `wharfinger serve` that was started once, and a user who may read it";
            let is_there = fs::exists(&data_dir).unwrap_or(false);
            let what = if is_there { "holds no cache" } else { "is not there" };
            Failed::Input(format!("data_dir `{}` {what}: {error}; {expected}", data_dir.display()))
        })
    }

    /// Prints in either form.
    fn print(&self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failed> {
        print(text)
    }
}

/// Prints. Whoever reads, `head` for one, may have enough before the end.
fn print(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failed> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match text(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| Failed::Running(format!("standard output cannot be written: {error}"))),
    }
}

/// The cache cannot be read or written.
fn disk(error: io::Error) -> Failed {
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run this as the user of `wharfinger serve`",
        io::ErrorKind::StorageFull => "; make room on the disk of `data_dir`, with `wharfinger cache prune` for one",
        _ => "",
    };
    Failed::Running(format!("the cache cannot be read or written: {error}{fix}"))
}

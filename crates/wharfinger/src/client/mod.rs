//! `wharfinger config …`: what a client has to be told so that it pulls through a Wharfinger.
//!
//! Each client's module says which files it reads, as [`Settings`]; they are shown, or written by [`place`].

mod containerd;
mod docker;
mod input;
mod login;
mod logins;
mod place;
mod podman;
mod proxy;
mod report;
mod settings;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Subcommand, ValueEnum};

use crate::cli::BAD_INPUT;
use input::Input;
use place::Trouble;
use settings::Settings;

/// `wharfinger config …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// hosts.toml of containerd, and so of Kubernetes: images keep their names
    #[command(display_name = "wharfinger", after_help = containerd::HELP)]
    Containerd(containerd::Args),
    /// registries.conf of podman, skopeo, buildah and CRI-O: images keep their names
    #[command(display_name = "wharfinger", after_help = podman::HELP)]
    Podman(podman::Args),
    /// Certificate and login for docker: images are named by way of the proxy
    #[command(display_name = "wharfinger", after_help = docker::HELP)]
    Docker(docker::Args),
}

/// What every client is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The registries, as they stand in image names: 111122223333.dkr.ecr.us-east-1.amazonaws.com
    #[arg(value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Where the Wharfinger is: https://HOST[:PORT]
    #[arg(long, value_name = "URL")]
    proxy: String,
    /// Certificates (PEM) of the authority behind the proxy's certificate, where the system does not trust it
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The user name of the login; the proxy knows a robot by its token alone
    #[arg(
        long,
        visible_alias = "user",
        value_name = "NAME",
        default_value = "robot",
        requires = "password_file"
    )]
    username: String,
    /// A file with the robot's token, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The folder for the client's files [default: where the client looks]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write the files instead of showing them
    #[arg(long)]
    write: bool,
    /// Overwrite what is there and says something else
    #[arg(long, requires = "write")]
    force: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What clients are told besides that have a file of logins, and find an image by the proxy's name.
#[derive(Debug, clap::Args)]
struct Naming {
    /// The upstream's name, to stand behind the proxy's instead of the registry's host
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Let docker-credential-wharfinger give the login
    #[arg(long, conflicts_with = "password_file")]
    credential_helper: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people; the password is left out
    #[default]
    Text,
    /// For programs: `{"client": …, "files": [{"path": …, "mode": …, "content": …}], "notes": […]}`
    Json,
}

/// Runs the command. The exit status is 2 where the input cannot be used, and 1 where a file cannot be written.
pub(crate) fn run(command: Command) -> ExitCode {
    let variable = |name: &str| std::env::var_os(name);
    let prepared = match &command {
        Command::Containerd(args) => prepare(&args.common, |input| args.settings(input)),
        Command::Podman(args) => prepare(&args.common, |input| args.settings(input, &variable)),
        Command::Docker(args) => prepare(&args.common, |input| args.settings(input, &variable)),
    };
    let (Command::Containerd(containerd::Args { common, .. })
    | Command::Podman(podman::Args { common, .. })
    | Command::Docker(docker::Args { common, .. })) = &command;
    match prepared.and_then(|settings| show_or_write(&settings, common)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("wharfinger: {trouble}");
            match trouble {
                Trouble::Input(_) => ExitCode::from(BAD_INPUT),
                Trouble::Write { .. } | Trouble::Output(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn prepare(common: &Common, settings: impl Fn(&Input) -> Result<Settings, String>) -> Result<Settings, Trouble> {
    let input = Input::read(common, io::stdin().lock()).map_err(Trouble::Input)?;
    settings(&input).map_err(Trouble::Input)
}

fn show_or_write(settings: &Settings, common: &Common) -> Result<(), Trouble> {
    let written = if common.write {
        Some(place::write(&settings.files, common.force)?)
    } else {
        None
    };
    let text = match common.format {
        Format::Text => report::text(settings, written.as_deref()),
        Format::Json => report::json(settings, written.as_deref()),
    };
    let mut stdout = io::stdout().lock();
    io::Write::write_all(&mut stdout, text.as_bytes())
        .and_then(|()| io::Write::flush(&mut stdout))
        .map_err(Trouble::Output)
}

#[cfg(test)]
mod tests;

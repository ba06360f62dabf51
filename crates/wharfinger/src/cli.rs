use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tempfile::TempDir;

use crate::{cache, client, credential, demo, explain, policy, pull, robot, serve, simulator};

/// Delivers container images out of Amazon ECR to anything, anywhere, without a long-lived AWS key.
#[derive(Parser)]
#[command(name = "wharfinger", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Rehearse a keyless pull against a simulated AWS, offline
    #[command(display_name = "wharfinger")]
    Demo(demo::Args),
    /// Run the registry and the issuer
    #[command(display_name = "wharfinger")]
    Serve(serve::Args),
    /// Pull an image into an OCI layout or a Docker archive
    #[command(display_name = "wharfinger")]
    Pull(Box<pull::Args>),
    /// Look into the cache of a `serve`, prune and verify it, bring images into it and keep them there
    #[command(subcommand, display_name = "wharfinger")]
    Cache(cache::Command),
    /// Make a short-lived login for a registry, without a proxy
    #[command(subcommand, display_name = "wharfinger")]
    Credential(credential::Command),
    /// Make the login of a client
    #[command(subcommand, display_name = "wharfinger")]
    Robot(robot::Command),
    /// Write the configuration of a client: containerd, podman, docker
    #[command(subcommand, display_name = "wharfinger")]
    Config(Box<client::Command>),
    /// Evaluate, lint and write AWS policies
    #[command(subcommand, display_name = "wharfinger")]
    Policy(policy::Command),
    /// Say why a pull is allowed or denied, and which document has to change
    #[command(subcommand, display_name = "wharfinger")]
    Explain(explain::Command),
    /// Run, watch and steer a simulated AWS
    #[command(subcommand, display_name = "wharfinger")]
    Sim(simulator::Command),
    /// Print the completions of a shell
    #[command(
        display_name = "wharfinger",
        after_help = "\
Examples:
  wharfinger completions bash > /etc/bash_completion.d/wharfinger
  wharfinger completions zsh > ~/.zfunc/_wharfinger
  wharfinger completions fish > ~/.config/fish/completions/wharfinger.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// Runs the command. What is put into `litter` is removed when nothing runs any more.
    pub(crate) async fn run(self, litter: &mut Vec<Arc<TempDir>>) -> ExitCode {
        match self {
            Self::Demo(args) => demo::command(args, litter).await,
            Self::Serve(args) => serve::command(args).await,
            Self::Pull(args) => pull::command(*args).await,
            Self::Cache(command) => cache::command(command).await,
            Self::Credential(command) => credential::command(command).await,
            Self::Robot(command) => robot::run(command),
            Self::Config(command) => client::run(*command),
            Self::Policy(command) => policy::run(command),
            Self::Explain(command) => explain::run(command),
            Self::Sim(command) => command.run(litter).await,
            Self::Completions { shell } => completions(shell, &mut io::stdout()),
        }
    }
}

/// Prints the completions. They are made before the first byte is written: a reader may go away in the middle.
fn completions(shell: Shell, out: &mut impl Write) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wharfinger", &mut script);
    match out.write_all(&script).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wharfinger: standard output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The exit status for input that cannot be used: a configuration, an option, a name.
pub(crate) const BAD_INPUT: u8 = 2;
/// 128 and the number of SIGINT, as shells report it.
pub(crate) const INTERRUPTED: u8 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}

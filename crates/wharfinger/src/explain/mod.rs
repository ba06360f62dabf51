//! `wharfinger explain`: why a pull works or does not.

mod folder;
mod pull;
mod report;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Walk the whole way of a pull, from the token to the layers, over policy documents in a folder
    Pull(Box<pull::Args>),
}

pub(crate) fn run(command: Command) -> ExitCode {
    let Command::Pull(args) = command;
    pull::run(*args)
}

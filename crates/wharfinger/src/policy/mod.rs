//! `wharfinger policy`: the language of AWS policies, on the command line.

mod evaluate;
mod generate;
mod question;
mod report;
mod stream;

use std::process::ExitCode;

use clap::Subcommand;

use crate::policy_lint;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decide whether policies allow a request, and say why
    Evaluate(evaluate::Args),
    /// Write the smallest policies for a way of working
    #[command(subcommand)]
    Generate(generate::Command),
    /// Say what a reviewer would say about policy documents, and fix what is safe to fix
    Lint(policy_lint::Args),
}

pub(crate) fn run(command: Command) -> ExitCode {
    match command {
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Generate(command) => generate::run(command),
        Command::Lint(args) => policy_lint::run(&args),
    }
}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cache;
mod cli;
mod client;
mod credential;
pub mod demo;
mod explain;
mod interruption;
mod logging;
mod policy;
mod policy_lint;
mod pull;
mod robot;
pub mod serve;
mod simulator;
pub mod size;
mod toml_file;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use tempfile::TempDir;

/// Runs the command that the process was started with. By the name `docker-credential-wharfinger` it is docker's
/// credential helper.
pub fn run() -> ExitCode {
    if let Some(action) = credential::helper::action(std::env::args_os()) {
        return in_runtime(async |_| credential::helper::command(action).await);
    }
    let command = cli::Cli::parse().command;
    in_runtime(async |litter| command.run(litter).await)
}

fn in_runtime(command: impl AsyncFnOnce(&mut Vec<Arc<TempDir>>) -> ExitCode) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("wharfinger: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut litter = Vec::new();
    let code = runtime.block_on(command(&mut litter));
    // A write that nobody waits for any more may still be under way, and would put a removed folder back.
    runtime.shutdown_timeout(LAST_WRITES);
    drop(litter);
    code
}

/// How long to wait for writes that are under way when a command has ended.
const LAST_WRITES: Duration = Duration::from_secs(2);

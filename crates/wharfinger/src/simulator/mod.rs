//! `wharfinger sim`: the simulated AWS for those who rehearse by hand.

mod clock;
mod control;
mod credentials;
mod fault;
mod machine;
mod network;
mod rules;
mod serve;
mod trail;

use std::{process::ExitCode, sync::Arc};

use clap::Subcommand;
use tempfile::TempDir;

use crate::cli::BAD_INPUT;
use control::Control;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a simulated AWS: STS, IAM, ECR, its registries and its layer bucket
    #[command(display_name = "wharfinger")]
    Serve(Box<serve::Args>),
    /// Print the root credentials of an account of a simulated AWS that is running
    #[command(display_name = "wharfinger")]
    Credentials(credentials::Args),
    /// Print what was called: who, what, on what, and how it was answered
    #[command(display_name = "wharfinger")]
    Trail(trail::Args),
    /// Print the time of a simulated AWS, or move it forward
    #[command(display_name = "wharfinger")]
    Clock(clock::Args),
    /// Let calls go wrong: errors, throttling, delays, connections that end, bytes that differ
    #[command(subcommand, display_name = "wharfinger")]
    Fault(fault::Command),
    /// Add and show machines inside AWS: EC2 instances, ECS tasks, pods of EKS, with the credentials of their roles
    #[command(subcommand, display_name = "wharfinger")]
    Machine(machine::Command),
    /// Show or set what the network is like
    #[command(display_name = "wharfinger")]
    Network(network::Args),
}

/// Which simulated AWS a command is for.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The control address of the simulated AWS
    #[arg(long, value_name = "ADDRESS:PORT", env = "WHARFINGER_SIM_CONTROL", default_value = CONTROL)]
    control: Control,
}

/// Where a simulated AWS is steered where nothing else is said.
const CONTROL: &str = "127.0.0.1:4568";

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// What was asked for cannot be.
    #[error("{0}")]
    Input(String),
    #[error("{0}")]
    Running(String),
}

impl Command {
    /// Runs the command. What is put into `litter` is removed when nothing runs any more.
    pub(crate) async fn run(self, litter: &mut Vec<Arc<TempDir>>) -> ExitCode {
        let result = match self {
            Self::Serve(args) => serve::run(*args, litter).await,
            Self::Credentials(args) => credentials::run(args).await,
            Self::Trail(args) => trail::run(args).await,
            Self::Clock(args) => clock::run(args).await,
            Self::Fault(command) => fault::run(command).await,
            Self::Machine(command) => machine::run(command).await,
            Self::Network(args) => network::run(args).await,
        };
        let Err(failed) = result else {
            return ExitCode::SUCCESS;
        };
        eprintln!("wharfinger: {failed}");
        match failed {
            Failed::Input(_) => ExitCode::from(BAD_INPUT),
            Failed::Running(_) => ExitCode::FAILURE,
        }
    }
}

impl Failed {
    /// Standard output went away or is full.
    fn output(error: &std::io::Error) -> Self {
        Self::Running(format!("standard output cannot be written: {error}"))
    }
}

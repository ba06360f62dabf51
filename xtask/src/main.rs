#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod arrows;
mod bans;
mod bench;
mod cargo;
mod children;
mod command_line;
mod deny;
mod dependencies;
mod finding;
mod fuzz;
mod graph;
mod licences;
mod packages;
mod parts;
mod plan;
#[cfg(target_os = "linux")]
mod pull;
#[cfg(not(target_os = "linux"))]
#[path = "pull_elsewhere.rs"]
mod pull;
mod python;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(not(target_os = "linux"))]
#[path = "soak_elsewhere.rs"]
mod soak;
mod timetable;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::children::Children;
use crate::command_line::Verb;
use crate::parts::{PARTS, Workplace};
use crate::plan::Plan;

fn main() -> ExitCode {
    let verb = match command_line::parse(std::env::args_os().skip(1)) {
        Ok(verb) => verb,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            return ExitCode::from(2);
        }
    };
    let outcome = match verb {
        Verb::Help => {
            print!("{}", command_line::verbs());
            return ExitCode::SUCCESS;
        }
        Verb::TestHelp => {
            print!("{}", command_line::test_usage(PARTS));
            return ExitCode::SUCCESS;
        }
        Verb::Run(plan) => run(&plan),
        Verb::Fuzz(fuzz) => root()
            .and_then(|root| fuzz.run(root, &Children::new()?))
            .map(|()| ExitCode::SUCCESS),
        Verb::BenchPullHelp => {
            print!("{}", command_line::bench_pull_usage());
            return ExitCode::SUCCESS;
        }
        Verb::BenchPull(options) => root()
            .and_then(|root| pull::run(&options, root, &Children::new()?))
            .map(|()| ExitCode::SUCCESS),
        Verb::SoakHelp => {
            print!("{}", command_line::soak_usage());
            return ExitCode::SUCCESS;
        }
        Verb::Soak(options) => root()
            .and_then(|root| soak::run(&options, root, &Children::new()?))
            .map(|()| ExitCode::SUCCESS),
        Verb::Bench(name) => root()
            .and_then(|root| bench::run(&name, root, &Children::new()?))
            .map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn root() -> Result<&'static Path> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().context("xtask lies in the workspace's root")
}

fn run(plan: &Plan) -> Result<ExitCode> {
    let workplace = Workplace {
        root: root()?.to_owned(),
        children: Children::new()?,
    };
    let timetable = plan.carry_out(PARTS, &workplace);
    print!("\n{timetable}");
    Ok(match workplace.children.signal() {
        // What a shell reports of a process that a signal ended.
        Some(signal) => ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX))),
        None if timetable.passed() => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    })
}

//! `wharfinger demo`: a keyless pull from end to end, against a simulated AWS inside the process.
//!
//! [`Stage`] holds what is played with: the simulated AWS, its administrator, the proxy with its issuer. Its methods are
//! the steps. The story tells them on a terminal; tests go through them and break one thing at a time.

mod administrator;
mod edge;
mod image;
mod journal;
mod paste;
mod screen;
mod stage;
mod story;

#[cfg(test)]
mod tests;

use std::{io::IsTerminal, process::ExitCode, sync::Arc};

use tempfile::TempDir;

pub use administrator::{Administrator, Refused};
pub use edge::Edge;
pub use image::Image;
pub use journal::{Journal, Step};
pub use stage::{Linked, Stage};

use crate::interruption::Interruption;
use screen::Screen;

/// Options of `wharfinger demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger demo            # on a terminal it stays up, for your own client
  wharfinger demo --once

Nothing outside this process is needed or touched: no AWS account, no network beyond the loopback, no root.
All files lie in a temporary folder that is removed at the end.")]
pub struct Args {
    /// End after the last step, even on a terminal
    #[arg(long)]
    once: bool,
}

/// Runs `wharfinger demo`. The exit status is 0 where every step went as it should, 1 where one did not, 130 where
/// Ctrl-C cut it short.
pub(crate) async fn command(args: Args, litter: &mut Vec<Arc<TempDir>>) -> ExitCode {
    let screen = Screen::new();
    let stays = !args.once && std::io::stdout().is_terminal();
    let mut stage = None;
    let outcome = async {
        let mut interruption = Interruption::expected()?;
        tokio::select! {
            biased;
            () = interruption.wait() => return Ok(ExitCode::from(INTERRUPTED)),
            told = story::tell(&screen, &mut stage, litter) => told?,
        }
        if let Some(stage) = stage.as_ref().filter(|_| stays) {
            paste::print(&screen, stage);
            interruption.wait().await;
        }
        anyhow::Ok(ExitCode::SUCCESS)
    };
    let code = outcome.await.unwrap_or_else(|error| {
        screen.failed(&format!("{error:#}"));
        ExitCode::FAILURE
    });
    screen.clear();
    if let Some(stage) = stage {
        stage.close().await;
    }
    code
}

const INTERRUPTED: u8 = 130;

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::{Failed, Which};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger sim clock
  wharfinger sim clock --advance 13h     # every authorization token has expired now")]
pub(crate) struct Args {
    /// Move it forward: 13h, 1h30m, 90s
    #[arg(long, value_name = "DURATION")]
    advance: Option<SignedDuration>,
    #[command(flatten)]
    which: Which,
}

#[derive(Deserialize)]
struct Clock {
    now: Timestamp,
}

/// Prints the time, after it was moved.
pub(super) async fn run(args: Args) -> Result<(), Failed> {
    let control = &args.which.control;
    let clock = match args.advance {
        None => control.show::<Clock>("/clock").await?,
        Some(advance) if advance.is_negative() => {
            return Err(Failed::Input(format!(
                "--advance `{advance:#}`: expected a duration, a clock never goes back"
            )));
        }
        Some(advance) => control.tell("/clock", &json!({ "advance": advance })).await?,
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", clock.now)
        .and_then(|()| stdout.flush())
        .map_err(|error| Failed::output(&error))
}

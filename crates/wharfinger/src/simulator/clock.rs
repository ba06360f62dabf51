use std::io::{self, Write};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::{Failed, Which};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger sim clock
  wharfinger sim clock --advance 13h     # every authorization token has expired now
  wharfinger sim clock --advance 90d     # a day is 24 hours")]
pub(crate) struct Args {
    /// Move it forward: 13h, 1h30m, 90s, 2d
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    advance: Option<String>,
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
    let clock = match &args.advance {
        None => control.show::<Clock>("/clock").await?,
        Some(text) => {
            let advance = forward(text).map_err(|why| Failed::Input(format!("--advance `{text}`: {why}")))?;
            control.tell("/clock", &json!({ "advance": advance })).await?
        }
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", clock.now)
        .and_then(|()| stdout.flush())
        .map_err(|error| Failed::output(&error))
}

/// A duration by which a clock can be moved. A day has 24 hours here: there are no time zones in a time that runs by itself.
fn forward(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a duration: 13h, 1h30m, 90s or 2d, for example".to_owned();
    let span: Span = text.parse().map_err(|_| expected())?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| expected())?;
    if duration.is_negative() {
        return Err("expected a duration that is not negative: a clock never goes back".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_write_them() {
        for (text, seconds) in [
            ("13h", 46_800),
            ("1h30m", 5_400),
            ("90s", 90),
            ("2d 1h", 176_400),
            ("PT1M", 60),
        ] {
            assert_eq!(forward(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_step_forward_is_refused_with_what_is_expected() {
        for text in ["", "5x", "13", "1mo", "99999999999999999999h", "-3h", "3h ago"] {
            assert!(forward(text).unwrap_err().starts_with("expected a duration"), "{text}");
        }
    }
}

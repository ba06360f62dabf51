use std::io;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Begins to log to standard error what `RUST_LOG` asks for, `info` where it says nothing.
///
/// # Errors
/// One line about a `RUST_LOG` that cannot be read.
pub(crate) fn begin(format: LogFormat) -> Result<(), String> {
    begin_at("info", format)
}

/// The same for a command that ends by itself: warnings alone where `RUST_LOG` says nothing.
///
/// # Errors
/// As [`begin`].
pub(crate) fn begin_with_warnings() -> Result<(), String> {
    begin_at("warn", LogFormat::Text)
}

fn begin_at(level: &str, format: LogFormat) -> Result<(), String> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = filter(&wanted)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // A second subscriber is refused: in one process the first one counts.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

fn filter(wanted: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::try_new(wanted).map_err(|error| {
        format!("RUST_LOG `{wanted}` is not a filter ({error}); expected such as info or wharfinger=debug")
    })?;
    for library in TALKATIVE {
        let directive = format!("{library}=info")
            .parse()
            .map_err(|error| format!("the log filter is broken: {error}"))?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

/// Libraries that write headers and bodies at their finest levels, credentials included, and those that write a line for
/// each change of a file, which the log may be itself. They are never asked to.
const TALKATIVE: [&str; 18] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sdk_ecr",
    "aws_sdk_sts",
    "aws_sigv4",
    "aws_smithy_http",
    "aws_smithy_runtime",
    "aws_smithy_runtime_api",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "notify",
    "reqwest",
    "rustls",
    "tokio_rustls",
    "tower",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_know_credentials_stay_silent_whatever_is_asked_for() {
        for wanted in ["trace", "h2=trace", "hyper=trace,info"] {
            let filter = filter(wanted).unwrap().to_string();
            for library in TALKATIVE {
                assert!(filter.contains(&format!("{library}=info")), "{filter}");
                assert!(!filter.contains(&format!("{library}=trace")), "{filter}");
            }
        }
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        assert!(filter("a=b=c").unwrap_err().contains("a=b=c"));
    }
}

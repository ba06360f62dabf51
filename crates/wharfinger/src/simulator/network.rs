use std::io::{self, Write};

use reqwest::Method;
use serde_json::Value;

use super::{Failed, Which, rules::Json};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger sim network '{\"latencyMillis\": 80}'
  wharfinger sim network '{\"service\": \"layerBucket\", \"bytesPerSecond\": 30000000}'   # on each connection
  wharfinger sim network --clear")]
pub(crate) struct Args {
    /// What the network is to be like, for all services or one: JSON, written here, in @FILE, or on standard input (-)
    #[arg(conflicts_with = "clear")]
    network: Option<Json>,
    /// Let it be as fast as it can again
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    which: Which,
}

/// Prints the networks that are set, after what was to be changed.
pub(super) async fn run(args: Args) -> Result<(), Failed> {
    let control = &args.which.control;
    if let Some(network) = args.network {
        control.send(Method::POST, "/network", Some(network.read()?)).await?;
    }
    if args.clear {
        control.send(Method::DELETE, "/network", None).await?;
    }
    let networks = control.show::<Value>("/network").await?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{networks}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failed::output(&error))
}

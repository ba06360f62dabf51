//! `wharfinger serve`: the registry and the issuer, from a configuration.

mod admin;
mod audit;
mod config;
mod downloads;
mod metrics;
mod public_url;
mod reload;
mod server;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use jiff::Timestamp;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::{
    cli::BAD_INPUT,
    interruption::Interruption,
    logging::{self, LogFormat},
};

pub use crate::toml_file::InvalidConfig;
pub use config::{Admin, Cache, Config, Connect, Issuer, Listen, SealKeySource};
pub use public_url::PublicUrl;
pub(crate) use server::listen;
pub use server::{Server, SetupError};

/// Options of `wharfinger serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharfinger serve --config /etc/wharfinger/wharfinger.toml

A configuration:
  public_url = \"https://images.example.com\"
  data_dir = \"/var/lib/wharfinger\"
  resources = [\"/etc/wharfinger/resources\"]
  [listen]
  address = \"0.0.0.0:443\"
  certificate = \"/etc/wharfinger/tls.crt\"
  key = \"/etc/wharfinger/tls.key\"
  [issuer]
  seal_key_env = \"WHARFINGER_SEAL_KEY\"      # openssl rand -base64 32

Resources and certificate are read again when their files change, and at SIGHUP.")]
pub struct Args {
    /// The configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The form of log lines; RUST_LOG sets what is logged
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

/// Runs `wharfinger serve`. The exit status is 2 where the configuration, or what it names, cannot be used.
pub(crate) async fn command(args: Args) -> ExitCode {
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wharfinger: {error}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// A connection is a file, and so is each blob that is sent: the 1,024 that a shell gives are few, and what the system
/// would grant has only to be asked for.
fn raise_limit_of_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "the limit of open files could not be raised; it bounds how many clients are served at a time");
    }
}

async fn run(args: Args) -> Result<(), String> {
    logging::begin(args.log_format)?;
    raise_limit_of_files();
    let config = Config::load(&args.config).map_err(|error| error.to_string())?;
    let mut interruption =
        Interruption::expected().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    let server = Server::bind(config, Arc::new(audit::Audit), Timestamp::now)
        .await
        .map_err(|error| error.to_string())?;
    // Nobody has to be listening: the log says it too.
    let _ = writeln!(io::stdout(), "listening on {}", server.address());
    if let Some(address) = server.admin_address() {
        let _ = writeln!(io::stdout(), "admin on {address}");
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let impatience = async {
        interruption.wait().await;
        drop(stop);
        interruption.wait().await;
    };
    tokio::select! {
        () = server.run(async { drop(stopped.await) }) => info!("ended"),
        () = impatience => warn!("ended at once, with requests under way"),
    }
    Ok(())
}

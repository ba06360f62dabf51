//! Logins for Amazon ECR without the proxy: `wharfinger credential get`, and docker's credential helper.
//!
//! Both make the login from what the machine's configuration, a [`Machine`], says of the registry, or from what AWS's own
//! tools would find on the machine.

mod format;
pub(crate) mod helper;
mod identity;
mod machine;
mod server;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use iam::RoleArn;

use crate::cli::BAD_INPUT;
use format::Format;
use identity::{Identity, Trouble};
use machine::Machine;
pub(crate) use server::ServerName;

/// `wharfinger credential …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a short-lived login for an ECR registry, or the role session behind it
    #[command(display_name = "wharfinger", after_help = HELP)]
    Get(Args),
}

/// Options of `wharfinger credential get`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry, such as 111122223333.dkr.ecr.us-east-1.amazonaws.com or public.ecr.aws
    host: String,
    /// The role: instead of that of a web identity, and from any other source the last that is assumed
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// The machine's configuration (TOML) [default: see below]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command. The exit status is 2 where the input cannot be used, and 1 where AWS gives nothing.
pub(crate) async fn command(command: Command) -> ExitCode {
    let Command::Get(args) = command;
    match get(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("wharfinger: {trouble}");
            if let Trouble::Aws(error) = &trouble
                && let Some(document) = error.causes.iter().find_map(|cause| cause.document.as_ref())
            {
                eprintln!("{}:\n{}", document.purpose, document.text);
            }
            match trouble {
                Trouble::Input(_) => ExitCode::from(BAD_INPUT),
                Trouble::Aws(_) | Trouble::Anonymous(_) | Trouble::Output(_) => ExitCode::FAILURE,
            }
        }
    }
}

async fn get(args: Args) -> Result<(), Trouble> {
    let host = ServerName::parse(&args.host)
        .map_err(|error| Trouble::Input(format!("HOST: {error}")))?
        .registry()
        .map_err(|error| Trouble::Input(format!("HOST: {error}")))?;
    let role = args.role_arn.as_deref().map(str::parse::<RoleArn>).transpose();
    let role = role.map_err(|error| Trouble::Input(format!("--role-arn: {error}")))?;
    let machine = Machine::load(args.config.as_deref(), &|name| std::env::var(name).ok())
        .map_err(|error| Trouble::Input(error.to_string()))?;
    let identity = Identity::new(machine, host, role)?;
    let printed = match args.format {
        Format::Docker => format::docker(&args.host, &identity.login().await?),
        Format::Json => format::json(identity.registry(), &identity.login().await?),
        Format::Aws => format::aws(&identity.session().await?),
        Format::Env => format::env(&identity.session().await?),
    };
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(printed.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Trouble::Output)
}

const HELP: &str = "\
Examples:
  wharfinger credential get 111122223333.dkr.ecr.us-east-1.amazonaws.com --format json |
    jq -r .password | skopeo login --username AWS --password-stdin \\
        111122223333.dkr.ecr.us-east-1.amazonaws.com
  eval \"$(wharfinger credential get 111122223333.dkr.ecr.us-east-1.amazonaws.com --format env)\"
  wharfinger credential get public.ecr.aws --role-arn arn:aws:iam::111122223333:role/pull

The configuration is the file of --config, else of $WHARFINGER_CREDENTIALS, else
$XDG_CONFIG_HOME/wharfinger/credentials.toml (by default below ~/.config). Where there is
none, the identity is looked for where AWS's own tools look (ambient).

A configuration:
  [[credential]]                       # the first whose host matches counts
  host = \"111122223333.dkr.ecr.*\"
  source = { ambient = {} }            # or webIdentity, accessKey, anonymous
  hops = [{ roleArn = \"arn:aws:iam::111122223333:role/pull\", externalId = \"acme-1\" }]

  [[registry]]                         # a Wharfinger, for docker-credential-wharfinger
  host = \"images.example.com\"
  token_file = \"robot.token\"

The same program is docker's credential helper by another name:
  ln -s \"$(command -v wharfinger)\" /usr/local/bin/docker-credential-wharfinger

Exit status:
  0 printed; 1 AWS gives no login; 2 an option or the configuration cannot be used";

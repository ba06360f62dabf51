use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use clap::ValueEnum;
use iam::AccountId;
use jiff::Timestamp;
use net::Roots;
use serde_json::json;
use sim::{Builder, Clock, Fault, Machine, Network, Sim, StartError};
use tempfile::TempDir;
use tracing::{info, warn};

use super::{CONTROL, Failed, rules::Json};
use crate::{
    interruption::Interruption,
    logging::{self, LogFormat},
};

/// Run a simulated AWS.
///
/// It answers to AWS's real host names by TLS, with certificates of an authority of its own; clients are told by a
/// resolve map, or by their endpoint URL, where it is. Nothing leaves this machine but what STS asks of issuers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger sim serve
  wharfinger sim serve --state ~/.local/share/simulated-aws --registry 111122223333/us-east-1=127.0.0.1:5001
  wharfinger sim serve --resolve issuer.example.com=127.0.0.1:8443 --ca-bundle issuer-ca.pem

And then, in another shell:
  eval \"$(wharfinger sim credentials 111122223333)\"
  aws ecr create-repository --repository-name team/app
  wharfinger sim trail --follow")]
pub(crate) struct Args {
    /// Where all host names are to be had by TLS
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4566")]
    listen: SocketAddr,
    /// Where STS, IAM and the ECR API are to be had by plain HTTP, for AWS_ENDPOINT_URL
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4567")]
    endpoint: SocketAddr,
    /// Where it is watched and steered; loopback only
    #[arg(long, value_name = "ADDRESS:PORT", env = "WHARFINGER_SIM_CONTROL", default_value = CONTROL)]
    control: SocketAddr,
    /// Give a registry a plain HTTP port of its own: ACCOUNT/REGION=ADDRESS:PORT; may be given several times
    #[arg(long, value_name = "ACCOUNT/REGION=ADDRESS:PORT")]
    registry: Vec<RegistryAt>,
    /// Keep everything in this folder, and go on with what is there [default: forget it at the end]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Where STS finds an issuer's host: NAME=ADDRESS:PORT or *.SUFFIX=ADDRESS:PORT; may be given several times
    #[arg(long, value_name = "NAME=ADDRESS:PORT")]
    resolve: Vec<String>,
    /// Trust these certificates (PEM) as AWS trusts public authorities, beside those
    #[arg(long, value_name = "FILE")]
    ca_bundle: Vec<PathBuf>,
    /// The time to begin at, such as 2026-11-20T12:00:00Z; it runs on from there [default: now]
    #[arg(long, value_name = "TIME")]
    clock: Option<Timestamp>,
    /// Let the time stand still until `wharfinger sim clock --advance` moves it
    #[arg(long)]
    stop_clock: bool,
    /// An EC2 instance, an ECS task or a pod of EKS: JSON, written here or in @FILE; may be given several times
    #[arg(long, value_name = "MACHINE")]
    machine: Vec<Json>,
    /// A rule by which calls go wrong, or a list of them: JSON, written here or in @FILE; may be given several times
    #[arg(long, value_name = "RULE")]
    fault: Vec<Json>,
    /// What the draws of such rules depend on
    #[arg(long, value_name = "NUMBER", default_value_t)]
    seed: u64,
    /// What the network is like: JSON, written here or in @FILE; may be given several times
    #[arg(long, value_name = "NETWORK")]
    network: Vec<Json>,
    /// How to say where everything is
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The form of log lines; RUST_LOG sets what is logged
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

/// How long STS keeps an issuer's keys: AWS's own time is not documented. A key that is not among them is asked for at
/// once, so what this hides for a while is a key that was taken away.
const KEY_SET_LIFETIME: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object, when everything is ready
    Json,
}

/// A registry and the address that it is to have.
#[derive(Clone, Debug)]
struct RegistryAt {
    account: AccountId,
    region: String,
    address: SocketAddr,
}

pub(super) async fn run(args: Args, litter: &mut Vec<Arc<TempDir>>) -> Result<(), Failed> {
    logging::begin(args.log_format).map_err(Failed::Input)?;
    let mut interruption =
        Interruption::expected().map_err(|error| Failed::Running(format!("signals cannot be waited for: {error}")))?;
    let dir = match &args.state {
        Some(dir) => dir.clone(),
        None => {
            let dir = Arc::new(temporary()?);
            let path = dir.path().to_owned();
            litter.push(dir);
            path
        }
    };
    let format = args.format;
    let sim = start(args, &dir).await?;
    let authority = dir.join("ca.pem");
    fs::write(&authority, sim.ca_pem())
        .map_err(|error| Failed::Input(format!("{} cannot be written: {error}", authority.display())))?;
    say(&sim, &authority, format).map_err(|error| Failed::output(&error))?;
    interruption.wait().await;
    tokio::select! {
        () = sim.shutdown() => info!("ended"),
        () = interruption.wait() => warn!("ended at once, with calls under way"),
    }
    Ok(())
}

async fn start(args: Args, dir: &Path) -> Result<Sim, Failed> {
    let clock = match (args.clock, args.stop_clock) {
        (None, false) => Clock::system(),
        (Some(time), false) => Clock::running_from(time),
        (time, true) => Clock::stopped_at(time.unwrap_or_else(Timestamp::now)),
    };
    let mut builder = Sim::builder()
        .data_dir(dir)
        .listen(args.listen)
        .endpoint(args.endpoint)
        .control(args.control)
        .clock(clock.with_machine_time())
        .key_set_lifetime(KEY_SET_LIFETIME);
    if args.state.is_some() {
        builder = builder.keep_state();
    }
    for at in args.registry {
        builder = builder.registry(at.account, at.region, at.address);
    }
    // Read for its errors: it says what an entry looks like.
    net::Resolve::parse(&args.resolve).map_err(|error| Failed::Input(format!("--resolve: {error}")))?;
    for (name, address) in args.resolve.iter().filter_map(|entry| entry.split_once('=')) {
        let address = address
            .parse()
            .map_err(|_| Failed::Input(format!("--resolve: `{address}` is no address")))?;
        builder = builder.resolve(name, address);
    }
    for path in &args.ca_bundle {
        let pem = fs::read_to_string(path)
            .map_err(|error| Failed::Input(format!("--ca-bundle `{}` cannot be read: {error}", path.display())))?;
        // A file without any would be trusted in silence, and each token refused for it later.
        Roots::system()
            .with_pem(&format!("--ca-bundle `{}`", path.display()), pem.as_bytes())
            .map_err(|error| Failed::Input(error.to_string()))?;
        builder = builder.trust_pem(pem);
    }
    for machine in args.machine {
        let machine = machine.read()?.parse::<Machine>();
        builder = builder.machine(machine.map_err(|error| Failed::Input(format!("--machine: {error}")))?);
    }
    builder = builder.seed(args.seed);
    for rules in args.fault {
        let text = rules.read()?;
        let rules = if text.trim_start().starts_with('[') {
            Fault::list(&text)
        } else {
            text.parse().map(|fault| vec![fault])
        };
        let rules = rules.map_err(|error| Failed::Input(format!("--fault: {error}")))?;
        builder = rules.into_iter().fold(builder, Builder::fault);
    }
    for network in args.network {
        let network = network.read()?.parse::<Network>();
        builder = builder.network(network.map_err(|error| Failed::Input(format!("--network: {error}")))?);
    }
    builder.start().await.map_err(|error| {
        let message = error.to_string();
        match error {
            StartError::Authority(_) => Failed::Running(message),
            _ => Failed::Input(message),
        }
    })
}

fn temporary() -> Result<TempDir, Failed> {
    let name = format!("wharfinger-sim-{}-", process::id());
    tempfile::Builder::new()
        .prefix(&name)
        .tempdir()
        .map_err(|error| Failed::Running(format!("a temporary folder cannot be made: {error}")))
}

fn say(sim: &Sim, authority: &Path, format: Format) -> io::Result<()> {
    let registries = sim
        .registry_addrs()
        .map(|(account, region, address)| (format!("{account}.dkr.ecr.{region}.amazonaws.com"), address));
    let endpoint = sim.endpoint_addr().map(|address| format!("http://{address}"));
    let control = sim.control_addr().map(|address| address.to_string());
    let mut stdout = io::stdout().lock();
    match format {
        Format::Json => {
            let registries = registries.map(|(host, address)| json!({"host": host, "address": address.to_string()}));
            let places = json!({
                "names": sim.addr().to_string(),
                "authority": authority,
                "endpoint": endpoint,
                "control": control,
                "registries": registries.collect::<Vec<_>>(),
                "machines": sim.machines(),
            });
            writeln!(stdout, "{places}")?;
        }
        Format::Text => {
            let authority = authority.display();
            writeln!(
                stdout,
                "names     {}  every host name of AWS, by TLS; the authority is {authority}",
                sim.addr()
            )?;
            if let Some(endpoint) = endpoint {
                writeln!(
                    stdout,
                    "endpoint  {endpoint}  STS, IAM and the ECR API, for AWS_ENDPOINT_URL"
                )?;
            }
            for (host, address) in registries {
                writeln!(stdout, "registry  http://{address}  {host}")?;
            }
            for machine in sim.machines() {
                let (name, address) = (machine.name, machine.address);
                writeln!(
                    stdout,
                    "machine   http://{address}  {name}: eval \"$(wharfinger sim machine env {name})\""
                )?;
            }
            if let Some(control) = control {
                writeln!(
                    stdout,
                    "control   {control}  for wharfinger sim credentials, trail and clock"
                )?;
            }
        }
    }
    stdout.flush()
}

impl FromStr for RegistryAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected ACCOUNT/REGION=ADDRESS:PORT, such as 111122223333/us-east-1=127.0.0.1:5001";
        let (registry, address) = text.split_once('=').ok_or(expected)?;
        let (account, region) = registry.split_once('/').ok_or(expected)?;
        Ok(Self {
            account: account
                .parse()
                .map_err(|error: iam::AccountIdError| error.to_string())?,
            region: region.to_owned(),
            address: address.parse().map_err(|_| expected)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_and_its_address_are_read() {
        let at = "111122223333/us-east-1=127.0.0.1:5001".parse::<RegistryAt>().unwrap();
        assert_eq!((at.account.as_str(), at.region.as_str()), ("111122223333", "us-east-1"));
        assert_eq!(at.address.port(), 5001);
        for text in [
            "",
            "x",
            "1/us-east-1=127.0.0.1:1",
            "111122223333=127.0.0.1:1",
            "111122223333/us-east-1=5001",
        ] {
            assert!(text.parse::<RegistryAt>().is_err(), "{text}");
        }
    }
}

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Failed, Which, rules::Json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an EC2 instance, an ECS task or a pod of EKS, and print the environment of a process on it
    #[command(
        display_name = "wharfinger",
        after_help = "\
Examples:
  eval \"$(wharfinger sim machine add '{\"name\": \"builder\", \"account\": \"111122223333\", \"instance\": {\"role\": \"puller\"}}')\"
  aws sts get-caller-identity      # with the credentials of the instance's role

  wharfinger sim machine add '{\"name\": \"job\", \"account\": \"111122223333\", \"task\": {\"role\": \"puller\"}}'
  wharfinger sim machine add '{\"name\": \"web-0\", \"account\": \"111122223333\", \"pod\": {\"role\": \"puller\"}}'"
    )]
    Add {
        /// What it is: JSON, written here, in @FILE, or on standard input (-)
        machine: Json,
        #[command(flatten)]
        which: Which,
    },
    /// Print the environment of a process on a machine, as lines for a POSIX shell
    #[command(display_name = "wharfinger")]
    Env {
        /// The machine's name
        name: String,
        #[command(flatten)]
        which: Which,
    },
    /// Show the machines
    #[command(display_name = "wharfinger")]
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line a machine
    #[default]
    Text,
    /// `{"machines": […]}`
    Json,
}

#[derive(Deserialize)]
struct Machines {
    machines: Vec<Machine>,
}

#[derive(Deserialize)]
struct Machine {
    name: String,
    account: String,
    region: String,
    kind: String,
    address: String,
    environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Overview {
    endpoint: Option<String>,
}

pub(super) async fn run(command: Command) -> Result<(), Failed> {
    let text = match command {
        Command::Add { machine, which } => {
            let machine = machine.read()?;
            let response = which.control.send(Method::POST, "/machines", Some(machine)).await?;
            let machine = super::control::document::<Machine>(response).await?;
            let endpoint = which.control.show::<Overview>("/").await?.endpoint;
            machine.exports(endpoint.as_deref())
        }
        Command::Env { name, which } => {
            let machines = which.control.show::<Machines>("/machines").await?.machines;
            let machine = machines.into_iter().find(|machine| machine.name == name);
            let machine = machine.ok_or_else(|| Failed::Input(format!("there is no machine `{name}`")))?;
            let endpoint = which.control.show::<Overview>("/").await?.endpoint;
            machine.exports(endpoint.as_deref())
        }
        Command::List { format, which } => match format {
            Format::Json => format!("{}\n", which.control.show::<Value>("/machines").await?),
            Format::Text => {
                let machines = which.control.show::<Machines>("/machines").await?.machines;
                machines.iter().map(Machine::line).collect()
            }
        },
    };
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failed::output(&error))
}

impl Machine {
    /// Whatever is set by which the SDKs find another identity, or another machine, would win over this one, so it has to
    /// go. The region is set as well: not every tool asks the metadata for it.
    fn exports(&self, endpoint: Option<&str>) -> String {
        let mut lines = format!("unset {}\n", IDENTITIES.join(" "));
        lines.push_str(&format!("export AWS_DEFAULT_REGION={}\n", quoted(&self.region)));
        let endpoint = endpoint.map(|endpoint| ("AWS_ENDPOINT_URL", endpoint));
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in environment.chain(endpoint) {
            lines.push_str(&format!("export {name}={}\n", quoted(value)));
        }
        lines
    }

    fn line(&self) -> String {
        let Self {
            name,
            account,
            region,
            kind,
            address,
            ..
        } = self;
        format!("{name}  {kind} of {account} in {region}, asked at http://{address}\n")
    }
}

/// The variables by which AWS's SDKs find who they are and where ("Settings reference", AWS SDKs and Tools Reference Guide).
pub(super) const IDENTITIES: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

/// A value as one word of a POSIX shell: paths may have any character.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_machine_left_in_the_shell_is_gone() {
        let machine = |name: &str, variable: &str| -> Machine {
            serde_json::from_value(serde_json::json!({
                "name": name, "account": "111122223333", "region": format!("{name}-1"), "kind": "instance",
                "address": "127.0.0.1:1", "environment": { variable: name },
            }))
            .unwrap()
        };
        let pod = machine("pod", "AWS_CONTAINER_CREDENTIALS_FULL_URI").exports(None);
        let instance = machine("instance", "AWS_EC2_METADATA_SERVICE_ENDPOINT").exports(None);
        let script = format!("AWS_WEB_IDENTITY_TOKEN_FILE=x\nexport AWS_WEB_IDENTITY_TOKEN_FILE\n{pod}{instance}env");
        let output = std::process::Command::new("sh")
            .env_clear()
            .args(["-c", &script])
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let mut variables: Vec<_> = output.lines().filter(|line| line.starts_with("AWS_")).collect();
        variables.sort_unstable();
        assert_eq!(
            variables,
            [
                "AWS_DEFAULT_REGION=instance-1",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT=instance"
            ]
        );
    }

    #[test]
    fn a_value_stays_one_word_in_a_shell() {
        for value in ["http://127.0.0.1:1", "/a b/$HOME/it's", "", "`x`;\\"] {
            let script = format!("printf %s {}", quoted(value));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }
}

//! `wharfinger policy generate`: the smallest policies for each way of working.

mod agent;
mod permissions;
mod repository;
mod trust;
mod values;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use iam::generate::{Deployment, Document, Holder, IamName, inventory_permissions, pull_permissions};

use crate::cli::BAD_INPUT;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who may assume a role: one subject of an identity provider, or another role or user
    Trust(Box<trust::Args>),
    /// What a role or a user may do: pull, or take an inventory of, some repositories
    Permissions(permissions::Args),
    /// Who of other accounts may pull from a repository
    Repository(repository::Args),
    /// What an agent may do: assume certain roles, and nothing else
    Agent(agent::Args),
}

/// In which language the policies are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The policy document alone
    #[default]
    Json,
    /// A shell script that calls the AWS command line
    AwsCli,
    /// Resources for Terraform (AWS provider 5.81 or later)
    Terraform,
    /// A CloudFormation template
    Cloudformation,
}

/// What permissions are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// To pull images
    #[default]
    Pull,
    /// To list and to scan what is there, and to pull it
    #[value(alias = "scan")]
    Inventory,
}

impl Purpose {
    fn permissions(self, repositories: &[iam::Arn]) -> Document {
        match self {
            Self::Pull => pull_permissions(repositories),
            Self::Inventory => inventory_permissions(repositories),
        }
    }
}

/// Whom permissions are attached to.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct HolderArgs {
    /// The role that gets the policy
    #[arg(long, value_name = "NAME")]
    role: Option<IamName>,

    /// The user that gets the policy
    #[arg(long, value_name = "NAME")]
    user: Option<IamName>,
}

impl HolderArgs {
    fn deployment(self, document: Document) -> Result<Deployment, String> {
        let holder = match (self.role, self.user) {
            (Some(role), _) => Holder::Role(role),
            (None, Some(user)) => Holder::User(user),
            (None, None) => return Err("--role NAME or --user NAME is needed: who gets the policy".to_owned()),
        };
        Ok(Deployment::permissions(holder, document))
    }
}

pub(super) fn run(command: Command) -> ExitCode {
    let text = match command {
        Command::Trust(args) => args.text(),
        Command::Permissions(args) => args.text(),
        Command::Repository(args) => args.text(),
        Command::Agent(args) => args.text(),
    };
    let written = text.and_then(|text| {
        let printed = io::stdout().write_all(text.as_bytes());
        printed.map_err(|error| format!("standard output cannot be written: {error}"))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wharfinger: {error}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// The document in the language asked for. What it is attached to is needed for all but the document alone.
fn written(
    format: Format,
    document: &Document,
    deployment: impl FnOnce(Document) -> Result<Deployment, String>,
) -> Result<String, String> {
    Ok(match format {
        Format::Json => format!("{document}\n"),
        Format::AwsCli => deployment(document.clone())?.aws_cli(),
        Format::Terraform => deployment(document.clone())?.terraform(),
        Format::Cloudformation => deployment(document.clone())?.cloudformation(),
    })
}

use iam::{RoleArn, generate::assume_only};

use super::{Format, HolderArgs, written};

/// What an agent may do: assume certain roles, and nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The ARN of a role that the agent may assume; may be given several times
    #[arg(long, value_name = "ROLE_ARN", required = true)]
    assume: Vec<RoleArn>,

    #[command(flatten)]
    holder: HolderArgs,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    pub(super) fn text(self) -> Result<String, String> {
        let document = assume_only(&self.assume).map_err(|error| format!("--assume: {error}"))?;
        written(self.format, &document, |document| self.holder.deployment(document))
    }
}

const EXAMPLES: &str = "\
Example:
  wharfinger policy generate agent --assume arn:aws:iam::111122223333:role/inventory --role agent --format terraform";

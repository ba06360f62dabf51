use iam::Arn;

use super::{Format, HolderArgs, Purpose, values, written};

/// What a role or a user may do in some repositories, and the login for it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A repository: an ARN, with * and ? as wildcards, or HOST/NAME; may be given several times
    #[arg(long, value_name = "REPOSITORY", required = true, value_parser = values::repositories)]
    repository: Vec<Arn>,

    /// What the permissions are for
    #[arg(long = "for", value_enum, default_value_t)]
    purpose: Purpose,

    #[command(flatten)]
    holder: HolderArgs,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    pub(super) fn text(self) -> Result<String, String> {
        let document = self.purpose.permissions(&self.repository);
        written(self.format, &document, |document| self.holder.deployment(document))
    }
}

const EXAMPLES: &str = "\
Examples:
  wharfinger policy generate permissions --repository 111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app
  wharfinger policy generate permissions --for inventory --role scanner --format aws-cli \\
      --repository 'arn:aws:ecr:us-east-1:111122223333:repository/*'";

use iam::{
    Arn,
    generate::{Deployment, Repository, pull_from_elsewhere},
};

use super::{Format, values, written};

/// Who of other accounts may pull from a repository. They need permissions of their own account as well.
///
/// It is the repository's whole policy: what the repository's policy says already has to be put together with it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A role, a user, or the number of a whole account; may be given several times
    #[arg(long, value_name = "ARN", required = true, value_parser = values::principal)]
    principal: Vec<Arn>,

    /// The repository: an ARN, or HOST/NAME
    #[arg(long, value_name = "REPOSITORY", value_parser = values::repository)]
    repository: Option<Repository>,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    pub(super) fn text(self) -> Result<String, String> {
        let document = pull_from_elsewhere(&self.principal).map_err(|error| format!("--principal: {error}"))?;
        written(self.format, &document, |document| {
            let repository = self.repository.ok_or("--repository is needed: what gets the policy")?;
            Ok(Deployment::repository_policy(repository, document))
        })
    }
}

const EXAMPLES: &str = "\
Example:
  wharfinger policy generate repository --principal arn:aws:iam::111122223333:role/wharfinger-pull \\
      --repository 444455556666.dkr.ecr.us-east-1.amazonaws.com/team/app --format aws-cli";

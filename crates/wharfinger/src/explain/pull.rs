use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use aws::RegistryHost;
use clap::ValueEnum;
use iam::{
    Arn,
    explain::{self, Question, Status, Token},
};
use oci::ImageReference;

use crate::cli::BAD_INPUT;

use super::{folder, report};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The image, as ECR calls it: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY[:TAG]
    image: ImageReference,

    /// Who pulls: the ARN of a role or a user
    #[arg(long = "as", value_name = "ARN")]
    principal: Arn,

    /// The folder with the JSON files; folders in it are read too
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,

    /// Who assumes the role: give it again for each one on the way, the first one first
    #[arg(long, value_name = "ARN")]
    via: Vec<Arn>,

    /// A file with the claims of the token that the first role is assumed with, a JSON object
    #[arg(long, value_name = "FILE", conflicts_with_all = ["iss", "aud", "sub"])]
    token_claims: Option<PathBuf>,

    /// The token's issuer
    #[arg(long, value_name = "URL", requires_all = ["aud", "sub"])]
    iss: Option<String>,

    /// The token's audience
    #[arg(long, value_name = "TEXT", requires = "iss")]
    aud: Option<String>,

    /// The token's subject
    #[arg(long, value_name = "TEXT", requires = "iss")]
    sub: Option<String>,

    /// The external id that roles are assumed with
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,

    /// The value of a condition key that the documents do not tell, such as aws:SourceVpce=vpce-1
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<KeyValue>,

    /// The repository has no policy of its own, rather than one that was not given
    #[arg(long)]
    no_repository_policy: bool,

    /// How to print the ladder
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// `{"status": …, "rungs": […], "changes": […], "documents": […]}`
    Json,
}

#[derive(Clone, Debug)]
struct KeyValue(String, String);

impl FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self(key.to_owned(), value.to_owned())),
            _ => Err("expected KEY=VALUE, such as aws:SourceVpce=vpce-1".to_owned()),
        }
    }
}

/// 0 where every step is allowed, 1 where one is denied or not known, 2 where the input cannot be used.
pub(super) fn run(args: Args) -> ExitCode {
    match execute(args, &mut io::stdout().lock()) {
        Ok(Status::Allowed) => ExitCode::SUCCESS,
        Ok(Status::Denied | Status::Unknown) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wharfinger: {error}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn execute(args: Args, out: &mut impl Write) -> Result<Status, String> {
    let format = args.format;
    let dossier = folder::read(&args.policies)?;
    let question = args.question()?;
    let ladder = explain::pull(&question, &dossier);
    let printed = match format {
        Format::Text => report::text(out, &ladder, &dossier),
        Format::Json => report::json(out, &ladder, &dossier),
    };
    match printed {
        // Whoever reads has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("the ladder cannot be printed: {error}"))
        }
        _ => Ok(ladder.status()),
    }
}

impl Args {
    fn question(self) -> Result<Question, String> {
        let host: RegistryHost = self.image.host.parse().map_err(|error| format!("{error}"))?;
        let repository = host.repository_arn(&self.image.repository);
        let repository = repository.parse::<Arn>().map_err(|error| error.to_string())?;
        let token = self.token()?;
        let invalid = |error: explain::InvalidQuestion| error.to_string();
        let mut question = Question::new(repository, self.principal)
            .and_then(|question| question.via(self.via))
            .map_err(invalid)?;
        if let Some(token) = token {
            question = question.token(token).map_err(invalid)?;
        }
        if let Some(id) = self.external_id {
            question = question.external_id(id);
        }
        if self.no_repository_policy {
            question = question.without_repository_policy();
        }
        Ok(self
            .context
            .into_iter()
            .fold(question, |question, KeyValue(key, value)| question.with(key, value)))
    }

    fn token(&self) -> Result<Option<Token>, String> {
        if let Some(path) = &self.token_claims {
            let claims = fs::read_to_string(path)
                .map_err(|error| format!("the claims `{}` cannot be read: {error}", path.display()))?;
            let token = Token::parse(&claims).map_err(|error| format!("the claims `{}`: {error}", path.display()))?;
            return Ok(Some(token));
        }
        Ok(match (&self.iss, &self.aud, &self.sub) {
            (Some(iss), Some(aud), Some(sub)) => Some(Token::new(iss, aud, sub)),
            _ => None,
        })
    }
}

const AFTER_HELP: &str = "\
DIR holds what the aws command prints (iam get-role, get-role-policy, get-user-policy, get-policy-version,
list-attached-role-policies, get-open-id-connect-provider, get-account-authorization-details,
ecr get-repository-policy), what `terraform show -json` prints, or bare policy documents. A bare document belongs to
whom --as names, or to the image's repository, or to what its folder says: [ACCOUNT/]role/NAME/…, user/NAME/…,
repository/NAME/…

Exit status: 0 all is allowed, 1 something is denied (✗) or not known (?), 2 the input cannot be used

Examples:
  wharfinger explain pull 111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app \\
      --as arn:aws:iam::111122223333:role/puller --policies ./policies \\
      --iss https://issuer.example/acme --aud sts.amazonaws.com --sub team:a
  wharfinger explain pull 444455556666.dkr.ecr.us-east-1.amazonaws.com/app \\
      --as arn:aws:iam::444455556666:role/reader --via arn:aws:iam::111122223333:role/agent \\
      --external-id 7d1c --policies ./policies --format json";

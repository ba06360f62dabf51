use clap::ArgGroup;
use iam::{
    AccountId, Arn, OidcProviderArn,
    generate::{Deployment, Document, IamName, assume_role_trust, web_identity_trust, web_identity_trust_with_tags},
};

use super::{Format, Purpose, values, written};

/// Who may assume a role.
///
/// Either one subject of an OpenID Connect provider (--provider, or --issuer and --account), or another role or user
/// (--principal). All but the document alone makes the role, and its provider, anew.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("who").required(true).args(["provider", "issuer", "principal"]),
    after_help = EXAMPLES
)]
pub(crate) struct Args {
    /// The ARN of the OpenID Connect provider, in the role's account
    #[arg(long, value_name = "ARN", value_parser = values::provider, requires = "subject")]
    provider: Option<OidcProviderArn>,

    /// The issuer's URL, in place of the provider's ARN
    #[arg(long, value_name = "URL", requires_all = ["account", "subject"])]
    issuer: Option<String>,

    /// The role's account, for --issuer
    #[arg(long, value_name = "NUMBER", requires = "issuer")]
    account: Option<AccountId>,

    /// The role's partition, for --issuer
    #[arg(long, value_name = "NAME", default_value = "aws", requires = "issuer")]
    partition: String,

    /// The audience (`aud`) of the tokens
    #[arg(long, value_name = "TEXT", value_parser = values::audience, default_value = aws::WebIdentity::DEFAULT_AUDIENCE)]
    audience: String,

    /// The subject (`sub`) of the tokens, exactly
    #[arg(long, value_name = "TEXT", value_parser = values::subject, conflicts_with = "principal")]
    subject: Option<String>,

    /// The tokens carry session tags
    #[arg(long, conflicts_with = "principal")]
    session_tags: bool,

    /// Leave the provider out: the account has it already
    #[arg(long, conflicts_with = "principal")]
    existing_provider: bool,

    /// The SHA-1 of a certificate of an authority that AWS does not know by itself; may be given several times
    #[arg(long, value_name = "HEX", value_parser = values::thumbprint, conflicts_with_all = ["principal", "existing_provider"])]
    thumbprint: Vec<String>,

    /// The ARN of the role or the user that may assume the role
    #[arg(long, value_name = "ARN", value_parser = values::role_or_user)]
    principal: Option<Arn>,

    /// An external id, one of which has to be given; may be given several times
    #[arg(long, value_name = "ID", value_parser = values::external_id, requires = "principal")]
    external_id: Vec<String>,

    /// Ask for no external id: the principal acts for nobody else
    #[arg(long, requires = "principal", conflicts_with = "external_id")]
    no_external_id: bool,

    /// The name of the role
    #[arg(long, value_name = "NAME", default_value = "wharfinger-pull")]
    role: IamName,

    /// What the role may do in these repositories: an ARN, or HOST/NAME; may be given several times
    #[arg(long, value_name = "REPOSITORY", value_parser = values::repositories)]
    repository: Vec<Arn>,

    /// What it may do there
    #[arg(long = "for", value_enum, default_value_t, requires = "repository")]
    purpose: Purpose,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    pub(super) fn text(self) -> Result<String, String> {
        if self.format == Format::Json && !self.repository.is_empty() {
            return Err("--repository: `--format json` prints one document, the trust policy; \
                 `wharfinger policy generate permissions` prints the other"
                .to_owned());
        }
        match self.principal.clone() {
            Some(principal) => self.assumed_by(&principal),
            None => self.web_identity(),
        }
    }

    fn assumed_by(self, principal: &Arn) -> Result<String, String> {
        if self.external_id.is_empty() && !self.no_external_id {
            return Err(
                "--external-id: whoever acts for many can be made to act for the wrong one without it; \
                 expected: one, or --no-external-id"
                    .to_owned(),
            );
        }
        let ids: Vec<&str> = self.external_id.iter().map(String::as_str).collect();
        let trust = assume_role_trust(principal, &ids);
        written(self.format, &trust, |trust| Ok(self.role(trust)))
    }

    fn web_identity(self) -> Result<String, String> {
        // The options require each other; what is missing is told by the parser of the command line.
        let Some(subject) = self.subject.clone() else {
            return Err("--subject is needed".to_owned());
        };
        let audience = self.audience.clone();
        let provider = self.provider()?;
        let trust = match self.session_tags {
            true => web_identity_trust_with_tags(&provider, &audience, &subject),
            false => web_identity_trust(&provider, &audience, &subject),
        };
        written(self.format, &trust, |trust| {
            let role = self.role(trust);
            Ok(match self.existing_provider {
                true => role,
                false => role.with_provider(&provider, &audience, &self.thumbprint),
            })
        })
    }

    fn provider(&self) -> Result<OidcProviderArn, String> {
        match (&self.provider, &self.issuer, self.account) {
            (Some(provider), _, _) => Ok(provider.clone()),
            (None, Some(issuer), Some(account)) => OidcProviderArn::of_issuer(&self.partition, account, issuer)
                .map_err(|error| format!("--issuer: {error}")),
            _ => Err("--provider, or --issuer and --account, is needed".to_owned()),
        }
    }

    fn role(&self, trust: Document) -> Deployment {
        let role = Deployment::role(self.role.clone(), trust);
        match self.repository.as_slice() {
            [] => role,
            repositories => role.with_permissions(self.purpose.permissions(repositories)),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  A role for the tokens of a Wharfinger, its provider and its permissions, as one template:
    wharfinger policy generate trust --issuer https://images.example.com --account 111122223333 \\
        --audience sts.amazonaws.com --subject acme --role wharfinger-pull \\
        --repository 111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app --format cloudformation
  A role that an agent of another account assumes to take an inventory:
    wharfinger policy generate trust --principal arn:aws:iam::444455556666:role/agent \\
        --external-id 11111111-1111-1111-1111-111111111111 --role inventory --for inventory \\
        --repository 'arn:aws:ecr:us-east-1:111122223333:repository/*' --format terraform";

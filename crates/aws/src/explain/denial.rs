//! A 403 of the registry: whose policy it is.

use iam::{Arn, generate};
use oci::RepositoryName;

use super::{
    sentence::{Sentence, put_policy},
    text::quoted,
};
use crate::{Cause, Document, RegistryHost};

/// Who was refused, and what for, as far as it is known.
pub(super) struct Denial<'a> {
    pub(super) host: &'a RegistryHost,
    pub(super) repository: &'a RepositoryName,
    /// The words of AWS.
    pub(super) message: &'a str,
    /// Who asked, as AWS sees it.
    pub(super) principal: Option<Arn>,
    /// The user, or the role behind the session.
    pub(super) holder: Option<Arn>,
    pub(super) action: String,
}

/// Which side AWS names in its sentence ("Troubleshoot access denied error messages" in the IAM user guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A statement of the repository's policy denies.
    DeniedByRepository,
    /// A statement of another policy denies.
    DeniedElsewhere,
    /// The repository's policy does not allow.
    Repository,
    /// The identity's policies do not allow.
    Identity,
    /// A policy that limits what others allow does not allow.
    Limit,
    /// It does not say.
    Unsaid,
}

impl Denial<'_> {
    pub(super) fn side(&self) -> Side {
        match self.message {
            text if text.contains("explicit deny in a resource-based") => Side::DeniedByRepository,
            text if text.contains("explicit deny") => Side::DeniedElsewhere,
            text if text.contains("no resource-based policy") => Side::Repository,
            text if text.contains("no identity-based policy") => Side::Identity,
            text if !other_kinds(text, "").is_empty() => Side::Limit,
            _ => Side::Unsaid,
        }
    }

    /// The causes as far as they can be told without having seen a policy.
    pub(super) fn causes(&self) -> Vec<Cause> {
        match self.side() {
            Side::DeniedByRepository => vec![self.denied_by_repository()],
            Side::DeniedElsewhere => vec![self.denied_elsewhere()],
            Side::Repository => vec![self.repository_lacks(), self.no_repository(), self.identity_lacks()],
            Side::Identity => vec![self.identity_lacks(), self.other_name()],
            Side::Limit => other_kinds(self.message, &self.who()),
            Side::Unsaid => vec![self.identity_lacks(), self.repository_lacks(), self.no_repository()],
        }
    }

    /// Whether the repository is in another account than the principal.
    pub(super) fn crosses_accounts(&self) -> bool {
        self.principal
            .as_ref()
            .and_then(Arn::account)
            .is_some_and(|account| self.host.account().is_some_and(|owner| owner != account))
    }

    pub(super) fn who(&self) -> String {
        self.holder
            .as_ref()
            .or(self.principal.as_ref())
            .map_or_else(|| "the identity".to_owned(), ToString::to_string)
    }

    pub(super) fn account(&self) -> String {
        self.host
            .account()
            .map_or_else(|| "ACCOUNT".to_owned(), |account| account.to_string())
    }

    /// The identity's side lacks an allow.
    pub(super) fn identity_lacks(&self) -> Cause {
        let arn = self.host.repository_arn(self.repository);
        let policy = arn.parse::<Arn>().ok().map(|arn| generate::pull_permissions(&[arn]));
        let who = self.who();
        let fix = put_policy(
            self.holder.as_ref(),
            "wharfinger-pull",
            &policy.as_ref().map(generate::Document::compact).unwrap_or_default(),
        );
        Cause::new(
            format!("no permissions policy of {who} allows {} on {arn}", self.action),
            format!("aws iam simulate-principal-policy --policy-source-arn {who} --action-names {} --resource-arns {arn}; a Resource that ends in {}/* leaves the repository itself out", self.action, self.repository),
            fix,
        )
        .with(policy.map(|policy| Document::new(format!("permissions policy of {who}"), &policy.to_string())))
    }

    /// The repository's side lacks an allow.
    pub(super) fn repository_lacks(&self) -> Cause {
        let (account, repository) = (self.account(), self.repository);
        let policy = self
            .holder
            .clone()
            .and_then(|holder| generate::pull_from_elsewhere(&[holder]).ok());
        Cause::new(
            format!("the repository {repository} belongs to the account {account} and has no repository policy that lets {} in", self.who()),
            format!("in the account {account}: {}", self.look()),
            format!("{}  # takes the place of a policy that is there", self.set_policy(&policy.as_ref().map_or_else(|| "file://POLICY".to_owned(), generate::Document::compact))),
        )
        .with(policy.map(|policy| {
            Document::new(
                format!("policy of the repository {repository}; one that is there has to keep its statements beside this one"),
                &policy.to_string(),
            )
        }))
    }

    pub(super) fn no_repository(&self) -> Cause {
        let (account, region) = (self.account(), self.host.region());
        Cause::new(
            format!(
                "there is no repository {} in the account {account} in {region}; ECR does not tell that to other accounts",
                self.repository
            ),
            format!(
                "in the account {account}: aws ecr describe-repositories --region {region} --repository-names {}",
                self.repository
            ),
            "correct the name, or create the repository",
        )
    }

    fn other_name(&self) -> Cause {
        Cause::new(
            format!("another repository is meant than {}", self.repository),
            "compare the repository's ARN in the message of AWS with those in the policies",
            "correct the name that is pulled",
        )
    }

    pub(super) fn denied_by_repository(&self) -> Cause {
        Cause::new(
            format!(
                "a statement of the policy of the repository {} denies the action expressly; a deny wins over every allow",
                self.repository
            ),
            format!(
                "in the account {}: {}; look for \"Effect\": \"Deny\"",
                self.account(),
                self.look()
            ),
            format!(
                "narrow that statement so that it leaves {} out, by a condition on aws:PrincipalArn",
                self.who()
            ),
        )
    }

    fn denied_elsewhere(&self) -> Cause {
        let who = self.who();
        Cause::new(
            "a policy denies the action expressly; a deny wins over every allow",
            format!(
                "look for \"Effect\": \"Deny\" in the kind of policy that the message names: those of {who}, its permissions boundary, or the organization's"
            ),
            "narrow that statement so that it leaves this repository out",
        )
    }

    /// The command that shows the repository's policy.
    pub(super) fn look(&self) -> String {
        format!(
            "aws ecr get-repository-policy --region {} --repository-name {}",
            self.host.region(),
            self.repository
        )
    }

    /// The command that puts a policy into its place.
    pub(super) fn set_policy(&self, policy: &str) -> String {
        format!(
            "in the account {}: aws ecr set-repository-policy --region {} --repository-name {} --policy-text {}",
            self.account(),
            self.host.region(),
            self.repository,
            quoted(policy)
        )
    }
}

/// Who was refused, by AWS's sentence, else by the login; and the action, else the one behind what was asked for.
pub(super) fn asked(message: &str, principal: &str, wanted: &str) -> (Option<Arn>, String) {
    match Sentence::read(message) {
        Some(sentence) => (Some(sentence.user), sentence.action),
        None => {
            let action = match wanted.split(' ').next() {
                Some("blob") => "ecr:GetDownloadUrlForLayer",
                Some("tags") => "ecr:ListImages",
                _ => "ecr:BatchGetImage",
            };
            (principal.parse().ok(), action.to_owned())
        }
    }
}

/// Kinds of policies that limit what others allow, where AWS's message names one of them.
pub(super) fn other_kinds(message: &str, who: &str) -> Vec<Cause> {
    if !message.contains("because no ") && !message.contains("explicit deny") {
        return Vec::new();
    }
    let cause = if message.contains("session policy") {
        Cause::new(
            "the session's own policy does not allow it: the upstream narrows its sessions to its `repositories`",
            "`narrowSession` and `repositories` of the upstream",
            "add the repository to the upstream's `repositories`, or take `narrowSession` out",
        )
    } else if message.contains("permissions boundary") {
        Cause::new(
            format!("the permissions boundary of {who} does not allow it"),
            "PermissionsBoundary in aws iam get-role, or in aws iam get-user",
            "allow the action in the boundary too",
        )
    } else if message.contains("service control policy") || message.contains("resource control policy") {
        Cause::new(
            "a policy of the organization does not allow it",
            "in the organization's management account: aws organizations list-policies-for-target",
            "have the organization's administrator allow the action",
        )
    } else if message.contains("VPC endpoint policy") {
        Cause::new(
            "the policy of the VPC endpoint that the request went through does not allow it",
            "aws ec2 describe-vpc-endpoints --query VpcEndpoints[].PolicyDocument",
            "allow the action in the endpoint's policy",
        )
    } else {
        return Vec::new();
    };
    vec![cause]
}

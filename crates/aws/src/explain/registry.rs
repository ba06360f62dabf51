use iam::RoleArn;
use oci::{ErrorCode, ErrorEnvelope, RepositoryName};

use super::{
    credential,
    denial::{self, Denial},
    sentence::holder,
};
use crate::{AwsError, Cause, Kind, RegistryHost};

/// An answer of the registry that is not a success.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The registry.
    pub host: &'a RegistryHost,
    /// The repository.
    pub repository: &'a RepositoryName,
    /// What was asked for, such as `manifest 1`.
    pub wanted: &'a str,
    /// The role session that asked.
    pub principal: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it was read.
    pub body: &'a [u8],
}

/// What a refusal of the registry means, as far as it can be told without having seen a policy.
pub fn explain(refusal: Refusal<'_>) -> AwsError {
    explained(refusal, None)
}

/// The same; `role` is the one that the session may be of, with its path.
pub(crate) fn explained(refusal: Refusal<'_>, role: Option<&RoleArn>) -> AwsError {
    let answer = Answer::of(&refusal);
    let (kind, causes) = match refusal.status {
        401 => (Kind::Refused, unauthorized(refusal.host)),
        403 if answer.is_expiry() => (Kind::Refused, expired()),
        403 if refusal.host.is_public() => (Kind::Refused, public_denial()),
        403 => (Kind::Refused, answer.denial(&refusal, role).causes()),
        404 if answer.code == "NAME_UNKNOWN" => (Kind::NotFound(ErrorCode::NameUnknown), no_name(&refusal)),
        404 => {
            let is_blob = refusal.wanted.starts_with("blob");
            let code = if is_blob {
                ErrorCode::BlobUnknown
            } else {
                ErrorCode::ManifestUnknown
            };
            (Kind::NotFound(code), no_content(&refusal, is_blob))
        }
        429 if refusal.host.is_public() => (Kind::Throttled, vec![super::public::rate()]),
        429 => (Kind::Throttled, super::throttled("the registry")),
        405 => (
            Kind::Unavailable,
            vec![Cause::new(
                "the registry does not offer what was asked for, or not with these parameters",
                "the message of AWS",
                "ask for less at a time: a list of tags has 1000 at most",
            )],
        ),
        500.. => (
            Kind::Unavailable,
            vec![Cause::new(
                "the registry is in trouble itself",
                "look at the AWS Health Dashboard: https://health.aws.amazon.com",
                "try again later",
            )],
        ),
        _ => (
            Kind::Unavailable,
            vec![Cause::new(
                "the registry does not take the request, or something else answers at its address",
                format!("look at what answers there: curl -v https://{}/v2/", refusal.host),
                "check the resolve map of the configuration",
            )],
        ),
    };
    AwsError::new(kind, &refusal.tried(), &answer.said, causes)
}

/// The registry, or the bucket behind it, did not answer.
pub fn unreachable(host: &str, wanted: &str, why: &dyn std::error::Error) -> AwsError {
    AwsError::new(
        Kind::Unavailable,
        &format!("fetching {wanted} from {host}"),
        &format!("nothing ({})", super::causes(why)),
        super::unreachable(host),
    )
}

/// What the registry said.
pub(super) struct Answer {
    pub(super) code: String,
    pub(super) message: String,
    said: String,
}

impl Answer {
    pub(super) fn of(refusal: &Refusal<'_>) -> Self {
        let status = refusal.status;
        let (code, message) = envelope(refusal.body).unwrap_or_else(|| (String::new(), plain_text(refusal.body)));
        let said = match (code.as_str(), message.as_str()) {
            ("", "") => format!("HTTP {status} without a message"),
            ("", message) => format!("HTTP {status}: {message}"),
            (code, message) => format!("{code} (HTTP {status}): {message}"),
        };
        Self { code, message, said }
    }

    /// The login, not the principal, is refused.
    pub(super) fn is_expiry(&self) -> bool {
        self.message.contains("authorization token has expired")
    }

    pub(super) fn denial<'a>(&'a self, refusal: &Refusal<'a>, role: Option<&RoleArn>) -> Denial<'a> {
        let (principal, action) = denial::asked(&self.message, refusal.principal, refusal.wanted);
        Denial {
            host: refusal.host,
            repository: refusal.repository,
            message: &self.message,
            holder: principal.as_ref().and_then(|arn| holder(arn, role)),
            principal,
            action,
        }
    }
}

impl Refusal<'_> {
    fn tried(&self) -> String {
        format!(
            "pulling {} of {}/{} as {}",
            self.wanted, self.host, self.repository, self.principal
        )
    }
}

fn unauthorized(host: &RegistryHost) -> Vec<Cause> {
    vec![
        Cause::new(
            "the registry does not take the login: it was made for another region or partition, or revoked with its session",
            format!("the same login with another client: docker login {host}"),
            "try again: a new login is made",
        ),
        credential::clock("this machine's clock is off, so that the login's end was not noticed"),
    ]
}

fn expired() -> Vec<Cause> {
    vec![
        Cause::new(
            "the login ended earlier than AWS had said, with the session that made it",
            "the time of the session in CloudTrail: AssumeRoleWithWebIdentity, AssumeRole",
            "try again: a new login is made",
        ),
        credential::clock("this machine's clock is behind, so that the login's end was not noticed"),
    ]
}

fn public_denial() -> Vec<Cause> {
    vec![
        Cause::new(
            "ECR Public does not let this login in; what is public it gives to nobody as well",
            "pull the image without a login: from public.ecr.aws itself",
            "make the upstream's source `anonymous`",
        ),
        super::public::rate(),
    ]
}

fn no_name(refusal: &Refusal<'_>) -> Vec<Cause> {
    let (host, repository) = (refusal.host, refusal.repository);
    let Some(account) = host.account() else {
        return vec![public_name(repository)];
    };
    let region = host.region();
    vec![
        Cause::new(
            format!("the registry of the account {account} in {region} has no repository {repository}"),
            format!("aws ecr describe-repositories --registry-id {account} --region {region} lists what there is"),
            "correct the name",
        ),
        Cause::new(
            "the repository is in another region or account",
            "the URI that the console of ECR shows begins with the registry's host",
            "point the upstream at that registry",
        ),
        Cause::new(
            "it was not created yet",
            "whoever pushes creates it first",
            format!(
                "in the account {account}: aws ecr create-repository --region {region} --repository-name {repository}"
            ),
        ),
    ]
}

fn no_content(refusal: &Refusal<'_>, is_blob: bool) -> Vec<Cause> {
    let (host, repository) = (refusal.host, refusal.repository);
    let Some(account) = host.account() else {
        return vec![public_name(repository)];
    };
    let list = format!(
        "aws ecr list-images --registry-id {account} --region {} --repository-name {repository} lists what there is",
        host.region()
    );
    let why = if is_blob {
        "the repository has no such layer: it belongs to an image that was never pushed whole, or to another repository"
    } else {
        "the repository has no such tag or digest"
    };
    vec![
        Cause::new(why, list, "correct the name, or push the image"),
        Cause::new(
            "a lifecycle policy, or somebody, deleted the image",
            format!(
                "aws ecr get-lifecycle-policy --registry-id {account} --region {} --repository-name {repository}; BatchDeleteImage in CloudTrail",
                host.region()
            ),
            "push the image again, and let the lifecycle policy spare it",
        ),
    ]
}

fn public_name(repository: &RepositoryName) -> Cause {
    Cause::new(
        format!(
            "ECR Public has no {repository}, or not with this tag or digest; a name begins with the registry's alias"
        ),
        format!("https://gallery.ecr.aws/{repository} shows what there is"),
        "correct the name",
    )
}

fn envelope(body: &[u8]) -> Option<(String, String)> {
    let envelope: ErrorEnvelope = serde_json::from_slice(body).ok()?;
    let error = envelope.errors.into_iter().next()?;
    Some((error.code, error.message))
}

/// The beginning of a body that is not an envelope, as one line.
fn plain_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    super::text::line(&text, 200)
}

#[cfg(test)]
mod tests;

use oci::{ErrorCode, ErrorEnvelope, RepositoryName};

use crate::{AwsError, Kind, RegistryHost};

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

/// What a refusal of the registry means.
pub fn explain(refusal: Refusal<'_>) -> AwsError {
    let Refusal {
        host,
        repository,
        wanted,
        principal,
        status,
        body,
    } = refusal;
    let envelope = serde_json_envelope(body);
    let (code, message) = envelope.unwrap_or_else(|| (String::new(), plain_text(body)));
    let said = match (code.as_str(), message.as_str()) {
        ("", "") => format!("HTTP {status} without a message"),
        ("", message) => format!("HTTP {status}: {message}"),
        (code, message) => format!("{code} (HTTP {status}): {message}"),
    };
    let account = host
        .account()
        .map_or_else(|| "public".to_owned(), |account| account.to_string());
    let arn = host.repository_arn(repository);
    let actions = "ecr:BatchGetImage and ecr:GetDownloadUrlForLayer";
    let (kind, cause, fix) = match status {
        401 => (
            Kind::Refused,
            "the registry does not take the login".to_owned(),
            "try again: a new login is made; if it stays, check this machine's clock".to_owned(),
        ),
        403 if message.contains("authorization token has expired") => (
            Kind::Refused,
            "the login ended earlier than AWS had said".to_owned(),
            "try again: a new login is made".to_owned(),
        ),
        403 if message.contains("explicit deny") => (
            Kind::Refused,
            "a policy denies the action expressly; a deny wins over every allow".to_owned(),
            format!(
                "find the statement with \"Effect\": \"Deny\" in the policy that the message names (the role's, or the policy of the repository {arn}) and narrow it"
            ),
        ),
        403 if message.contains("no resource-based policy allows") => (
            Kind::Refused,
            format!(
                "the repository belongs to the account {account} and has no repository policy that lets this role in, or there is no such repository"
            ),
            format!(
                "in the account {account}: allow {actions} to the role in the policy of the repository (aws ecr set-repository-policy --repository-name {repository} …)"
            ),
        ),
        403 => (
            Kind::Refused,
            "no permissions policy of the role allows the action on this repository".to_owned(),
            format!("allow {actions} on {arn} in a permissions policy of the role"),
        ),
        404 if code == "NAME_UNKNOWN" => (
            Kind::NotFound(ErrorCode::NameUnknown),
            format!(
                "the registry of the account {account} in {} has no such repository",
                host.region()
            ),
            format!(
                "check the name; aws ecr describe-repositories --registry-id {account} --region {} lists what there is",
                host.region()
            ),
        ),
        404 => (
            Kind::NotFound(if wanted.starts_with("blob") {
                ErrorCode::BlobUnknown
            } else {
                ErrorCode::ManifestUnknown
            }),
            "the repository has no such tag or digest".to_owned(),
            format!(
                "check the name; aws ecr list-images --registry-id {account} --region {} --repository-name {repository} lists what there is",
                host.region()
            ),
        ),
        429 => (
            Kind::Throttled,
            "the account's request rate for the registry is exhausted".to_owned(),
            "try again later; if it stays, raise the quota in the account".to_owned(),
        ),
        500.. => (
            Kind::Unavailable,
            "the registry is in trouble itself".to_owned(),
            "try again later; see the AWS Health Dashboard".to_owned(),
        ),
        _ => (
            Kind::Unavailable,
            "the registry does not take the request, or something else answers at its address".to_owned(),
            "look at what answers there; check the resolve map of the configuration".to_owned(),
        ),
    };
    let tried = format!("pulling {wanted} of {host}/{repository} as {principal}");
    AwsError {
        kind,
        tried,
        said,
        cause,
        fix,
        document: None,
    }
}

/// The registry, or the bucket behind it, did not answer.
pub fn unreachable(host: &str, wanted: &str, why: &dyn std::error::Error) -> AwsError {
    AwsError {
        kind: Kind::Unavailable,
        tried: format!("fetching {wanted} from {host}"),
        said: format!("nothing ({})", super::causes(why)),
        cause: format!("{host} cannot be reached from here"),
        fix: "check the network, the resolve map and the CA bundle of the configuration".to_owned(),
        document: None,
    }
}

fn serde_json_envelope(body: &[u8]) -> Option<(String, String)> {
    let envelope: ErrorEnvelope = serde_json::from_slice(body).ok()?;
    let error = envelope.errors.into_iter().next()?;
    Some((error.code, error.message))
}

/// The beginning of a body that is not an envelope, as one line.
fn plain_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain_answer(status: u16, body: &str) -> AwsError {
        explain(Refusal {
            host: &"111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap(),
            repository: &"team/app".parse().unwrap(),
            wanted: "manifest 1",
            principal: "arn:aws:sts::444455556666:assumed-role/pull/s",
            status,
            body: body.as_bytes(),
        })
    }

    fn envelope(code: ErrorCode, message: &str) -> String {
        serde_json::to_string(&ErrorEnvelope::new(code, message)).unwrap()
    }

    #[test]
    fn each_refusal_says_whose_policy_has_to_change() {
        let because = |end: &str| {
            envelope(
                ErrorCode::Denied,
                &format!("User: arn:x is not authorized to perform: ecr:BatchGetImage on resource: arn:y {end}"),
            )
        };
        for (status, body, kind, cause, fix) in [
            (401, "Not Authorized\n".to_owned(), Kind::Refused, "login", "clock"),
            (
                403,
                envelope(
                    ErrorCode::Denied,
                    "Your authorization token has expired. Reauthenticate and try again.",
                ),
                Kind::Refused,
                "ended",
                "again",
            ),
            (
                403,
                because("because no identity-based policy allows the ecr:BatchGetImage action"),
                Kind::Refused,
                "permissions policy of the role",
                "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
            ),
            (
                403,
                because("because no resource-based policy allows the ecr:BatchGetImage action"),
                Kind::Refused,
                "account 111122223333",
                "set-repository-policy --repository-name team/app",
            ),
            (
                403,
                because("with an explicit deny in a resource-based policy"),
                Kind::Refused,
                "denies",
                "Deny",
            ),
            (
                404,
                envelope(ErrorCode::NameUnknown, "m"),
                Kind::NotFound(ErrorCode::NameUnknown),
                "no such repository",
                "describe-repositories",
            ),
            (
                404,
                envelope(ErrorCode::ManifestUnknown, "Requested image not found"),
                Kind::NotFound(ErrorCode::ManifestUnknown),
                "tag or digest",
                "list-images",
            ),
            (
                429,
                envelope(ErrorCode::TooManyRequests, "Rate exceeded"),
                Kind::Throttled,
                "rate",
                "later",
            ),
            (503, String::new(), Kind::Unavailable, "trouble", "later"),
        ] {
            let error = explain_answer(status, &body);
            assert_eq!(error.kind, kind, "{status} {body}");
            assert!(error.cause.contains(cause), "{status} {body}: {}", error.cause);
            assert!(error.fix.contains(fix), "{status} {body}: {}", error.fix);
            assert!(error.tried.contains("team/app") && error.tried.contains("assumed-role/pull/s"));
        }
    }

    #[test]
    fn what_the_registry_said_is_carried_over() {
        assert_eq!(
            explain_answer(404, &envelope(ErrorCode::ManifestUnknown, "Requested image not found")).said,
            "MANIFEST_UNKNOWN (HTTP 404): Requested image not found"
        );
        assert_eq!(explain_answer(401, "Not Authorized\n").said, "HTTP 401: Not Authorized");
        assert_eq!(explain_answer(403, "").said, "HTTP 403 without a message");
        assert!(explain_answer(502, &"x".repeat(100_000)).said.len() < 300);
    }
}

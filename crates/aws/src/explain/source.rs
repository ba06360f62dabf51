use std::{error::Error, io, path::Path};

use iam::RoleArn;
use oidc::KeyError;

use super::causes;
use crate::{AwsError, Kind, RegistryHost, Source};

fn own(kind: Kind, tried: String, said: String, cause: &str, fix: String) -> AwsError {
    AwsError {
        kind,
        tried,
        said,
        cause: cause.to_owned(),
        fix,
        document: None,
    }
}

/// AWS was not asked: something is missing on this side.
fn not_asked(tried: &str, reason: &str, cause: &str, fix: &str) -> AwsError {
    own(
        Kind::Refused,
        tried.to_owned(),
        format!("nothing, for it was not asked ({reason})"),
        cause,
        fix.to_owned(),
    )
}

/// The machine's configuration does not let a resource use what it names.
pub(crate) fn not_allowed(source: &Source, reason: &str) -> AwsError {
    let tried = match source {
        Source::WebIdentity(_) => "reading the token that the source names",
        Source::AccessKey(_) => "reading the key that the source names",
        Source::Ambient {} => "becoming what this machine is",
        Source::Anonymous {} => "being nobody",
    };
    not_asked(
        tried,
        reason,
        "whoever writes upstreams may use of the server only what the server's configuration allows",
        "allow it in the table [sources] of the server's configuration, or give the upstream another source",
    )
}

/// The role has to be named, or the one that was named is not allowed.
pub(crate) fn no_role(allowed: &[RoleArn]) -> AwsError {
    let names: Vec<_> = allowed.iter().map(RoleArn::as_str).collect();
    not_asked(
        "choosing the role",
        "no role is named",
        "the upstream has no role of its own and lets whoever pulls name one",
        &format!(
            "name one of these: wharfinger pull --role-arn ARN, or the ARN as the user name of the login: {}",
            names.join(", ")
        ),
    )
}

/// The own issuer is to mint a token, and there is none.
pub(crate) fn no_issuer(role: &RoleArn) -> AwsError {
    not_asked(
        &format!("minting a token for the role {role}"),
        "this program is no issuer",
        "the source says `token: issuer`, which is for the server alone",
        "give it a token's file (token: { file: PATH }), or another source",
    )
}

/// Nobody has no session.
pub(crate) fn nobody(host: &RegistryHost) -> AwsError {
    not_asked(
        &format!("a session for {host}"),
        "the source is `anonymous`",
        "nobody has no credentials; ECR Public lets nobody pull all the same",
        "give the source a role or a key",
    )
}

/// A token's file cannot be used.
pub(crate) fn unreadable_token(path: &Path, error: &io::Error) -> AwsError {
    own(
        Kind::Unavailable,
        format!("reading the web identity token in {}", path.display()),
        format!("nothing, for it was not asked ({error})"),
        "the file is not there yet, not readable for this user, or not a token",
        format!(
            "ls -l {}; in Kubernetes: mount a projected serviceAccountToken there",
            path.display()
        ),
    )
}

/// A key cannot be read.
pub(crate) fn unreadable_key(reason: &str) -> AwsError {
    own(
        Kind::Unavailable,
        "reading the access key of the source".to_owned(),
        format!("nothing, for it was not asked ({reason})"),
        "the key is not where the source says",
        "put it there, or correct the source".to_owned(),
    )
}

/// Nothing was given to this machine.
pub(crate) fn no_ambient(error: &(dyn Error + 'static)) -> AwsError {
    own(
        Kind::Unavailable,
        "looking for this machine's own identity: environment, profile, token file, container, instance metadata".to_owned(),
        format!("nothing ({})", causes(error)),
        "no role is attached to the machine, the metadata service is not reachable from here (in a container the hop limit of IMDS must be 2), or nothing is set in the environment",
        "on EC2: attach an instance profile, and aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2; elsewhere set AWS_PROFILE or the variables of the SDKs".to_owned(),
    )
}

/// A token could not be minted at all.
pub(crate) fn mint(role: &RoleArn, error: &KeyError) -> AwsError {
    own(
        Kind::Unavailable,
        format!("minting a token for the role {role}"),
        format!("nothing yet ({error})"),
        "the signing key or the system's random source does not work",
        "restart the service; if it stays, look at its log".to_owned(),
    )
}

use std::{error::Error, io, path::Path};

use iam::RoleArn;
use oidc::KeyError;

use super::{causes as causes_of, text::quoted};
use crate::{AwsError, Cause, Kind, RegistryHost, Source};

/// AWS was not asked: something is missing on this side.
fn not_asked(kind: Kind, tried: &str, reason: &str, causes: impl IntoIterator<Item = Cause>) -> AwsError {
    AwsError::new(
        kind,
        tried,
        &format!("nothing, for it was not asked ({reason})"),
        causes,
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
    let allow = Cause::new(
        "whoever writes upstreams may use of the server only what the server's configuration allows",
        "the table [sources] of the server's configuration",
        "allow it there",
    );
    let other = Cause::new(
        "the upstream means another source",
        "`source` of the upstream",
        "give the upstream a source of its own, such as webIdentity with `token: issuer`",
    );
    not_asked(Kind::Refused, tried, reason, [allow, other])
}

/// The role has to be named, or the one that was named is not allowed.
pub(crate) fn no_role(allowed: &[RoleArn]) -> AwsError {
    let names: Vec<_> = allowed.iter().map(RoleArn::as_str).collect();
    let cause = Cause::new(
        "the upstream has no role of its own and lets whoever pulls name one, out of those that it allows",
        "`roleArn` and `allowedRoles` of the upstream's source",
        format!(
            "name one of these: wharfinger pull --role-arn ARN, or the ARN as the user name of the login: {}",
            names.join(", ")
        ),
    );
    not_asked(Kind::Refused, "choosing the role", "no role is named", [cause])
}

/// The own issuer is to mint a token, and there is none.
pub(crate) fn no_issuer(role: &RoleArn) -> AwsError {
    let cause = Cause::new(
        "the source says `token: issuer`, which is for the server alone",
        "`token` of the source",
        "give it a token's file (token: { file: PATH }), or another source",
    );
    let tried = format!("minting a token for the role {role}");
    not_asked(Kind::Refused, &tried, "this program is no issuer", [cause])
}

/// Nobody has no session.
pub(crate) fn nobody(host: &RegistryHost) -> AwsError {
    let cause = Cause::new(
        "nobody has no credentials; ECR Public lets nobody pull all the same",
        "`source` of the upstream",
        "give the source a role or a key",
    );
    let tried = format!("a session for {host}");
    not_asked(Kind::Refused, &tried, "the source is `anonymous`", [cause])
}

/// A token's file cannot be used. One that is not there has to be put there by somebody; one that is empty may be about to
/// be written.
pub(crate) fn unreadable_token(path: &Path, error: &io::Error) -> AwsError {
    let path = path.display().to_string();
    let list = format!("ls -l {}", quoted(&path));
    let causes = [
        Cause::new(
            "the file is not there: nothing is mounted at the path, or the path is another one",
            &list,
            "in Kubernetes: mount a projected serviceAccountToken there, with the audience of the provider",
        ),
        Cause::new(
            "the file is not readable for the user that this program runs as",
            format!("{list}; id"),
            "in Kubernetes: set fsGroup; elsewhere give the user the right to read",
        ),
        Cause::new(
            "what is in the file is no token: empty, longer than a token may be, or of several lines",
            format!("wc {}", quoted(&path)),
            "have it written as one line, whole and at once",
        ),
    ];
    let tried = format!("reading the web identity token in {path}");
    let is_there = error.kind() != io::ErrorKind::NotFound;
    not_asked(kind(is_there), &tried, &error.to_string(), causes)
}

/// A key is to come out of a variable that is not set. A process keeps the environment that it was started with, so
/// asking again does not help.
pub(crate) fn unset_key(reason: &str) -> AwsError {
    let cause = Cause::new(
        "this program was started without the variable, or with another name for it",
        "the source, and what sets the variables of this program: in Kubernetes env and envFrom of the container",
        "set the variable there and start the program again, or correct the source",
    );
    not_asked(Kind::Refused, "reading the access key of the source", reason, [cause])
}

/// A key's file cannot be read, whether or not it is there.
pub(crate) fn unreadable_key(reason: &str, is_there: bool) -> AwsError {
    let cause = Cause::new(
        "the key is not where the source says, or not readable for the user that this program runs as",
        "the file that the source names",
        "put the key there, or correct the source",
    );
    not_asked(kind(is_there), "reading the access key of the source", reason, [cause])
}

fn kind(is_there: bool) -> Kind {
    if is_there { Kind::Unavailable } else { Kind::Refused }
}

/// Nothing was given to this machine.
pub(crate) fn no_ambient(error: &(dyn Error + 'static)) -> AwsError {
    let causes = [
        Cause::new(
            "no role is attached to the machine, and nothing is set in the environment",
            "from this machine: aws sts get-caller-identity; env | grep AWS_ shows what is set",
            "on EC2: attach an instance profile; elsewhere set AWS_PROFILE or the variables of the SDKs",
        ),
        Cause::new(
            "in a container the metadata service is one hop too far: its hop limit is 1",
            "aws ec2 describe-instances --query Reservations[].Instances[].MetadataOptions",
            "aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id …",
        ),
        Cause::new(
            "the metadata service or the container's credential service is switched off or filtered",
            "curl -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'",
            "let this program reach it",
        ),
        Cause::new(
            "what is set is stale: a profile that is gone, an SSO login that has ended",
            "aws configure list; aws sso login",
            "log in again, or correct the profile",
        ),
    ];
    AwsError::new(
        Kind::Unavailable,
        "looking for this machine's own identity: environment, profile, token file, container, instance metadata",
        &format!("nothing ({})", causes_of(error)),
        causes,
    )
}

/// A token could not be minted at all.
pub(crate) fn mint(role: &RoleArn, error: &KeyError) -> AwsError {
    let cause = Cause::new(
        "the signing key or the system's random source does not work",
        "the log of the service",
        "restart the service",
    );
    let tried = format!("minting a token for the role {role}");
    not_asked(Kind::Unavailable, &tried, &error.to_string(), [cause])
}

#[cfg(test)]
mod tests;

use iam::{Arn, RoleArn};

use super::{
    Failure, credential,
    sentence::{Sentence, holder},
    trust::{self, Assumption},
};
use crate::{AwsError, Cause, Hop, RegistryHost, Session};

/// A role that was to be assumed.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// With whose credentials.
    pub(crate) before: &'a Session,
    /// The role that this is the session of, where it is one of the chain's.
    pub(crate) from: Option<&'a RoleArn>,
    pub(crate) hop: &'a Hop,
    /// Whether tags come along, of this request or of the session before.
    pub(crate) is_tagged: bool,
    /// Whether a source identity comes along.
    pub(crate) has_source_identity: bool,
}

/// What a refusal of AssumeRole means.
pub(crate) fn refused(attempt: Attempt<'_>, host: &RegistryHost, failure: &Failure) -> AwsError {
    let (role, principal) = (&attempt.hop.role_arn, &attempt.before.principal);
    let external_id = match &attempt.hop.external_id {
        Some(id) => format!("the external id `{id}`"),
        None => "no external id".to_owned(),
    };
    let tried = format!(
        "sts:AssumeRole in {} for the role {role} as {principal}, with {external_id}",
        host.region()
    );
    failure.explained(&tried, "AWS STS", |code, message| match code {
        "AccessDenied" | "AccessDeniedException" => {
            // A key's owner is known only to AWS, which names it.
            let user = Sentence::read(message).map(|sentence| sentence.user);
            let caller = user.or_else(|| principal.parse::<Arn>().ok());
            let caller = caller.and_then(|arn| holder(&arn, attempt.from));
            let assumption = Assumption {
                role,
                caller: caller.as_ref(),
                external_id: attempt.hop.external_id.as_deref(),
                is_tagged: attempt.is_tagged,
                has_source_identity: attempt.has_source_identity,
            };
            trust::assume_role(&assumption, message)
        }
        "ValidationError" => invalid(role, message),
        "RegionDisabledException" => credential::region_disabled(role.account(), host),
        other => {
            let causes = credential::causes(other);
            if causes.is_empty() {
                credential::session_policy(other)
            } else {
                causes
            }
        }
    })
}

fn invalid(role: &RoleArn, message: &str) -> Vec<Cause> {
    if message.contains("role chaining") {
        return vec![Cause::new(
            "a role that is assumed from a role's session lasts an hour at most",
            "`duration` of the hop in the upstream",
            "take the hop's `duration` out, or make it 1h",
        )];
    }
    if message.contains("MaxSessionDuration") {
        let (account, name) = (role.account(), role.name());
        return vec![Cause::new(
            "the role's maximum session duration is shorter than the hop's `duration`",
            format!("in the account {account}: aws iam get-role --role-name {name} --query Role.MaxSessionDuration"),
            format!(
                "shorten `duration`, or in the account {account}: aws iam update-role --role-name {name} --max-session-duration 43200"
            ),
        )];
    }
    vec![Cause::new(
        "STS does not take a parameter of the request",
        "the message says which parameter it is",
        format!("check the role's ARN `{role}`, its external id, its session name and its duration"),
    )]
}

#[cfg(test)]
mod tests;

use super::Failure;
use crate::{AwsError, Hop, Kind, RegistryHost, Session};

/// What a refusal of AssumeRole means.
pub(crate) fn refused(before: &Session, hop: &Hop, host: &RegistryHost, failure: Failure) -> AwsError {
    let (role, principal) = (&hop.role_arn, &before.principal);
    let external_id = match &hop.external_id {
        Some(id) => format!("the external id `{id}`"),
        None => "no external id".to_owned(),
    };
    let tried = format!(
        "sts:AssumeRole in {} for the role {role} as {principal}, with {external_id}",
        host.region()
    );
    let general = failure.explain_generally(tried, "AWS STS");
    let Failure::Answered { code, message, .. } = &failure else {
        return general;
    };
    let account = role.account();
    let refused = |cause: String, fix: String| AwsError {
        kind: Kind::Refused,
        cause,
        fix,
        ..general.clone()
    };
    match (code.as_str(), message.as_str()) {
        ("AccessDenied", _) => refused(
            format!(
                "either side can be the one that refuses: the trust policy of the role in the account {account} does not name this principal or wants another external id than {external_id}, or the principal's own policies do not allow sts:AssumeRole on the role; a role that does not exist looks the same"
            ),
            format!(
                "in the account {account}: aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument; and allow sts:AssumeRole on {role} to the principal",
                role.name()
            ),
        ),
        ("ValidationError", message) if message.contains("role chaining") => refused(
            "a role that is assumed from a role's session lasts an hour at most".to_owned(),
            "take the hop's `duration` out, or make it 1h".to_owned(),
        ),
        ("ValidationError", message) if message.contains("MaxSessionDuration") => refused(
            "the role's maximum session duration is shorter than the hop's `duration`".to_owned(),
            format!(
                "shorten it, or in the account {account}: aws iam update-role --role-name {} --max-session-duration 43200",
                role.name()
            ),
        ),
        ("ValidationError", _) => refused(
            "STS does not take a parameter of the request".to_owned(),
            format!("check the role's ARN `{role}`, its external id and its duration"),
        ),
        ("InvalidClientTokenId" | "UnrecognizedClientException", _) => refused(
            "the key is nobody's: it was deleted or switched off, or it belongs to another partition".to_owned(),
            "give the source a key that is active: aws iam list-access-keys shows them".to_owned(),
        ),
        ("SignatureDoesNotMatch", _) => refused(
            "the secret key is not the one that belongs to the key's id".to_owned(),
            "give the source both halves of one key".to_owned(),
        ),
        ("ExpiredToken" | "ExpiredTokenException", _) => refused(
            "the session that the source gave has ended".to_owned(),
            "try again: a new one is made; credentials from the environment have to be replaced there".to_owned(),
        ),
        ("RegionDisabledException", _) => super::sts::region_disabled(account, host, &general),
        _ => general,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;

    #[test]
    fn each_refusal_says_what_to_look_at() {
        let session = Session {
            principal: "arn:aws:sts::444455556666:assumed-role/agent/i-0".into(),
            expires_at: None,
            credentials: Credentials::new("ASIA", "secret", None, None, "test"),
        };
        let hop: Hop = serde_json::from_value(serde_json::json!({
            "roleArn": "arn:aws:iam::111122223333:role/scan", "externalId": "tenant-7"
        }))
        .unwrap();
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        for (status, code, message, kind, part) in [
            (
                403,
                "AccessDenied",
                "User: x is not authorized",
                Kind::Refused,
                "get-role --role-name scan",
            ),
            (
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
                Kind::Refused,
                "1h",
            ),
            (
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                Kind::Refused,
                "--max-session-duration",
            ),
            (400, "ValidationError", "x", Kind::Refused, "role's ARN"),
            (403, "InvalidClientTokenId", "x", Kind::Refused, "list-access-keys"),
            (403, "SignatureDoesNotMatch", "x", Kind::Refused, "both halves"),
            (403, "ExpiredToken", "x", Kind::Refused, "new one"),
            (403, "RegionDisabledException", "x", Kind::Refused, "activate STS"),
            (400, "Throttling", "Rate exceeded", Kind::Throttled, "later"),
            (503, "ServiceUnavailable", "x", Kind::Unavailable, "later"),
        ] {
            let failure = Failure::Answered {
                status,
                code: code.into(),
                message: message.into(),
            };
            let error = refused(&session, &hop, &host, failure);
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.fix.contains(part), "{code} {message}: {}", error.fix);
            assert!(error.tried.contains("assumed-role/agent/i-0") && error.tried.contains("`tenant-7`"));
        }
    }
}

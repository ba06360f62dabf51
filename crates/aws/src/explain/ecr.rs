use crate::{AwsError, Kind, RegistryHost};

use super::Failure;

/// What a refusal of GetAuthorizationToken means.
pub(crate) fn authorization_token(session: &str, host: &RegistryHost, failure: Failure) -> AwsError {
    let tried = format!("ecr:GetAuthorizationToken in {} as {session}", host.region());
    let general = failure.explain_generally(tried, "Amazon ECR");
    let Failure::Answered { code, .. } = &failure else {
        return general;
    };
    let refused = |cause: &str, fix: &str| AwsError {
        kind: Kind::Refused,
        cause: cause.into(),
        fix: fix.into(),
        ..general.clone()
    };
    match code.as_str() {
        "AccessDeniedException" => refused(
            "no permissions policy of the role allows the action; it has no resource-level permission, so it must stand in a statement of its own whose Resource is \"*\", and a repository policy cannot grant it",
            "add to the role's permissions: { \"Effect\": \"Allow\", \"Action\": \"ecr:GetAuthorizationToken\", \"Resource\": \"*\" }",
        ),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => refused(
            "the request was signed at another time than AWS's clock shows: this machine's clock is off by more than five minutes",
            "set the clock (timedatectl status)",
        ),
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidClientTokenId" => refused(
            "the role session ended, or AWS revoked it",
            "try again: a new session is made; if it stays, look at the role for a policy that revokes older sessions",
        ),
        _ => general,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_fix() {
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        for (status, code, kind, fix) in [
            (400, "AccessDeniedException", Kind::Refused, "\"Resource\": \"*\""),
            (403, "InvalidSignatureException", Kind::Refused, "clock"),
            (400, "ExpiredTokenException", Kind::Refused, "new session"),
            (400, "ThrottlingException", Kind::Throttled, "later"),
            (500, "ServerException", Kind::Unavailable, "later"),
        ] {
            let failure = Failure::Answered {
                status,
                code: code.into(),
                message: "m".into(),
            };
            let error = authorization_token("arn:aws:sts::1:assumed-role/pull/s", &host, failure);
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.fix.contains(fix), "{code}: {}", error.fix);
            assert!(error.tried.contains("assumed-role/pull/s"));
        }
        let silent = authorization_token("x", &host, Failure::Silent("connection refused".into()));
        assert_eq!(silent.kind, Kind::Unavailable);
        assert!(silent.said.contains("connection refused"));
    }
}

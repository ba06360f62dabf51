use super::Failure;
use crate::{AwsError, Kind, RegistryHost};

/// What a refusal of a login at ECR Public means.
pub(crate) fn refused(principal: &str, host: &RegistryHost, failure: Failure) -> AwsError {
    let tried = format!("a login at {host} as {principal}");
    let general = failure.explain_generally(tried, "ECR Public");
    let Failure::Answered { code, .. } = &failure else {
        return general;
    };
    match code.as_str() {
        "AccessDeniedException" => AwsError {
            kind: Kind::Refused,
            cause: "a login at ECR Public takes two actions, ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken, and the identity's policies do not allow both".to_owned(),
            fix: "allow both on the Resource \"*\", or make the source `anonymous`: public images need no login".to_owned(),
            ..general
        },
        _ => general,
    }
}

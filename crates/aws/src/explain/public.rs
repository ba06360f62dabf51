use super::{
    Failure, credential,
    denial::other_kinds,
    sentence::{Sentence, holder, put_policy},
};
use crate::{AwsError, Cause, Document, Kind, RegistryHost};

/// What a refusal of a login at ECR Public means.
pub(crate) fn refused(principal: &str, host: &RegistryHost, failure: &Failure) -> AwsError {
    let tried = format!("a login at {host} as {principal}");
    let mut error = failure.explained(&tried, "ECR Public", |code, message| match code {
        "AccessDeniedException" | "AccessDenied" => denied(principal, message),
        other => credential::causes(other),
    });
    if error.kind == Kind::Throttled && principal == NOBODY {
        error.causes.insert(0, rate());
    }
    error
}

/// Nobody has small quotas ("Amazon ECR Public service quotas").
pub(super) fn rate() -> Cause {
    Cause::new(
        "from one address, whoever is not logged in at ECR Public may pull once a second and 500 GB a month",
        "count the machines that pull without a login behind one address",
        "give the upstream's source a role or a key: whoever is logged in has larger quotas",
    )
}

fn denied(principal: &str, message: &str) -> Vec<Cause> {
    let user = Sentence::read(message).map(|sentence| sentence.user);
    let principal = user.or_else(|| principal.parse().ok());
    let holder = principal.and_then(|arn| holder(&arn, []));
    let who = holder
        .as_ref()
        .map_or_else(|| "the identity".to_owned(), ToString::to_string);
    let lacking = Cause::new(
        "a login at ECR Public takes two actions, ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken, and the identity's policies do not allow both",
        "aws iam simulate-principal-policy --action-names ecr-public:GetAuthorizationToken sts:GetServiceBearerToken",
        put_policy(holder.as_ref(), "wharfinger-public-login", COMPACT),
    )
    .with(Some(Document::new(
        format!("permissions policy of {who}, for a login at ECR Public"),
        POLICY,
    )));
    let needless = Cause::new(
        "public images need no login at all",
        "pull the image without one: from public.ecr.aws itself",
        "make the upstream's source `anonymous`",
    );
    let mut causes = other_kinds(message, &who);
    causes.extend([lacking, needless]);
    causes
}

/// What the principal of a login without a session is called.
const NOBODY: &str = "nobody";
const COMPACT: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"PublicLogin","Effect":"Allow","Action":["ecr-public:GetAuthorizationToken","sts:GetServiceBearerToken"],"Resource":"*"}]}"#;
const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "PublicLogin",
      "Effect": "Allow",
      "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
      "Resource": "*"
    }
  ]
}"#;

#[cfg(test)]
mod tests;

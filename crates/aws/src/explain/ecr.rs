use iam::{Arn, RoleArn, generate};

use super::{
    Failure, credential,
    denial::other_kinds,
    sentence::{Sentence, holder, put_policy},
};
use crate::{AwsError, Cause, Document, RegistryHost};

/// What a refusal of GetAuthorizationToken means. `roles` are those that the session may be of.
pub(crate) fn authorization_token<'a>(
    session: &str,
    roles: impl IntoIterator<Item = &'a RoleArn>,
    host: &RegistryHost,
    failure: &Failure,
) -> AwsError {
    let tried = format!("ecr:GetAuthorizationToken in {} as {session}", host.region());
    failure.explained(&tried, "Amazon ECR", |code, message| match code {
        "AccessDeniedException" | "AccessDenied" => {
            let user = Sentence::read(message).map(|sentence| sentence.user);
            let principal = user.or_else(|| session.parse::<Arn>().ok());
            denied(principal.and_then(|arn| holder(&arn, roles)).as_ref(), message)
        }
        other => credential::causes(other),
    })
}

fn denied(holder: Option<&Arn>, message: &str) -> Vec<Cause> {
    let policy = generate::pull_permissions(&[]);
    let who = holder.map_or_else(|| "the identity".to_owned(), ToString::to_string);
    let lacking = Cause::new(
        format!("no permissions policy of {who} allows the action"),
        "aws iam simulate-principal-policy --action-names ecr:GetAuthorizationToken --policy-source-arn with that ARN",
        put_policy(holder, "wharfinger-login", &policy.compact()),
    )
    .with(Some(Document::new(
        format!("permissions policy of {who}, for the login alone"),
        &policy.to_string(),
    )));
    let narrowed = Cause::new(
        "the action stands in a statement whose Resource is narrowed to repositories; it is done to no repository, so that such a statement never allows it",
        "look at the Resource of the statement that lists ecr:GetAuthorizationToken",
        "move it to a statement of its own: { \"Effect\": \"Allow\", \"Action\": \"ecr:GetAuthorizationToken\", \"Resource\": \"*\" }",
    );
    let elsewhere = Cause::new(
        "only a repository's policy allows it, which cannot grant a login",
        "aws ecr get-repository-policy shows it",
        "allow it in a permissions policy of the identity",
    );
    let mut causes = other_kinds(message, &who);
    causes.extend([lacking, narrowed, elsewhere]);
    causes
}

#[cfg(test)]
mod tests;

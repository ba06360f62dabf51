//! `ecr:GetAuthorizationToken` across accounts: the identity is in one account, the registry in another.

use super::assert_says;
use crate::shell::Shell;
use crate::stage::{REGION, Stage};

pub(super) const LOGIN: &str = include_str!("repost-login.sh");
const QUESTION_REPOSITORY: &str = include_str!("../../../../iam/tests/fixtures/repost-question-repository.json");
const QUESTION_ROLE: &str = include_str!("../../../../iam/tests/fixtures/repost-question-role.json");
const ANSWER_REPOSITORY: &str = include_str!("../../../../iam/tests/fixtures/repost-answer-repository.json");
const ANSWER_ROLE: &str = include_str!("../../../../iam/tests/fixtures/repost-answer-role.json");

/// The document's `0123456789012` has a digit too many.
const ARTIFACTS: &str = "123456789012";
const PRODUCTION: &str = "987654321098";
const ROLE: &str = "prod-ecr-pull-role";
const SUBJECT: &str = "production";
const IMAGE: &str = "my-demo-service:1";

/// The identity's side, for the registry's account: what the answer leaves out.
const PULL: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
     "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-demo-service"}]}"#;

/// `PolicyVersion.Document` is how the API shows a policy, and is none.
#[test]
fn as_printed_the_policy_of_the_role_is_refused() {
    let stage = Stage::new(&[]);
    let shell = production(&stage);
    shell.write("role.json", QUESTION_ROLE);
    assert_says(
        &put_role_policy(&shell).unwrap_err(),
        "An error occurred (MalformedPolicyDocument) when calling the PutRolePolicy operation: ",
    );
}

/// An account's number has twelve digits.
#[test]
fn as_printed_the_policy_of_the_repository_is_refused() {
    let stage = Stage::new(&[]);
    let shell = stage.shell(ARTIFACTS);
    shell.ok("aws ecr create-repository --repository-name my-demo-service");
    shell.write("repository.json", QUESTION_REPOSITORY);
    assert_says(
        &set_repository_policy(&shell).unwrap_err(),
        "An error occurred (InvalidParameterException) when calling the SetRepositoryPolicy operation: Invalid parameter \
         at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    );
}

#[test]
fn each_side_that_is_missing_has_its_sentence() {
    let stage = Stage::new(&[ARTIFACTS]);
    let digest = stage.publish(ARTIFACTS, "my-demo-service", &[3]);
    let (artifacts, production) = (stage.shell(ARTIFACTS), production(&stage));
    let registry = stage.registry(ARTIFACTS);
    let user =
        format!("User: arn:aws:sts::{PRODUCTION}:assumed-role/{ROLE}/mycompany-prod is not authorized to perform:");
    let repository = format!("arn:aws:ecr:{REGION}:{ARTIFACTS}:repository/my-demo-service");

    // No login, whatever the repository's policy says: it cannot grant one.
    artifacts.write("repository.json", ANSWER_REPOSITORY);
    set_repository_policy(&artifacts).unwrap();
    assert_says(
        &log_in(&stage, &production).unwrap_err(),
        &format!(
            "An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: {user} \
             ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the \
             ecr:GetAuthorizationToken action"
        ),
    );

    // The answer as printed: a login, and the identity's own account has not allowed the pull.
    production.write("role.json", ANSWER_ROLE);
    put_role_policy(&production).unwrap();
    assert_eq!(log_in(&stage, &production).unwrap().trim(), "Login Succeeded!");
    assert_says(
        &production.pull(registry, IMAGE).unwrap_err(),
        &format!(
            "denied: {user} ecr:BatchGetImage on resource: {repository} because no identity-based policy allows the \
             ecr:BatchGetImage action"
        ),
    );

    // The identity's side alone.
    production.write("role.json", PULL);
    put_role_policy(&production).unwrap();
    artifacts.ok("aws ecr delete-repository-policy --repository-name my-demo-service");
    assert_says(
        &production.pull(registry, IMAGE).unwrap_err(),
        &format!(
            "denied: {user} ecr:BatchGetImage on resource: {repository} because no resource-based policy allows the \
             ecr:BatchGetImage action"
        ),
    );

    // Both sides, and the login of before.
    set_repository_policy(&artifacts).unwrap();
    assert_eq!(production.pull(registry, IMAGE), Ok(digest.to_string()));
}

/// The shell of the production account, where the role is that pulls; its profile is the document's.
fn production(stage: &Stage) -> Shell {
    let shell = stage.shell(PRODUCTION);
    let provider = format!("arn:aws:iam::{PRODUCTION}:oidc-provider/issuer.example.test/team");
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"issuer.example.test/team:sub": SUBJECT}},
    }]});
    shell.write("trust.json", &trust.to_string());
    shell.ok(&format!(
        "aws iam create-open-id-connect-provider --url https://issuer.example.test/team --client-id-list sts.amazonaws.com
         aws iam create-role --role-name {ROLE} --assume-role-policy-document file://trust.json"
    ));
    let role = format!("arn:aws:iam::{PRODUCTION}:role/{ROLE}");
    shell.federated_profile("mycompany-prod", &role, &stage.token(SUBJECT, "sts.amazonaws.com"));
    shell
}

/// The document's block, with skopeo for docker and the port of the registry for its name.
fn log_in(stage: &Stage, shell: &Shell) -> Result<String, String> {
    let registry = stage.registry(ARTIFACTS);
    shell.run(&format!(
        "docker() {{ skopeo \"${{@/%{ARTIFACTS}.dkr.ecr.{REGION}.amazonaws.com/{registry}}}\"; }}\n\
         ARTIFACTS_ACCOUNT_ID={ARTIFACTS} ARTIFACTS_ACCOUNT_REGION={REGION}\n{LOGIN}"
    ))
}

fn put_role_policy(shell: &Shell) -> Result<String, String> {
    shell.run(&format!(
        "aws iam put-role-policy --role-name {ROLE} --policy-name login --policy-document file://role.json"
    ))
}

fn set_repository_policy(shell: &Shell) -> Result<String, String> {
    shell.run("aws ecr set-repository-policy --repository-name my-demo-service --policy-text file://repository.json")
}

//! A role for Replicated's proxy: its provider, its trust, its permissions.

use super::assert_says;
use crate::shell::Shell;
use crate::stage::{REGION, Stage};

const PERMISSIONS: &str = include_str!("../../../../iam/tests/fixtures/replicated-permissions.json");
const TRUST: &str = include_str!("../../../../iam/tests/fixtures/replicated-trust.json");

const ACCOUNT: &str = "123456789012";
const URL: &str = "https://api.replicated.com/vendor";
const AUDIENCE: &str = "sts.amazonaws.com";
/// The subject of the example trust policy.
const TEAM: &str = "team-abc-123";

#[test]
fn the_proxy_pulls_with_its_token() {
    let (stage, shell) = furnished();
    let digest = stage.publish(ACCOUNT, "image1", &[3]);
    shell.federated_profile("proxy", ROLE, &stage.token(TEAM, AUDIENCE));
    shell.log_in("proxy", stage.registry(ACCOUNT));
    assert_eq!(shell.pull(stage.registry(ACCOUNT), "image1:1"), Ok(digest.to_string()));

    // It may pull, and no more.
    crate::image::generate(&shell.path("image"), &[5]);
    let complaint = shell.push(stage.registry(ACCOUNT), "image1:2").unwrap_err();
    assert_says(
        &complaint,
        "is not authorized to perform: ecr:InitiateLayerUpload on resource: ",
    );
}

#[test]
fn another_team_does_not_become_the_role() {
    let (stage, shell) = furnished();
    shell.federated_profile("stranger", ROLE, &stage.token("team-xyz-789", AUDIENCE));
    assert_says(
        &shell.fails("aws --profile stranger ecr get-login-password"),
        "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform \
         sts:AssumeRoleWithWebIdentity",
    );
}

/// Step 1 registers `https://api.replicated.com/vendor`, and the panel of step 4 shows `https://api.replicated.com`.
#[test]
fn an_issuer_without_its_path_has_no_provider() {
    let (stage, shell) = furnished();
    let token = stage.token_of("https://api.replicated.com", TEAM, AUDIENCE);
    shell.federated_profile("proxy", ROLE, &token);
    assert_says(
        &shell.fails("aws --profile proxy ecr get-login-password"),
        "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: No OpenIDConnect \
         provider found in your account for https://api.replicated.com",
    );
}

/// Option B: "You can replace "*" with an array of specific ECR repository Amazon Resource Names (ARNs)".
#[test]
fn permissions_narrowed_to_repositories_allow_no_login() {
    let (stage, shell) = furnished();
    let digest = stage.publish(ACCOUNT, "image1", &[3]);
    shell.federated_profile("proxy", ROLE, &stage.token(TEAM, AUDIENCE));
    let narrowed = |resources: &str| PERMISSIONS.replace("\"Resource\": \"*\"", &format!("\"Resource\": {resources}"));
    permit(
        &shell,
        &narrowed("[\"arn:aws:ecr:us-east-1:123456789012:repository/image1/*\"]"),
    );
    assert_says(
        &shell.fails("aws --profile proxy ecr get-login-password"),
        &format!(
            "{USER} ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the \
             ecr:GetAuthorizationToken action"
        ),
    );

    // With the login in a statement of its own, the example's ARN still misses the repository itself.
    let login = r#"{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}"#;
    let with_login = |resource: &str| {
        narrowed(&format!(
            "[\"arn:aws:ecr:us-east-1:123456789012:repository/{resource}\"]"
        ))
        .replace("\"Statement\": [{", &format!("\"Statement\": [{login}, {{"))
    };
    permit(&shell, &with_login("image1/*"));
    shell.log_in("proxy", stage.registry(ACCOUNT));
    assert_says(
        &shell.pull(stage.registry(ACCOUNT), "image1:1").unwrap_err(),
        &format!(
            "{USER} ecr:BatchGetImage on resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/image1 because no \
             identity-based policy allows the ecr:BatchGetImage action"
        ),
    );

    permit(&shell, &with_login("image1"));
    assert_eq!(shell.pull(stage.registry(ACCOUNT), "image1:1"), Ok(digest.to_string()));
}

const ROLE: &str = "arn:aws:iam::123456789012:role/ReplicatedECRPullRole";
const USER: &str =
    "User: arn:aws:sts::123456789012:assumed-role/ReplicatedECRPullRole/proxy is not authorized to perform:";

/// The steps that the document takes in the console.
fn furnished() -> (Stage, Shell) {
    let stage = Stage::with_issuer(&[ACCOUNT], URL);
    let shell = stage.shell(ACCOUNT);
    shell.write("trust.json", TRUST);
    shell.ok(&format!(
        "aws iam create-open-id-connect-provider --url {URL} --client-id-list {AUDIENCE}
         aws iam create-role --role-name ReplicatedECRPullRole --assume-role-policy-document file://trust.json"
    ));
    permit(&shell, PERMISSIONS);
    (stage, shell)
}

fn permit(shell: &Shell, policy: &str) {
    shell.write("permissions.json", policy);
    shell.ok(
        "aws iam put-role-policy --role-name ReplicatedECRPullRole --policy-name ReplicatedECRReadOnly \
         --policy-document file://permissions.json",
    );
}

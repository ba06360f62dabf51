//! A user with a key, and a role for a cluster's service account.

use super::assert_says;
use crate::shell::Shell;
use crate::stage::Stage;

pub(super) const USER: &str = include_str!("okteto-user.sh");
pub(super) const KEY: &str = include_str!("okteto-key.sh");
pub(super) const ENDPOINT: &str = include_str!("okteto-endpoint.sh");
pub(super) const AUDIENCE: &str = include_str!("okteto-audience.sh");
pub(super) const PROVIDER: &str = include_str!("okteto-provider.sh");
pub(super) const ROLE_ARN: &str = include_str!("okteto-role-arn.sh");
pub(super) const ROLE: &str = include_str!("okteto-role.sh");
pub(super) const ATTACH: &str = include_str!("okteto-attach.sh");
const TRUST: &str = include_str!("../../../../iam/tests/fixtures/okteto-trust-policy.json");

const ACCOUNT: &str = "112233445566";
const CLUSTER: &str = "https://container.googleapis.com/v1/projects/myProject/locations/us-central1/clusters/myCluster";

#[test]
fn a_user_pulls_with_its_key() {
    let stage = Stage::new(&[ACCOUNT]);
    let digest = stage.publish(ACCOUNT, "app", &[3]);
    let shell = stage.shell(ACCOUNT);
    shell.ok(USER);
    let made: serde_json::Value = serde_json::from_str(&shell.ok(KEY)).unwrap();
    let key = &made["AccessKey"];
    assert_eq!(
        (key["UserName"].as_str(), key["Status"].as_str()),
        (Some("private-registry-user"), Some("Active"))
    );
    let text = |member: &str| key[member].as_str().unwrap();
    shell.profile("okteto", text("AccessKeyId"), text("SecretAccessKey"), None);
    shell.log_in("okteto", stage.registry(ACCOUNT));
    assert_eq!(shell.pull(stage.registry(ACCOUNT), "app:1"), Ok(digest.to_string()));
}

#[test]
fn as_printed_the_role_trusts_nobody() {
    let stage = Stage::with_issuer(&[ACCOUNT], CLUSTER);
    let digest = stage.publish(ACCOUNT, "app", &[3]);
    let shell = stage.shell(ACCOUNT);
    let output = shell.ok(&blocks(&[PROVIDER]));
    let provider = ROLE_ARN.trim().strip_prefix("export ROLE_ARN=").unwrap();
    let made: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(made["OpenIDConnectProviderArn"], provider);
    shell.ok(&blocks(&[&saved(TRUST), ROLE, ATTACH]));

    // What the document calls the role's ARN is the provider's.
    let token = stage.token("system:serviceaccount:okteto:okteto", "okteto.example.com/us-east-2");
    shell.federated_profile("provider", provider, &token);
    assert_says(
        &shell.fails("aws --profile provider ecr get-login-password"),
        "An error occurred (ValidationError) when calling the AssumeRoleWithWebIdentity operation: ",
    );

    // The condition's keys begin with the scheme, and no key does.
    shell.federated_profile("okteto", "arn:aws:iam::112233445566:role/my-private-registry", &token);
    assert_says(
        &shell.fails("aws --profile okteto ecr get-login-password"),
        "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform \
         sts:AssumeRoleWithWebIdentity",
    );

    let corrected = TRUST.replace("${OIDC_ENDPOINT}:", "${OIDC_ENDPOINT#https://}:");
    let update =
        "aws iam update-assume-role-policy --role-name my-private-registry --policy-document file://trust-policy.json";
    shell.ok(&blocks(&[&saved(&corrected), update]));
    shell.log_in("okteto", stage.registry(ACCOUNT));
    assert_eq!(shell.pull(stage.registry(ACCOUNT), "app:1"), Ok(digest.to_string()));
}

/// Blocks behind those that export what they use.
fn blocks(blocks: &[&str]) -> String {
    [&[ENDPOINT, AUDIENCE, ROLE_ARN], blocks].concat().join("\n")
}

/// "Save the following content to a file named trust-policy.json (replace your environment variables)"
fn saved(text: &str) -> String {
    format!("cat > trust-policy.json <<END\n{text}\nEND\n")
}

#[test]
fn the_document_exports_what_its_blocks_use() {
    let stage = Stage::new(&[]);
    let shell: Shell = stage.shell(ACCOUNT);
    assert_eq!(
        shell.ok(&blocks(&["echo $OIDC_ENDPOINT $AUDIENCE"])).trim(),
        format!("{CLUSTER} okteto.example.com/us-east-2")
    );
}

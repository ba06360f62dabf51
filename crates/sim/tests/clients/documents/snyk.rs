//! An agent that takes a role in each account that it scans.

use super::assert_says;
use crate::stage::Stage;

const ASSUME_ROLE: &str = include_str!("../../../../iam/tests/fixtures/snyk-assume-role.txt");
const PERMISSIONS: &str = include_str!("../../../../iam/tests/fixtures/snyk-permissions.txt");
const TRUST: &str = include_str!("../../../../iam/tests/fixtures/snyk-trust.txt");

const AGENT: &str = "111122223333";
const SCANNED: &str = "444455556666";
const EXTERNAL_ID: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn as_printed_no_policy_is_one() {
    let stage = Stage::new(&[]);
    let shell = stage.shell(AGENT);
    shell.ok("aws iam create-user --user-name SnykCraUser");
    for (text, command) in [
        (
            ASSUME_ROLE,
            "put-user-policy --user-name SnykCraUser --policy-name x --policy-document",
        ),
        (PERMISSIONS, "create-policy --policy-name x --policy-document"),
        (TRUST, "create-role --role-name x --assume-role-policy-document"),
    ] {
        shell.write("policy.txt", text);
        assert_says(
            &shell.fails(&format!("aws iam {command} file://policy.txt")),
            "(MalformedPolicyDocument)",
        );
    }
}

#[test]
fn the_agent_scans_another_account() {
    let stage = Stage::new(&[SCANNED]);
    let digest = stage.publish(SCANNED, "app", &[3]);
    let (agent, scanned) = (stage.shell(AGENT), stage.shell(SCANNED));
    agent.write("assume.json", &quoted(ASSUME_ROLE));
    agent.ok("aws iam create-user --user-name SnykCraUser
         aws iam put-user-policy --user-name SnykCraUser --policy-name SnykCraAssumeRolePolicy \
         --policy-document file://assume.json");
    let key = agent.ok("aws iam create-access-key --user-name SnykCraUser --query AccessKey.[AccessKeyId,SecretAccessKey] --output text");
    let (id, secret) = key.trim().split_once('\t').unwrap();
    agent.profile("agent", id, secret, None);

    let trust = quoted(TRUST)
        .replace(
            "ARN of Container Registry Agent IAM User or IAM Role",
            &format!("arn:aws:iam::{AGENT}:user/SnykCraUser"),
        )
        .replace("optional external ID", EXTERNAL_ID);
    scanned.write("trust.json", &trust);
    scanned.write("permissions.json", &quoted(PERMISSIONS));
    let policy = scanned.ok(
        "aws iam create-policy --policy-name AmazonEC2ContainerRegistryReadOnlyForSnyk --policy-document \
         file://permissions.json --query Policy.Arn --output text",
    );
    scanned.ok(&format!(
        "aws iam create-role --role-name SnykEcrServiceRole --assume-role-policy-document file://trust.json
         aws iam attach-role-policy --role-name SnykEcrServiceRole --policy-arn {policy}"
    ));

    let role = format!("arn:aws:iam::{SCANNED}:role/SnykEcrServiceRole");
    for (name, line) in [
        ("scan", format!("external_id = {EXTERNAL_ID}")),
        ("stranger", String::new()),
    ] {
        agent.role_profile(name, &role, "agent", &line);
    }
    assert_says(
        &agent.fails("aws --profile stranger ecr get-login-password"),
        &format!(
            "An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::{AGENT}:user/SnykCraUser \
             is not authorized to perform: sts:AssumeRole on resource: {role}"
        ),
    );
    let names = "aws --profile scan ecr describe-repositories --query repositories[].repositoryName --output text";
    assert_eq!(agent.ok(names).trim(), "app");
    agent.log_in("scan", stage.registry(SCANNED));
    assert_eq!(agent.pull(stage.registry(SCANNED), "app:1"), Ok(digest.to_string()));
}

/// The JSON that is meant: the page has lost its quotes.
fn quoted(text: &str) -> String {
    const KEYS: [&str; 11] = [
        "Version",
        "Statement",
        "Sid",
        "Effect",
        "Principal",
        "AWS",
        "Action",
        "Resource",
        "Condition",
        "StringEquals",
        "sts:ExternalId",
    ];
    let line = |line: &str| {
        let (text, comma) = line.strip_suffix(',').map_or((line, ""), |text| (text, ","));
        let member = KEYS
            .iter()
            .find_map(|key| Some((key, text.strip_prefix(key)?.strip_prefix(':')?.trim())));
        let value = |value: &str| match value {
            "{" | "[" | "}" | "]" => value.to_owned(),
            text => format!("\"{text}\""),
        };
        match member {
            Some((key, text)) => format!("\"{key}\": {}{comma}", value(text)),
            None => format!("{}{comma}", value(text)),
        }
    };
    text.lines().map(|text| line(text.trim())).collect()
}

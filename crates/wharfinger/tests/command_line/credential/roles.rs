//! Roles on the way to a login: of the machine, of hops, named by an option.

use serde_json::{Value, json};
use sim::{Instance, Task};

use super::cloud::{Cloud, HOST};
use crate::program::Outcome;

const HOME: &str = "444455556666";
const OWNER: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/pull";

/// A cloud with a role for machines of one account, which another account's role trusts with an external id.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    let services = ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"];
    create_role(&cloud, HOME, "machine", &json!({"Service": services}), &json!({}));
    let machines = format!("arn:aws:iam::{HOME}:role/machine");
    let condition = json!({"StringEquals": {"sts:ExternalId": "acme-1"}});
    create_role(&cloud, OWNER, "pull", &json!({"AWS": machines}), &condition);
    create_role(&cloud, OWNER, "open", &json!({"AWS": machines}), &json!({}));
    cloud
}

fn create_role(cloud: &Cloud, account: &str, name: &str, principal: &Value, condition: &Value) {
    let statement = |action: Value| json!({"Effect": "Allow", "Action": action});
    let mut trust = statement(json!(["sts:AssumeRole"]));
    trust["Principal"] = principal.clone();
    trust["Condition"] = condition.clone();
    let trust = json!({"Version": "2012-10-17", "Statement": [trust]}).to_string();
    let role = [("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
    cloud.iam(account, "CreateRole", &role);
    let mut permissions = statement(json!(["sts:AssumeRole", "ecr:*"]));
    permissions["Resource"] = "*".into();
    let permissions = json!({"Version": "2012-10-17", "Statement": [permissions]}).to_string();
    let policy = [
        ("RoleName", name),
        ("PolicyName", "all"),
        ("PolicyDocument", &permissions),
    ];
    cloud.iam(account, "PutRolePolicy", &policy);
}

fn principal(outcome: &Outcome) -> String {
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
    let printed: Value = serde_json::from_str(&outcome.out).unwrap();
    printed["principal"].as_str().unwrap().to_owned()
}

#[test]
fn a_task_and_an_instance_are_what_they_are() {
    let cloud = cloud();
    cloud.configure("");
    let task = cloud.machine(HOME, Task::new("machine"));
    let outcome = cloud.get_on(&task, &[HOST, "--format=aws"]);
    let session: Value = serde_json::from_str(&outcome.out).unwrap();
    assert!(
        session["SessionToken"].is_string() && session["Expiration"].is_string(),
        "{session}"
    );
}

#[test]
fn an_instance_has_the_session_of_its_role() {
    let cloud = cloud();
    cloud.configure("");
    let mut instance = cloud.machine(HOME, Instance::new().role("machine"));
    instance.push(("AWS_EC2_METADATA_DISABLED", "false".to_owned()));
    assert!(principal(&cloud.get_on(&instance, &[HOST, "--format=json"])).contains("this machine's own key"));
}

#[test]
fn a_hop_brings_its_external_id_and_a_wrong_one_is_explained() {
    let cloud = cloud();
    let task = cloud.machine(HOME, Task::new("machine"));
    let hop = |id: &str| format!("[[credential]]\nhops = [{{ roleArn = \"{ROLE}\", externalId = \"{id}\" }}]\n");
    cloud.configure(&hop("acme-1"));
    let outcome = cloud.get_on(&task, &[HOST, "--format=json"]);
    assert!(principal(&outcome).starts_with("arn:aws:sts::111122223333:assumed-role/pull/wharfinger-credential-"));
    let printed: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(cloud.enter(HOST, printed["password"].as_str().unwrap()), 200);

    cloud.configure(&hop("acme-2"));
    let refused = cloud.get_on(&task, &[HOST]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:#?}");
    refused.assert_says(&["wharfinger: ", ROLE, "AWS said: ", "Likely cause: ", "Fix: "]);
}

#[test]
fn a_named_role_is_one_hop_more() {
    let cloud = cloud();
    cloud.configure("");
    let task = cloud.machine(HOME, Task::new("machine"));
    let open = "arn:aws:iam::111122223333:role/open";
    let outcome = cloud.get_on(&task, &[HOST, "--role-arn", open, "--format=json"]);
    assert!(principal(&outcome).starts_with("arn:aws:sts::111122223333:assumed-role/open/"));
}

#[test]
fn a_shell_has_the_session_that_the_lines_export() {
    let cloud = cloud();
    cloud.configure("");
    let task = cloud.machine(HOME, Task::new("machine"));
    let outcome = cloud.get_on(&task, &[HOST, "--format=env"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    cloud.write("session.sh", &outcome.out);
    let script =
        ". ./session.sh; printf '%s\n' \"$AWS_ACCESS_KEY_ID\" \"${#AWS_SECRET_ACCESS_KEY}\"; env | grep -c ^AWS_";
    let output = std::process::Command::new("sh")
        .args(["-euc", script])
        .current_dir(cloud.folder())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("ASIA"), "{text}");
    assert_eq!(lines[1..], ["40", "4"], "{text}");
}

#[test]
fn a_machine_with_no_identity_is_told_what_was_looked_for() {
    let cloud = Cloud::new();
    cloud.configure("");
    let outcome = cloud.get(&[HOST]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
    outcome.assert_says(&["wharfinger: ", "Fix: "]);
}

#[test]
fn an_issuers_token_is_the_servers_alone() {
    let cloud = Cloud::new();
    cloud.configure(&format!(
        "[[credential]]\nsource = {{ webIdentity = {{ roleArn = \"{ROLE}\", token = \"issuer\" }} }}\n"
    ));
    let outcome = cloud.get(&[HOST]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
    outcome.assert_says(&["for the server alone"]);
}

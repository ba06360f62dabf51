//! A scanner: what its machine has been given, then one role in each account that it looks at, with an external id.

use serde_json::json;
use sim::{Instance, Machine, Task};
use state::RobotToken;

use crate::page;
use crate::site::{AGENT, IMAGES, OTHER, REPOSITORY, Site, pull_only, robot};

const HEADING: &str = "A scanner of many accounts";
const ALLOWED: &str = "[sources]\nambient = true\n";
const EVERY_ROLE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;

/// Two accounts, each with its own role and its own external id.
fn site() -> (Site, String, RobotToken) {
    let site = Site::new();
    site.push(OTHER, REPOSITORY);
    for (account, external_id) in [(IMAGES, "tenant-1"), (OTHER, "tenant-2")] {
        let trusted = format!("arn:aws:iam::{AGENT}:root").parse().unwrap();
        let trust = iam::generate::assume_role_trust(&trusted, &[external_id]).to_string();
        site.role(account, "scan", &trust, &pull_only(account, REPOSITORY));
    }
    let (robot, token) = robot("acme", "scanner", json!({}));
    (site, page::resources(HEADING, &[]) + &robot, token)
}

fn agent(site: &Site) {
    let services = json!(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]);
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": services }, "Action": "sts:AssumeRole" },
    ] });
    site.role(AGENT, "agent", &trust.to_string(), EVERY_ROLE);
}

fn scans_both(site: &Site, token: &RobotToken) {
    for account in [IMAGES, OTHER] {
        let pulled = site.pull(account, REPOSITORY, "robot", token);
        assert!(site.is_pulled(&pulled), "{account}: {pulled:?}");
    }
}

#[test]
fn snyk_scans_from_an_instance() {
    let (mut site, resources, token) = site();
    agent(&site);
    let machine = Machine::new("scanner", AGENT.parse().unwrap(), Instance::new().role("agent"));
    let environment = site.machine(machine);
    site.serve("", ALLOWED, &resources, &environment);
    scans_both(&site, &token);
}

#[test]
fn snyk_scans_from_a_task() {
    let (mut site, resources, token) = site();
    agent(&site);
    let environment = site.machine(Machine::new("scanner", AGENT.parse().unwrap(), Task::new("agent")));
    site.serve("", ALLOWED, &resources, &environment);
    scans_both(&site, &token);
}

#[test]
fn snyk_scans_with_a_users_key_in_the_environment() {
    let (mut site, resources, token) = site();
    let (id, secret) = site.user(AGENT, "scanner", EVERY_ROLE);
    let environment = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    site.serve("", ALLOWED, &resources, &environment);
    scans_both(&site, &token);
}

#[test]
fn snyk_is_refused_with_the_external_id_of_another_tenant() {
    let (mut site, resources, token) = site();
    let (id, secret) = site.user(AGENT, "scanner", EVERY_ROLE);
    let environment = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    site.serve("", ALLOWED, &resources.replace("tenant-1", "tenant-9"), &environment);
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("AccessDenied") && refused.contains("tenant-9"),
        "{refused}"
    );
    assert!(site.is_pulled(&site.pull(OTHER, REPOSITORY, "robot", &token)));
}

/// The role may trust the agent's very role, or its very user, and nobody else of that account.
#[test]
fn snyk_is_let_in_by_a_role_that_trusts_the_agent_alone() {
    let (mut site, resources, token) = site();
    let (id, secret) = site.user(AGENT, "scanner", EVERY_ROLE);
    let environment = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    site.user(AGENT, "somebody", EVERY_ROLE);
    for (account, external_id, user) in [(IMAGES, "tenant-1", "scanner"), (OTHER, "tenant-2", "somebody")] {
        let trusted = format!("arn:aws:iam::{AGENT}:user/{user}").parse().unwrap();
        let trust = iam::generate::assume_role_trust(&trusted, &[external_id]).to_string();
        let parameters = [("RoleName", "scan"), ("PolicyDocument", trust.as_str())];
        site.iam(account, "UpdateAssumeRolePolicy", &parameters);
    }
    site.serve("", ALLOWED, &resources, &environment);
    assert!(site.is_pulled(&site.pull(IMAGES, REPOSITORY, "robot", &token)));
    let refused = site.pull(OTHER, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("is not authorized to perform: sts:AssumeRole"),
        "{refused}"
    );
}

#[test]
fn the_machines_own_identity_serves_nobody_unless_the_configuration_says_so() {
    let (mut site, resources, token) = site();
    agent(&site);
    let machine = Machine::new("scanner", AGENT.parse().unwrap(), Instance::new().role("agent"));
    let environment = site.machine(machine);
    let before = site.count();
    site.serve("", "", &resources, &environment);
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(refused.contains("sources.ambient"), "{refused}");
    assert_eq!(site.count(), before, "neither the machine nor AWS was asked");
}

//! An identity in one account, registries in others.

use serde_json::json;
use state::RobotToken;

use crate::page;
use crate::site::{AGENT, HOST, IMAGES, OTHER, REPOSITORY, Site, robot, trust_in_token};

const HEADING: &str = "Registries of other accounts";

fn site() -> (Site, RobotToken) {
    let mut site = Site::new();
    site.push(OTHER, REPOSITORY);
    let (robot, token) = robot("acme", "ci", json!({}));
    site.serve("", "", &(page::resources(HEADING, &[]) + &robot), &[]);
    site.trust_issuer(AGENT, &format!("https://{HOST}"), "sts.amazonaws.com");
    let trust = trust_in_token(AGENT, HOST, "sts.amazonaws.com", "acme");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": "*" },
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
    ] });
    site.role(AGENT, "pull", &trust, &policy.to_string());
    (site, token)
}

fn let_in(site: &Site, account: &str) {
    let role = format!("arn:aws:iam::{AGENT}:role/pull").parse().unwrap();
    let policy = iam::generate::pull_from_elsewhere(&[role]).unwrap().to_string();
    let input = json!({ "repositoryName": REPOSITORY, "policyText": policy });
    site.ecr(account, "SetRepositoryPolicy", input);
}

#[test]
fn repost_is_refused_without_the_repositorys_policy_and_let_in_by_it() {
    let (site, token) = site();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("no resource-based policy allows the ecr:BatchGetImage action"),
        "{refused}"
    );
    let_in(&site, IMAGES);
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

#[test]
fn repost_opens_registries_of_several_accounts_with_one_credential() {
    let (site, token) = site();
    let before = site.count();
    for account in [IMAGES, OTHER] {
        let_in(&site, account);
        let pulled = site.pull(account, REPOSITORY, "robot", &token);
        assert!(site.is_pulled(&pulled), "{account}: {pulled:?}");
    }
    let calls = site.calls_since(before);
    for action in ["sts:AssumeRoleWithWebIdentity", "ecr:GetAuthorizationToken"] {
        let count = calls.iter().filter(|call| call.action == action).count();
        assert_eq!(count, 1, "{action}");
    }
}

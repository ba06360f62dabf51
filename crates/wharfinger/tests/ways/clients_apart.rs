//! Clients that AWS tells apart, and sessions that may do less than their role.

use serde_json::json;

use crate::page;
use crate::site::{HOST, IMAGES, REPOSITORY, Site, pull_only, robot};

fn trust() -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::{IMAGES}:oidc-provider/{HOST}") },
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": { "StringEquals": { format!("{HOST}:aud"): "sts.amazonaws.com", format!("{HOST}:sub"): "acme" } },
    }] })
    .to_string()
}

#[test]
fn a_policy_lets_one_client_in_and_not_another() {
    let mut site = Site::new();
    let ((robot_1, web), (robot_2, batch)) = (robot("acme", "web", json!({})), robot("acme", "batch", json!({})));
    let resources = page::resources("Clients that AWS tells apart", &[]) + &robot_1 + &robot_2;
    site.serve("", "", &resources, &[]);
    site.trust_issuer(IMAGES, &format!("https://{HOST}"), "sts.amazonaws.com");
    let mut permissions: serde_json::Value = serde_json::from_str(&pull_only(IMAGES, REPOSITORY)).unwrap();
    permissions["Statement"][0]["Condition"] =
        json!({ "StringEquals": { "aws:PrincipalTag/client": "web", "aws:PrincipalTag/team": "acme" } });
    site.role(IMAGES, "pull", &trust(), &permissions.to_string());

    let before = site.count();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &web);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
    // What one was given is in the cache by now; the other gets it no sooner for that.
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &batch).unwrap_err();
    assert!(
        refused.contains("assumed-role/pull/wharfinger-acme-prod-batch"),
        "{refused}"
    );
    let calls = site.calls_since(before);
    let sessions = calls.iter().filter_map(|call| call.principal.as_deref());
    let web = "arn:aws:sts::111122223333:assumed-role/pull/wharfinger-acme-prod-web";
    assert!(sessions.into_iter().any(|session| session == web), "{calls:?}");
}

#[test]
fn a_trust_policy_lets_one_source_identity_in_and_not_another() {
    let mut site = Site::new();
    let ((robot_1, web), (robot_2, batch)) = (robot("acme", "web", json!({})), robot("acme", "batch", json!({})));
    let resources = page::resources("Clients that AWS tells apart", &[]) + &robot_1 + &robot_2;
    site.serve("", "", &resources, &[]);
    site.trust_issuer(IMAGES, &format!("https://{HOST}"), "sts.amazonaws.com");
    let mut trust: serde_json::Value = serde_json::from_str(&trust()).unwrap();
    trust["Statement"][0]["Condition"]["StringEquals"]["sts:SourceIdentity"] = json!("acme-web");
    site.role(IMAGES, "pull", &trust.to_string(), &pull_only(IMAGES, REPOSITORY));
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &web);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &batch).unwrap_err();
    assert!(
        refused.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "{refused}"
    );
}

#[test]
fn a_narrowed_session_sees_only_the_repositories_of_its_upstream() {
    let mut site = Site::new();
    site.push(IMAGES, "secret/app");
    let (robot, token) = robot("acme", "ci", json!({}));
    site.serve("", "", &(page::resources("Chosen repositories", &[]) + &robot), &[]);
    site.trust_issuer(IMAGES, &format!("https://{HOST}"), "sts.amazonaws.com");
    site.role(IMAGES, "pull", &trust(), &pull_only(IMAGES, "*"));

    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
    let before = site.count();
    let refused = site.pull(IMAGES, "secret/app", "robot", &token).unwrap_err();
    assert!(refused.contains("has no repository"), "{refused}");
    assert_eq!(site.count(), before, "AWS was not asked");
}

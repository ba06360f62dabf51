//! A vendor whose proxy is an issuer that its customers' accounts trust.

use serde_json::json;

use crate::page;
use crate::site::{HOST, IMAGES, REPOSITORY, Site, pull_only, robot, trust_in_token};

const AUDIENCE: &str = "sts.amazonaws.com";
const HEADING: &str = "A vendor with an issuer of its own";

/// The issuer is below a path, as the vendor's is.
const PATH: &str = "/vendor";

fn site(permit: impl Fn(&Site)) -> (Site, state::RobotToken) {
    let mut site = Site::new();
    let (robot, token) = robot("acme", "ci", json!({}));
    site.serve(PATH, "", &(page::resources(HEADING, &[]) + &robot), &[]);
    permit(&site);
    (site, token)
}

fn issuer() -> String {
    format!("{HOST}{PATH}")
}

#[test]
fn replicated_pulls_with_the_managed_policy() {
    let (site, token) = site(|site| {
        site.trust_issuer(IMAGES, &format!("https://{}", issuer()), AUDIENCE);
        let trust = trust_in_token(IMAGES, &issuer(), AUDIENCE, "acme");
        site.iam(
            IMAGES,
            "CreateRole",
            &[("RoleName", "pull"), ("AssumeRolePolicyDocument", &trust)],
        );
        let policy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
        site.iam(
            IMAGES,
            "AttachRolePolicy",
            &[("RoleName", "pull"), ("PolicyArn", policy)],
        );
    });
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

#[test]
fn replicated_pulls_with_a_policy_for_one_repository() {
    let (site, token) = site(|site| {
        site.trust_issuer(IMAGES, &format!("https://{}", issuer()), AUDIENCE);
        let trust = trust_in_token(IMAGES, &issuer(), AUDIENCE, "acme");
        site.role(IMAGES, "pull", &trust, &pull_only(IMAGES, REPOSITORY));
        site.push(IMAGES, "team/other");
    });
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
    let refused = site.pull(IMAGES, "team/other", "robot", &token).unwrap_err();
    assert!(
        refused.contains("no identity-based policy allows the ecr:BatchGetImage action"),
        "{refused}"
    );
}

#[test]
fn replicated_is_told_that_the_providers_url_lacks_the_path() {
    let (site, token) = site(|site| {
        site.trust_issuer(IMAGES, &format!("https://{HOST}"), AUDIENCE);
        let trust = trust_in_token(IMAGES, HOST, AUDIENCE, "acme");
        site.role(IMAGES, "pull", &trust, &pull_only(IMAGES, REPOSITORY));
    });
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    for part in [
        "No OpenIDConnect provider found",
        "https://images.wharfinger.example/vendor",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn replicated_pulls_with_an_access_key_as_the_standard_setup_does() {
    let mut site = Site::new();
    let (robot, token) = robot("acme", "ci", json!({}));
    let (id, secret) = site.user(IMAGES, "proxy", &pull_only(IMAGES, REPOSITORY));
    std::fs::create_dir(site.path("keys")).unwrap();
    std::fs::write(site.path("keys/id"), id).unwrap();
    std::fs::write(site.path("keys/secret"), secret).unwrap();
    let keys = site.path("keys").display().to_string();
    let resources = page::resources("An access key", &[("/run/secrets/ecr", &keys)]) + &robot;

    site.serve(PATH, "", &resources, &[]);
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(refused.contains("sources.folders"), "{refused}");

    site.serve(PATH, "[sources]\nfolders = [\"keys\"]\n", &resources, &[]);
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

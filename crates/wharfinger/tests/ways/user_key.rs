//! A platform with the key of an IAM user, in the environment of its server.

use serde_json::json;
use state::RobotToken;

use crate::page;
use crate::site::{IMAGES, REPOSITORY, Site, pull_only, robot};

const HEADING: &str = "A platform with a user's key";
const ALLOWED: &str = "[sources]\nenvironment = true\n";
const ID: &str = "ECR_ACCESS_KEY_ID";
const SECRET: &str = "ECR_SECRET_ACCESS_KEY";

/// A site with the user, and both halves of its key.
fn site() -> (Site, [(&'static str, String); 2], String, RobotToken) {
    let site = Site::new();
    let (id, secret) = site.user(IMAGES, "okteto", &pull_only(IMAGES, REPOSITORY));
    let (robot, token) = robot("acme", "a", json!({}));
    (
        site,
        [(ID, id), (SECRET, secret)],
        page::resources(HEADING, &[]) + &robot,
        token,
    )
}

#[test]
fn okteto_pulls_with_the_key_of_an_iam_user() {
    let (mut site, key, resources, token) = site();
    site.serve("", ALLOWED, &resources, &key);
    let before = site.count();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
    let calls = site.calls_since(before);
    assert!(
        calls.iter().all(|call| !call.action.starts_with("sts:")),
        "no role: {calls:?}"
    );
    assert!(!site.log().contains(&key[1].1), "the secret is in the log");
}

#[test]
fn okteto_is_refused_a_key_in_an_environment_that_is_not_allowed() {
    let (mut site, key, resources, token) = site();
    // The name of a key is no secret: where that stands in the document, the other half is refused all the same.
    let named = resources.replace(&format!("{{ env: {ID} }}"), &key[0].1);
    assert_ne!(named, resources);
    for resources in [resources, named] {
        for configuration in ["", "[sources]\nenvironment = false\nambient = true\n"] {
            site.serve("", configuration, &resources, &key);
            let before = site.count();
            let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
            assert!(refused.contains("sources.environment"), "{refused}");
            assert!(!refused.contains(&key[1].1), "{refused}");
            assert_eq!(site.count(), before, "AWS was not asked");
        }
        site.serve("", ALLOWED, &resources, &key);
        let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
        assert!(site.is_pulled(&pulled), "{pulled:?}");
    }
}

#[test]
fn okteto_is_told_which_variable_is_missing() {
    let (mut site, key, resources, token) = site();
    site.serve("", ALLOWED, &resources, &key[..1]);
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(refused.contains(SECRET) && refused.contains("is not set"), "{refused}");
    assert_eq!(site.count(), before, "AWS was not asked");
}

#[test]
fn okteto_is_told_that_the_key_was_deleted() {
    let (mut site, key, resources, token) = site();
    site.serve("", ALLOWED, &resources, &key);
    let deleted = [("UserName", "okteto"), ("AccessKeyId", key[0].1.as_str())];
    site.iam(IMAGES, "DeleteAccessKey", &deleted);
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("UnrecognizedClientException") && refused.contains(&key[0].1),
        "{refused}"
    );
    assert!(!refused.contains(&key[1].1), "{refused}");
}

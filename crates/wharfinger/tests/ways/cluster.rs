//! A platform in a cluster: the cluster's own tokens, in a file that is replaced from time to time.

use serde_json::json;
use state::RobotToken;

use crate::issuer::{Cluster, SUBJECT};
use crate::page;
use crate::site::{CLUSTER, IMAGES, REPOSITORY, Site, pull_only, robot, trust_in_token};

/// One for each instance and region, as the document advises.
pub(crate) const AUDIENCE: &str = "okteto.example.com/us-east-1";

/// A site with two robots whose logins are made apart, so that the file is read for each.
fn site() -> (Site, Cluster, [RobotToken; 2]) {
    let cluster = Cluster::start();
    let mut site = cluster.site();
    std::fs::create_dir(site.path("tokens")).unwrap();
    site.trust_issuer(IMAGES, &format!("https://{CLUSTER}"), AUDIENCE);
    let trust = trust_in_token(IMAGES, CLUSTER, AUDIENCE, SUBJECT);
    site.role(IMAGES, "okteto", &trust, &pull_only(IMAGES, REPOSITORY));
    let ((robot_1, token_1), (robot_2, token_2)) = (robot("acme", "a", json!({})), robot("acme", "b", json!({})));
    let folder = site.path("tokens").display().to_string();
    let changes = [("/var/run/secrets/tokens", folder.as_str())];
    let resources = page::resources("A platform in a cluster", &changes) + &robot_1 + &robot_2;
    site.serve("", "[sources]\nfolders = [\"tokens\"]\n", &resources, &[]);
    (site, cluster, [token_1, token_2])
}

#[test]
fn okteto_pulls_with_the_clusters_token_while_its_file_is_replaced() {
    let (site, cluster, [one, other]) = site();
    let file = site.path("tokens/ecr");
    std::fs::write(&file, cluster.token(AUDIENCE)).unwrap();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &one);
    assert!(site.is_pulled(&pulled), "{pulled:?}");

    std::fs::write(&file, "no token").unwrap();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &other).unwrap_err();
    assert!(refused.contains("InvalidIdentityToken"), "{refused}");
    assert!(
        site.is_pulled(&site.pull(IMAGES, REPOSITORY, "robot", &one)),
        "its login is good still"
    );

    std::fs::write(&file, cluster.token(AUDIENCE)).unwrap();
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &other);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

#[test]
fn okteto_is_refused_with_the_audience_of_another_instance() {
    let (site, cluster, [token, _]) = site();
    std::fs::write(site.path("tokens/ecr"), cluster.token("okteto.example.com/eu-west-1")).unwrap();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    for part in ["Incorrect token audience", "okteto.example.com/eu-west-1"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn okteto_reads_no_token_outside_of_the_allowed_folders() {
    let (site, cluster, [token, _]) = site();
    std::fs::write(site.path("token"), cluster.token(AUDIENCE)).unwrap();
    std::os::unix::fs::symlink(site.path("token"), site.path("tokens/ecr")).unwrap();
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(refused.contains("sources.folders"), "{refused}");
    assert_eq!(site.count(), before, "AWS was not asked");
}

#[test]
fn okteto_is_told_that_nothing_projects_the_token() {
    let (site, cluster, [token, _]) = site();
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    let file = site.path("tokens/ecr").display().to_string();
    for part in [&file, "No such file", "projected serviceAccountToken"] {
        assert!(refused.contains(part), "{part:?} is not in: {refused}");
    }
    assert_eq!(site.count(), before, "AWS was not asked");

    std::fs::write(file, cluster.token(AUDIENCE)).unwrap();
    assert!(site.is_pulled(&site.pull(IMAGES, REPOSITORY, "robot", &token)));
}

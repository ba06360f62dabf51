//! Somebody is refused, and is told why in a way that the client passes on.

use crate::home::{Home, Outcome};
use crate::installation::Installation;
use crate::pull::Pull;
use crate::{containerd, docker, own, podman, skopeo};

#[test]
fn skopeo_reports_a_wrong_password() {
    refused_by(skopeo::pull);
}

#[test]
fn podman_reports_a_wrong_password() {
    refused_by(podman::pull);
}

#[test]
fn docker_reports_a_wrong_password_at_the_login() {
    refused_by(docker::pull);
}

#[test]
fn containerd_reports_a_wrong_password() {
    refused_by(containerd::pull);
}

#[test]
fn containerd_reports_a_wrong_password_for_its_mirror() {
    refused_by(containerd::pull_by_mirror);
}

#[test]
fn wharfinger_reports_a_wrong_password() {
    refused_by(|pull| own::pull_into(&Home::new(&pull.ca), pull, "oci:app"));
}

fn refused_by(client: impl Fn(&Pull) -> Outcome) {
    let installation = Installation::new();
    let before = installation.count();
    let message = client(&installation.pull().with_wrong_password()).unwrap_err();
    assert!(message.to_lowercase().contains("unauthorized"), "{message}");
    assert_eq!(installation.count(), before, "AWS is not asked on behalf of a stranger");
}

#[test]
fn a_push_is_refused_with_what_this_registry_is_for() {
    let installation = Installation::new();
    let pull = installation.pull();
    let home = Home::new(&pull.ca);
    own::pull_into(&home, &pull, "oci:app").unwrap();
    let before = installation.count();
    let message = skopeo::push(&home, &pull, &format!("oci:app:{}", pull.image)).unwrap_err();
    let expected =
        "delivers images out of Amazon ECR and takes none; push to the ECR registry itself, and pull from here";
    assert!(message.contains(expected), "{message}");
    assert_eq!(installation.count(), before);
}

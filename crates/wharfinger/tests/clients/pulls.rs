//! Somebody pulls an image: with each client, in each form of an image's name.

use oci::Digest;
use serde_json::json;

use crate::docker::Docker;
use crate::home::{Home, Outcome};
use crate::installation::Installation;
use crate::pull::Pull;
use crate::{buildah, containerd, docker, own, podman, skopeo};

#[test]
fn skopeo_pulls_by_the_path_form() {
    pulled_by(skopeo::pull);
}

#[test]
fn skopeo_pulls_by_the_name_of_the_upstream() {
    pulled_by(skopeo::pull_by_upstream);
}

#[test]
fn podman_pulls_by_the_path_form() {
    pulled_by(podman::pull);
}

#[test]
fn buildah_pulls_by_the_path_form() {
    pulled_by(buildah::pull);
}

#[test]
fn docker_pulls_by_the_path_form() {
    pulled_by(docker::pull);
}

#[test]
fn containerd_pulls_by_the_path_form() {
    pulled_by(containerd::pull);
}

#[test]
fn containerd_pulls_from_its_mirror() {
    pulled_by(containerd::pull_by_mirror);
}

/// The client holds what was pushed.
fn pulled_by(client: impl Fn(&Pull) -> Outcome) {
    let installation = Installation::new();
    assert_eq!(client(&installation.pull()), Ok(installation.digest()));
}

#[test]
fn wharfinger_pulls_into_a_layout_that_skopeo_reads() {
    let installation = Installation::new();
    let (digest, pull) = (installation.digest(), installation.pull());
    let home = Home::new(&pull.ca);
    let pulled = own::pull_into(&home, &pull, "oci:app");
    assert_eq!(pulled, Ok(digest.clone()));

    let layout = format!("oci:app:{}", pull.image);
    assert_eq!(skopeo::manifest(&home, &layout), json(&installation.image().manifest));
    // A copy reads every blob and compares it with its digest.
    skopeo::copy(&home, &["--preserve-digests"], &layout, "dir:copy").unwrap();
}

#[test]
fn wharfinger_pulls_into_a_docker_archive_that_skopeo_reads() {
    let installation = Installation::new();
    let (digest, pull) = (installation.digest(), installation.pull());
    let home = Home::new(&pull.ca);
    let pulled = own::pull_into(&home, &pull, "docker-archive:app.tar");
    assert_eq!(pulled, Ok(digest.clone()));

    skopeo::copy(&home, &[], "docker-archive:app.tar", "dir:copy").unwrap();
    let (archived, pushed) = (
        skopeo::manifest(&home, "docker-archive:app.tar"),
        json(&installation.image().manifest),
    );
    assert_eq!(archived["config"]["digest"], pushed["config"]["digest"]);
    assert_eq!(layers(&archived), layers(&pushed));
}

#[test]
fn wharfinger_pulls_into_a_docker_archive_that_docker_loads() {
    let installation = Installation::new();
    let pull = installation.pull();
    let docker = Docker::start(&pull);
    own::pull_into(docker.home(), &pull, "docker-archive:app.tar").unwrap();
    let loaded = docker.load("app.tar").unwrap();
    assert_eq!(loaded.trim(), format!("Loaded image: {}", pull.image));
    // docker calls an image by the digest of its configuration.
    let id = Digest::of(&installation.image().config).to_string();
    assert_eq!(docker.inspect(&pull.image, "{{.Id}}"), Ok(id));
    assert_eq!(
        docker.inspect(&pull.image, "{{len .RootFS.Layers}}"),
        Ok("2".to_owned())
    );
}

#[test]
fn what_one_client_pulled_another_gets_without_a_request_to_aws() {
    let installation = Installation::new();
    let (digest, pull) = (installation.digest(), installation.pull());
    let before = installation.count();
    assert_eq!(skopeo::pull(&pull), Ok(digest.clone()));
    let after_the_first = installation.count();
    assert!(after_the_first > before, "the first pull went to AWS");

    for client in [
        podman::pull,
        containerd::pull,
        containerd::pull_by_mirror,
        skopeo::pull_by_upstream,
    ] {
        assert_eq!(client(&pull), Ok(digest.clone()));
    }
    assert_eq!(installation.count(), after_the_first);
}

#[test]
fn clients_that_come_at_once_share_one_download() {
    let installation = Installation::with_layers(&[3 << 20, 2 << 20]);
    let (digest, pull) = (installation.digest(), installation.pull());
    std::thread::scope(|scope| {
        let clients = [(); 8].map(|()| scope.spawn(|| skopeo::pull(&pull)));
        for client in clients {
            assert_eq!(client.join().unwrap(), Ok(digest.clone()));
        }
    });

    let objects = installation.calls("s3:GetObject");
    let mut names: Vec<_> = objects.iter().map(|call| call.resource.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(
        names.len(),
        installation.image().blobs().count(),
        "each blob was fetched"
    );
    assert_eq!(objects.len(), names.len(), "no blob was fetched twice: {objects:#?}");
    assert_eq!(installation.calls("sts:AssumeRoleWithWebIdentity").len(), 1);
}

fn json(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).unwrap()
}

fn layers(manifest: &serde_json::Value) -> Vec<&serde_json::Value> {
    let layers = manifest["layers"].as_array().unwrap();
    assert_ne!(manifest["layers"], json!([]));
    layers.iter().map(|layer| &layer["digest"]).collect()
}

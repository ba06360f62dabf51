//! Somebody has let `wharfinger config` write the client's files, and pulls by the image's own name: no option of the
//! client says where the proxy is, whom to trust or how to log in.

use std::fs;
use std::path::Path;
use std::process::Command;

use oci::Digest;

use crate::credential::home_with_helper;
use crate::daemon::Daemon;
use crate::docker::{self, Docker};
use crate::engine::{home, inside};
use crate::home::{Home, Outcome, run};
use crate::installation::Installation;
use crate::pull::Pull;

#[test]
fn podman_pulls_by_the_images_own_name() {
    let installation = Installation::new();
    assert_eq!(pull_by_podman(&installation.pull(), &[]), Ok(installation.digest()));
}

#[test]
fn podman_pulls_by_the_images_own_name_from_an_upstream() {
    let installation = Installation::new();
    let digest = pull_by_podman(&installation.pull(), &["--upstream", "prod"]);
    assert_eq!(digest, Ok(installation.digest()));
}

#[test]
fn podman_tells_the_proxys_refusal_and_asks_nobody_else() {
    let installation = Installation::new();
    let before = installation.count();
    let refusal = pull_by_podman(&installation.pull().with_wrong_password(), &[]).unwrap_err();
    assert!(refusal.to_lowercase().contains("unauthorized"), "{refusal}");
    assert_eq!(installation.count(), before);
}

#[test]
fn containerd_pulls_by_the_images_own_name() {
    let installation = Installation::new();
    assert_eq!(pull_by_containerd(&installation.pull(), &[]), Ok(installation.digest()));
}

#[test]
fn containerd_pulls_by_the_images_own_name_from_the_proxy_alone() {
    let installation = Installation::new();
    let pull = installation.pull();
    let only_the_proxy = &["--no-fallback"];
    assert_eq!(pull_by_containerd(&pull, only_the_proxy), Ok(installation.digest()));
    let refusal = pull_by_containerd(&pull.with_wrong_password(), only_the_proxy).unwrap_err();
    assert!(refusal.to_lowercase().contains("unauthorized"), "{refusal}");
}

/// containerd sends `?ns=` with every path, also one that names the registry already.
#[test]
fn containerd_pulls_by_the_images_own_name_with_the_registry_in_the_path() {
    let installation = Installation::new();
    let in_the_path = &["--override-path", "--no-fallback"];
    assert_eq!(
        pull_by_containerd(&installation.pull(), in_the_path),
        Ok(installation.digest())
    );
}

#[test]
fn docker_pulls_by_the_proxys_name() {
    let installation = Installation::new();
    let pull = installation.pull();
    let docker = configured_docker(&pull);
    // docker calls an image by the digest of its configuration.
    let id = Digest::of(&installation.image().config).to_string();
    let (_, repository) = pull.image.split_once('/').unwrap();
    for place in [&pull.image, &format!("{}/{repository}", pull.upstream)] {
        let image = format!("{}/{place}", docker::NAME);
        assert_eq!(docker.pull(&image), Ok(installation.digest()), "{place}");
        assert_eq!(docker.inspect(&image, "{{.Id}}"), Ok(id.clone()), "{place}");
    }
}

#[test]
fn docker_trusts_the_proxy_by_the_file_that_was_written() {
    let installation = Installation::new();
    let pull = installation.pull();
    let docker = configured_docker(&pull);
    fs::remove_dir_all(docker.folder().join("certs.d")).unwrap();
    let refusal = docker.pull(&format!("{}/{}", docker::NAME, pull.image)).unwrap_err();
    assert!(refusal.contains("x509"), "{refusal}");
}

#[test]
fn docker_tells_the_proxys_refusal() {
    let installation = Installation::new();
    let before = installation.count();
    let pull = installation.pull().with_wrong_password();
    let docker = configured_docker(&pull);
    let refusal = docker.pull(&format!("{}/{}", docker::NAME, pull.image)).unwrap_err();
    assert!(refusal.to_lowercase().contains("unauthorized"), "{refusal}");
    assert_eq!(installation.count(), before);
}

#[test]
fn docker_pulls_with_the_credential_helper_that_was_named() {
    let installation = Installation::new();
    let pull = installation.pull();
    let configuration = format!(
        "[[registry]]\nhost = \"{}\"\ntoken_file = \"robot.token\"\n",
        docker::NAME
    );
    let (home, path) = home_with_helper(Home::new(&pull.ca), &configuration, &pull.password);
    let docker = Docker::start_in(home, &pull).with(path);
    let image = format!("{}/{}", docker::NAME, pull.image);
    let configure = |options: &[&str]| {
        let mut command = configuration_of(docker::NAME, docker.home(), "docker", &pull, &docker.folder());
        run(command.args(options)).unwrap();
    };
    configure(&[]);
    let complaint = docker.pull(&image).unwrap_err();
    assert!(complaint.contains("no basic auth credentials"), "{complaint}");
    configure(&["--credential-helper"]);
    assert_eq!(docker.pull(&image), Ok(installation.digest()));
}

/// Its user has let `wharfinger config docker` write what it shows.
fn configured_docker(pull: &Pull) -> Docker {
    let docker = Docker::start(pull);
    let mut command = configuration_of(docker::NAME, docker.home(), "docker", pull, &docker.folder());
    run(with_password(docker.home(), pull, &mut command)).unwrap();
    docker
}

fn pull_by_podman(pull: &Pull, options: &[&str]) -> Outcome {
    let home = home(&pull.ca);
    let folder = home.path(".config/containers");
    configure(&home, "podman", pull, &folder, options);
    let podman = || {
        let mut command = inside(&home, "podman");
        // They would keep podman from looking where a user's files are.
        command
            .env_remove("REGISTRY_AUTH_FILE")
            .env_remove("CONTAINERS_REGISTRIES_CONF");
        command
    };
    run(podman().args(["pull", "--quiet", &pull.image]))?;
    run(podman().args(["image", "inspect", "--format", "{{.Digest}}", &pull.image]))
        .map(|digest| digest.trim().to_owned())
}

fn pull_by_containerd(pull: &Pull, options: &[&str]) -> Outcome {
    let home = Home::new(&pull.ca);
    let folder = home.path("certs.d");
    configure(&home, "containerd", pull, &folder, options);
    Daemon::start(&pull.ca).pull_by(&pull.image, &folder)
}

/// Lets the program write the client's files for the image's registry.
fn configure(home: &Home, client: &str, pull: &Pull, folder: &Path, options: &[&str]) {
    let mut command = configuration_of(&pull.proxy.to_string(), home, client, pull, folder);
    run(with_password(home, pull, &mut command).args(options)).unwrap();
}

/// The program that writes them, without a login, for a proxy that is called so.
fn configuration_of(proxy: &str, home: &Home, client: &str, pull: &Pull, folder: &Path) -> Command {
    let mut command: Command = home.command(env!("CARGO_BIN_EXE_wharfinger"));
    command.args(["config", client, pull.image.split('/').next().unwrap()]);
    command.arg("--proxy").arg(format!("https://{proxy}"));
    command.arg("--ca").arg(&pull.ca);
    command.arg("--folder").arg(folder).arg("--write");
    command
}

fn with_password<'a>(home: &Home, pull: &Pull, command: &'a mut Command) -> &'a mut Command {
    home.write("token", &pull.password);
    command.arg("--password-file").arg(home.path("token"))
}

//! `skopeo`: copies into an OCI layout, out of one, and looks at what others wrote.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::home::{Home, Outcome, run};
use crate::pull::Pull;

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    copy_from_proxy(pull, &pull.by_path())
}

/// Pulls in the path form with the upstream's name.
pub(crate) fn pull_by_upstream(pull: &Pull) -> Outcome {
    copy_from_proxy(pull, &pull.by_upstream())
}

/// Pushes an image that lies in the home to the name that it was pulled by.
pub(crate) fn push(home: &Home, pull: &Pull, source: &str) -> Outcome {
    let certificates = home.path("certs").display().to_string();
    let options = ["--dest-cert-dir", &certificates, "--dest-creds", &pull.login()];
    copy(home, &options, source, &format!("docker://{}", pull.by_path()))
}

/// Copies between places; those in the file system are relative to the home.
pub(crate) fn copy(home: &Home, options: &[&str], source: &str, destination: &str) -> Outcome {
    run(&mut copying(home, options, source, destination))
}

fn copying(home: &Home, options: &[&str], source: &str, destination: &str) -> Command {
    let mut command = home.bounded("skopeo");
    command.current_dir(home.path(""));
    command.arg("--policy").arg(home.path("policy.json"));
    command
        .arg("--registries.d")
        .arg(home.path(".config/containers/registries.d"));
    command.arg("--tmpdir").arg(home.path("tmp"));
    command
        .args(["copy", "--quiet"])
        .args(options)
        .args([source, destination]);
    command
}

/// The manifest of an image that lies in the home.
pub(crate) fn manifest(home: &Home, image: &str) -> Value {
    let mut command = home.bounded("skopeo");
    command.current_dir(home.path("")).args(["inspect", "--raw", image]);
    serde_json::from_str(&run(&mut command).unwrap()).unwrap()
}

/// Pulls into a layout in the home, with further options and variables: the digest.
pub(crate) fn pull_into(home: &Home, image: &str, options: &[&str], variables: &[(&str, String)]) -> Outcome {
    let certificates = home.path("certs").display().to_string();
    // Without --preserve-digests, skopeo may write a manifest of its own.
    let usual = ["--all", "--preserve-digests", "--src-cert-dir", &certificates];
    let options = [&usual[..], options].concat();
    let mut command = copying(home, &options, &format!("docker://{image}"), "oci:layout:pulled");
    run(command.envs(variables.iter().map(|(name, value)| (name, value))))?;

    let index: Value = serde_json::from_slice(&fs::read(home.path("layout/index.json")).unwrap()).unwrap();
    Ok(index["manifests"][0]["digest"]
        .as_str()
        .expect("an OCI layout names its image")
        .to_owned())
}

fn copy_from_proxy(pull: &Pull, image: &str) -> Outcome {
    pull_into(&Home::new(&pull.ca), image, &["--src-creds", &pull.login()], &[])
}

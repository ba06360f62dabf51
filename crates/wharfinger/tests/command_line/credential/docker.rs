//! The program by the name `docker-credential-wharfinger`, as docker calls it.

use std::{
    io::Write,
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::cloud::{Cloud, HOST};
use crate::program::Outcome;

/// Calls the helper with an input; the configuration is named by the environment, or is where a user keeps it.
fn helper(cloud: &Cloud, action: &str, input: &str) -> Outcome {
    let program = cloud.path("docker-credential-wharfinger");
    let _ = symlink(env!("CARGO_BIN_EXE_wharfinger"), &program);
    let mut child = Command::new(&program)
        .arg(action)
        .env_clear()
        .env("HOME", cloud.folder())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("WHARFINGER_CREDENTIALS", cloud.path("credentials.toml"))
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn docker_gets_a_login_that_opens_the_registry() {
    let cloud = Cloud::new();
    for server in [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("https://{HOST}/v2/"),
    ] {
        let outcome = helper(&cloud, "get", &server);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
        let printed: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(
            (&printed["ServerURL"], &printed["Username"]),
            (&server.into(), &"AWS".into())
        );
        assert_eq!(cloud.enter(HOST, printed["Secret"].as_str().unwrap()), 200);
    }
}

#[test]
fn docker_reads_what_went_wrong_on_standard_output() {
    let cloud = Cloud::new();
    let outcome = helper(&cloud, "get", "docker.io");
    assert_eq!(outcome.out, "credentials not found in native keychain\n");
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));

    cloud.configure("");
    let outcome = helper(&cloud, "get", HOST);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));
    assert!(
        outcome.out.starts_with("wharfinger: ") && outcome.out.contains("Fix: "),
        "{outcome:#?}"
    );
    // Nobody said that this machine is somebody, and ECR Public lets nobody in.
    let outcome = helper(&cloud, "get", "public.ecr.aws");
    assert_eq!(outcome.out, "credentials not found in native keychain\n");

    cloud.write("credentials.toml", "[[credential]]\nhost = 5\n");
    let outcome = helper(&cloud, "get", HOST);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));
    assert!(outcome.out.contains("credential[0].host"), "{outcome:#?}");
}

#[test]
fn docker_login_reads_that_nothing_is_stored() {
    let cloud = Cloud::new();
    let input = format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"hunter2"}}"#);
    let outcome = helper(&cloud, "store", &input);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));
    assert!(outcome.out.contains("nothing is stored"), "{outcome:#?}");
    outcome.assert_silent_about("hunter2");
    let outcome = helper(&cloud, "erase", HOST);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(0), ""));
    assert_eq!(helper(&cloud, "list", "").out, "{}\n");
}

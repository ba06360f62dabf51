//! Logins that are made beside the proxy: docker's credential helper under skopeo, and our login beside that of `aws`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::Sim;
use tokio::runtime::Runtime;

use crate::home::{Home, Outcome, run};
use crate::installation::Installation;
use crate::pull::Pull;
use crate::{python, skopeo};

/// A home whose user has put the helper on the search path, written its configuration and kept the token of a robot. With
/// it, the variable by which the helper is found.
pub(crate) fn home_with_helper(home: Home, configuration: &str, token: &str) -> (Home, (&'static str, String)) {
    for folder in ["bin", ".config/wharfinger"] {
        fs::create_dir_all(home.path(folder)).unwrap();
    }
    symlink(
        env!("CARGO_BIN_EXE_wharfinger"),
        home.path("bin/docker-credential-wharfinger"),
    )
    .unwrap();
    home.write(".config/wharfinger/credentials.toml", configuration);
    home.write(".config/wharfinger/robot.token", token);
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", home.path("bin").display());
    (home, ("PATH", path))
}

/// skopeo copies with the helper alone, which is named for the proxy.
fn copy_with_helper(pull: &Pull, configuration: &str) -> Outcome {
    let (home, path) = home_with_helper(Home::new(&pull.ca), configuration, &pull.password);
    let helpers = json!({"credHelpers": {pull.proxy.to_string(): "wharfinger"}});
    home.write("auth.json", &helpers.to_string());
    skopeo::pull_into(&home, &pull.by_path(), &[], &[path])
}

#[test]
fn skopeo_pulls_with_the_credential_helper() {
    let installation = Installation::new();
    let pull = installation.pull();
    let configuration = format!(
        "[[registry]]\nhost = \"{}\"\ntoken_file = \"robot.token\"\n",
        pull.proxy
    );
    assert_eq!(copy_with_helper(&pull, &configuration), Ok(installation.digest()));
}

#[test]
fn skopeo_gets_no_login_that_is_not_configured() {
    let installation = Installation::new();
    let complaint = copy_with_helper(&installation.pull(), "").unwrap_err();
    assert!(
        complaint.contains("unauthorized") || complaint.contains("authentication required"),
        "{complaint}"
    );
}

#[test]
fn our_login_and_that_of_aws_open_the_same_registry() {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let builder = Sim::builder()
        .data_dir(folder.path().join("layers"))
        .endpoint(anywhere)
        .registry(ACCOUNT.parse().unwrap(), "us-east-1", anywhere);
    let sim = runtime.block_on(builder.start()).unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, sim.ca_pem()).unwrap();
    let home = Home::new(&ca);
    let key = sim.root_credentials(&ACCOUNT.parse().unwrap());
    home.write(
        "credentials.toml",
        &format!(
            "[connect]\nresolve = [\"*.amazonaws.com={}\"]\nca_bundle = \"certs/ca.crt\"\n",
            sim.addr()
        ),
    );
    // Both find the same key in the same environment.
    let as_owner = |command: &mut Command| {
        command
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", key.secret.expose_secret());
        run(command).unwrap()
    };
    let mut theirs = home.bounded("env");
    theirs.arg(python::program("aws"));
    theirs.args(["ecr", "get-login-password", "--region", "us-east-1", "--endpoint-url"]);
    theirs.arg(format!("http://{}", sim.endpoint_addr().unwrap()));
    let theirs = as_owner(&mut theirs);
    let mut ours = home.bounded("env");
    ours.arg(env!("CARGO_BIN_EXE_wharfinger"));
    ours.args(["credential", "get", HOST, "--format", "json", "--config"]);
    let ours = as_owner(ours.arg(home.path("credentials.toml")));
    let ours: Value = serde_json::from_str(&ours).unwrap();

    let (_, _, registry) = sim.registry_addrs().next().unwrap();
    for (password, welcome) in [
        (theirs.trim(), true),
        (ours["password"].as_str().unwrap(), true),
        ("x", false),
    ] {
        home.write("password", password);
        assert_eq!(log_in(&home, registry, &home.path("password")).is_ok(), welcome);
    }
}

fn log_in(home: &Home, registry: SocketAddr, password: &Path) -> Outcome {
    let mut command = home.bounded("skopeo");
    command.args(["login", "--tls-verify=false", "--username", "AWS", "--password-stdin"]);
    let stdin = Stdio::from(fs::File::open(password).unwrap());
    run(command.arg(registry.to_string()).stdin(stdin))
}

const ACCOUNT: &str = "111122223333";
const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

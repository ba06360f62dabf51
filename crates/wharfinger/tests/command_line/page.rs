//! `docs/simulated-aws.md` says what works: its shell blocks and its Python are run as they stand there.

use std::{fs, path::Path, process::Command};

use crate::{image, program, python, simulator::Simulator};

const ACCOUNT: &str = "111122223333";

#[test]
fn the_commands_for_aws_and_boto3_work() {
    let simulator = Simulator::start(&["--registry", "111122223333/us-east-1=127.0.0.1:0"]);
    let home = tempfile::tempdir().unwrap();
    let digest = image::generate(&home.path().join("app"), &[3]);
    let policy = home.path().join(".config/containers/policy.json");
    fs::create_dir_all(policy.parent().unwrap()).unwrap();
    fs::write(policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();

    let section = section();
    let python = format!("python <<'END'\n{}\nEND\n", python_block(&section));
    let registry = simulator.places["registries"][0]["address"].as_str().unwrap();
    let script = (indented(&section) + &python)
        .replace("127.0.0.1:5001", registry)
        .replace(
            "wharfinger sim credentials",
            &format!("wharfinger sim credentials --control {}", simulator.place("control")),
        );
    assert_eq!(
        lines(&script, home.path()),
        [
            format!("arn:aws:iam::{ACCOUNT}:root"),
            format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app"),
            "Login Succeeded!".to_owned(),
            digest.to_string(),
            format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"),
        ]
    );
}

/// What a shell prints that knows `wharfinger`, `aws` and `python` with boto3.
fn lines(script: &str, home: &Path) -> Vec<String> {
    let clients = python::program("aws");
    let wharfinger = program::wharfinger(home);
    let folders = [clients.as_path(), Path::new(wharfinger.get_program())];
    let folders = folders.map(|program| program.parent().unwrap().display().to_string());
    let output = Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", script])
        .current_dir(home)
        .env_clear()
        .env(
            "PATH",
            format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap()),
        )
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn section() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulated-aws.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("## With the aws command line and boto3\n").unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

fn indented(section: &str) -> String {
    let (shell, _) = section.split_once("```python").unwrap();
    let lines = shell.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn python_block(section: &str) -> &str {
    let (_, rest) = section.split_once("```python\n").unwrap();
    rest.split("```").next().unwrap()
}

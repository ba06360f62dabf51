//! Python with the AWS command line and boto3, as `xtask` installs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a module of this folder with a text on its standard input; it must succeed. Blocks.
pub(crate) fn run(arguments: &[&str], input: &str) {
    let mut child = Command::new("timeout")
        .args(["--kill-after=5", SECONDS])
        .arg(program("python"))
        // Nothing is written beside the sources, and no proxy or profile of the person who runs the tests is seen.
        .args(["-B", "-X", "utf8", "-m"])
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().expect("standard input is piped");
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{arguments:?} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&text)
    );
}

/// A program of the environment. A test that was left out would say that the client works.
pub(crate) fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/python/bin")
        .join(name);
    assert!(
        program.exists(),
        "{} is not there: `cargo xtask test --only packages --only python` installs what these tests drive",
        program.display()
    );
    program
}

/// Far more than any of these takes, also where many tests share few processors.
const SECONDS: &str = "240";

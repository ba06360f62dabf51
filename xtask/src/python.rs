//! The AWS command line and boto3, which the tests drive against the simulated AWS.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::parts::Workplace;

/// What is installed, version by version.
const PINS: &str = "crates/sim/tests/python/requirements.txt";

/// Where the tests look for it, below the root of the workspace.
const ENVIRONMENT: &str = "target/python";

/// Fails in an environment that was moved, or whose interpreter is gone.
const TRIAL: [&str; 2] = ["-c", "import awscli, boto3"];

/// Installs the pinned clients into an environment of their own, where they are missing or the pins have changed.
pub(crate) fn provide(workplace: &Workplace) -> Result<()> {
    let pins = fs::read_to_string(workplace.root.join(PINS)).with_context(|| format!("{PINS} cannot be read"))?;
    let environment = workplace.root.join(ENVIRONMENT);
    if is_ready(&environment, &pins) {
        println!("{ENVIRONMENT} is as {PINS} says");
        return Ok(());
    }
    println!("installing what {PINS} says into {ENVIRONMENT}");
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&environment);
    workplace.children.run(&mut make)?;
    // Wheels alone: nothing of a package is run while it is installed. Everything that is needed is pinned, so nothing
    // else is looked for, and `check` tells when a pin was forgotten.
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(environment.join("bin/python"));
        command.current_dir(&workplace.root).args(["-m", "pip"]).args(arguments);
        workplace.children.run(&mut command)
    };
    pip(&[
        "install",
        "--quiet",
        "--no-input",
        "--no-deps",
        "--only-binary=:all:",
        "--requirement",
        PINS,
    ])?;
    pip(&["check"])?;
    // Written last: an environment without it is one that was not finished.
    fs::write(installed(&environment), &pins).with_context(|| format!("{ENVIRONMENT} cannot be written to"))?;
    ensure!(
        is_ready(&environment, &pins),
        "{ENVIRONMENT} was made, and its clients do not start"
    );
    Ok(())
}

fn is_ready(environment: &Path, pins: &str) -> bool {
    fs::read_to_string(installed(environment)).is_ok_and(|installed| installed == pins) && starts(environment)
}

fn starts(environment: &Path) -> bool {
    Command::new(environment.join("bin/python"))
        .args(TRIAL)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The pins that an environment was made by.
fn installed(environment: &Path) -> std::path::PathBuf {
    environment.join("requirements.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn every_pin_is_one_version() {
        let pins = fs::read_to_string(root().join(PINS)).unwrap();
        let pins = pins.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
        for pin in &pins {
            let (name, version) = pin.split_once("==").unwrap_or_else(|| panic!("{pin}"));
            assert!(
                !name.is_empty() && version.starts_with(|digit: char| digit.is_ascii_digit()),
                "{pin}"
            );
        }
        for client in ["awscli==", "boto3==", "botocore=="] {
            assert!(pins.iter().any(|pin| pin.starts_with(client)), "{client}");
        }
    }

    #[test]
    fn an_environment_without_its_interpreter_is_not_ready() {
        assert!(!starts(Path::new("/nowhere")));
        assert!(!is_ready(Path::new("/nowhere"), ""));
    }
}

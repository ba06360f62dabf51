//! `podman pull`.

use std::path::Path;

use crate::engine::{home, inside};
use crate::home::{Outcome, run};
use crate::pull::Pull;

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    pull_by("podman", &["image", "inspect"], pull)
}

/// Pulls with a program of this family, which shows what it has by this command.
pub(crate) fn pull_by(program: &str, show: &[&str], pull: &Pull) -> Outcome {
    let home = home(&pull.ca);
    let mut command = inside(&home, program);
    command.args(["pull", "--quiet"]);
    command.arg("--signature-policy").arg(home.path("policy.json"));
    command.arg("--cert-dir").arg(home.path("certs"));
    command.arg("--creds").arg(pull.login());
    command.arg(pull.by_path());
    run(&mut command)?;

    let mut command = inside(&home, program);
    command.args(show).args(["--format", "{{.Digest}}", &pull.by_path()]);
    run(&mut command).map(|digest| digest.trim().to_owned())
}

/// Runs a line of a shell that calls podman.
pub(crate) fn paste(ca: &Path, line: &str) -> Outcome {
    run(inside(&home(ca), "sh").args(["-c", line]))
}

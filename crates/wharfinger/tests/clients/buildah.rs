//! `buildah pull`, which has podman's configuration and storage.

use crate::engine::{home, inside};
use crate::home::{Outcome, require, run};
use crate::pull::Pull;

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    require("buildah");
    let home = home(&pull.ca);
    let mut command = inside(&home, "buildah");
    command.args(["pull", "--quiet"]);
    command.arg("--signature-policy").arg(home.path("policy.json"));
    command.arg("--cert-dir").arg(home.path("certs"));
    command.arg("--creds").arg(pull.login());
    command.arg(pull.by_path());
    run(&mut command)?;

    let mut command = inside(&home, "buildah");
    command.args(["images", "--format", "{{.Digest}}", &pull.by_path()]);
    run(&mut command).map(|digest| digest.trim().to_owned())
}

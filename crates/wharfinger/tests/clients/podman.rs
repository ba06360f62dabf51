//! `podman pull` with roots of its own and the driver that needs no file system of a special kind.

use std::path::Path;
use std::process::Command;

use crate::home::{Home, is_root, namespaces, require, run};
use crate::pull::{Outcome, Pull};

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    let home = home(&pull.ca);
    let mut command = inside(&home, "podman");
    command.args(["pull", "--quiet"]);
    command.arg("--signature-policy").arg(home.path("policy.json"));
    command.arg("--cert-dir").arg(home.path("certs"));
    command.arg("--creds").arg(pull.login());
    command.arg(pull.by_path());
    run(&mut command)?;

    let mut command = inside(&home, "podman");
    command.args(["image", "inspect", "--format", "{{.Digest}}", &pull.by_path()]);
    run(&mut command).map(|digest| digest.trim().to_owned())
}

/// Runs a line of a shell that calls podman.
pub(crate) fn paste(ca: &Path, line: &str) -> Outcome {
    run(inside(&home(ca), "sh").args(["-c", line]))
}

fn home(ca: &Path) -> Home {
    require("podman");
    let home = Home::new(ca);
    // Locks in files and no events: podman would otherwise leave shared memory and a line in the journal behind.
    let engine = format!(
        "[engine]\ntmp_dir = \"{}\"\nlock_type = \"file\"\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\n",
        home.path("engine").display()
    );
    home.write("containers.conf", &engine);
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        home.path("graph").display(),
        home.path("run/storage").display()
    );
    home.write("storage.conf", &storage);
    home
}

fn inside(home: &Home, program: &str) -> Command {
    // Without root, podman would leave a process behind that holds its user namespace open: it gets one from outside.
    let mut command = home.bounded("env");
    command.args(if is_root() { &[] } else { namespaces() }).arg(program);
    command.env("CONTAINERS_CONF", home.path("containers.conf"));
    command.env("CONTAINERS_STORAGE_CONF", home.path("storage.conf"));
    command
}

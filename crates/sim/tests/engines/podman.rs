//! podman with roots of its own and the driver that needs no file system of a special kind.

use std::path::Path;
use std::process::Command;

use crate::home::{Home, is_root, namespaces, require};

/// A home that podman can live in.
pub(crate) fn home(ca: &Path) -> Home {
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

/// A program in that home: podman, or what calls it.
pub(crate) fn inside(home: &Home, program: &str) -> Command {
    // Without root, podman would leave a process behind that holds its user namespace open: it gets one from outside.
    let mut command = home.bounded("env");
    command.args(if is_root() { &[] } else { namespaces() }).arg(program);
    command.env("CONTAINERS_CONF", home.path("containers.conf"));
    command.env("CONTAINERS_STORAGE_CONF", home.path("storage.conf"));
    command
}

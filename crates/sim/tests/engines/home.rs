//! A home for one client: it reads nothing of the machine's own configuration, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a client wrote, after a pull the digest of the manifest that it holds; or all that it said when it failed.
pub(crate) type Outcome = Result<String, String>;

/// A temporary folder with the configuration that skopeo and podman want to find.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new(ca: &Path) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["certs", "tmp", ".config/containers/registries.d"] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        // podman refuses a runtime folder that others can read.
        fs::DirBuilder::new().mode(0o700).create(home.path("run")).unwrap();
        fs::copy(ca, home.path("certs/ca.crt")).unwrap();
        let signatures = format!(
            "default-docker: {{ lookaside: \"file://{}\" }}\n",
            home.path("signatures").display()
        );
        home.write(".config/containers/registries.d/default.yaml", &signatures);
        // The first is for options, the second is where a user keeps it.
        for policy in ["policy.json", ".config/containers/policy.json"] {
            home.write(policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#);
        }
        home.write("registries.conf", "");
        home.write("auth.json", "{}");
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with an environment of its own: above all, no proxies and no logins of the person who runs the tests.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TMPDIR", self.path("tmp"))
            .env("REGISTRY_AUTH_FILE", self.path("auth.json"))
            .env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"))
            .stdin(Stdio::null());
        command
    }

    /// A program that is ended after a while, so that a client that hangs fails its test and not the whole run.
    pub(crate) fn bounded(&self, program: &str) -> Command {
        require(program);
        let mut command = self.command("timeout");
        command.args(["--kill-after=5", SECONDS, program]);
        command
    }
}

impl Drop for Home {
    /// Before the folder is removed: podman's layers are folders that their owner cannot write to, unless it is root.
    fn drop(&mut self) {
        if !is_root() {
            let mut command = Command::new("env");
            let _ = command
                .args(namespaces())
                .args(["chmod", "-R", "u+rwX"])
                .arg(self.folder.path())
                .status();
        }
    }
}

/// What stands before a program that needs to make mounts: they vanish with the program. Without root that takes a user
/// namespace of one user, which is enough for images whose files all belong to root.
pub(crate) fn namespaces() -> &'static [&'static str] {
    if is_root() {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--user", "--map-root-user", "--mount"]
    }
}

/// The effective user is root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Runs the command to its end: what it wrote to standard output, or what it complained about.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
        Some(124 | 137) => panic!("{command:?} took longer than {SECONDS} s: {complaint}"),
        Some(126 | 127) => panic!("{command:?} did not start: {complaint}"),
        _ => Err(complaint),
    }
}

/// Fails the test with one line where the program is not installed. A client's test that is left out would say that the
/// client works.
pub(crate) fn require(program: &str) {
    let is_there = std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file());
    let package = match program {
        "ctr" => "containerd",
        "docker" | "dockerd" => "docker.io",
        other => other,
    };
    assert!(
        is_there,
        "{program} is not installed: `apt-get install {package}`, or `cargo xtask test --only packages`"
    );
}

/// Far more than any pull of these tests takes.
const SECONDS: &str = "120";

/// The search path, with the folders that an ordinary user's leaves out.
fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

#[test]
#[should_panic(expected = "no-such-client is not installed: `apt-get install no-such-client`")]
fn a_client_that_is_not_there_fails_its_test() {
    require("no-such-client");
}

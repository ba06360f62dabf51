//! Children: this test program again, running the very test that started them. What the test does as a child is told by
//! the directory that it inherits.

use std::{
    env, fs,
    io::{BufRead, BufReader, Lines},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

const DIRECTORY: &str = "CONTENT_TEST_DIRECTORY";

/// The directory that the parent gave; nothing where there is no parent.
pub(crate) fn inherited() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// A command that runs the test, named with its module, in a child.
pub(crate) fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(test)).env(DIRECTORY, directory);
    command
}

/// Runs the test to its end in a child that the shell script has prepared the way for. Gives what it wrote to standard
/// error.
pub(crate) fn behind(prelude: &[&str], script: &str, test: &str, directory: &Path) -> String {
    let words = [prelude, &["sh", "-ec"]].concat();
    let output = Command::new(words[0])
        .args(&words[1..])
        .arg(format!(r#"{script}; exec "$0" "$@""#))
        .arg(env::current_exe().unwrap())
        .args(arguments(test))
        .env(DIRECTORY, directory)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && report.contains("1 passed"),
        "{report}{complaint}"
    );
    complaint.into_owned()
}

/// What stands before a program that needs to make mounts: they vanish with the program. Without root that takes a user
/// namespace of one user.
pub(crate) fn namespaces() -> &'static [&'static str] {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--user", "--map-root-user", "--mount"]
    }
}

/// What is logged goes to standard error, for the parent.
pub(crate) fn log() {
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN);
    log.with_writer(std::io::stderr).init();
}

fn arguments(test: &str) -> [&str; 3] {
    ["--exact", "--nocapture", test]
}

/// A child that has come to where it says so. It is killed with this handle.
pub(crate) struct Ready {
    child: Child,
    messages: Lines<BufReader<ChildStderr>>,
}

impl Ready {
    pub(crate) fn child(test: &str, directory: &Path) -> Self {
        let mut child = child(test, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let messages = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut ready = Self { child, messages };
        ready.wait_for("ready");
        ready
    }

    /// Waits until the child writes this line.
    pub(crate) fn wait_for(&mut self, line: &str) {
        let has_come = self.messages.any(|message| message.unwrap() == line);
        assert!(has_come, "the child ended before it said `{line}`");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Ready {
    /// `SIGKILL`: the child gets no chance to tidy up.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

//! Children: this test program again, running the very test that started them. What the test does as a child is told by
//! the directory that it inherits.

use std::{
    env, fs,
    io::{BufRead, BufReader, Lines},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use content::Store;

const DIRECTORY: &str = "CONTENT_TEST_DIRECTORY";

/// The directory that the parent gave; nothing where there is no parent.
pub(crate) fn inherited() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Held while a process is started, until it has become another program and lost what this one has open.
static STARTING: Mutex<()> = Mutex::new(());

fn start(command: &mut Command) -> Child {
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Closes the store for good: when this returns, no process that is being started has its lock any more.
pub(crate) fn close(store: Store) {
    drop(store);
    drop(STARTING.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Runs the test to its end in a child that the shell script has prepared the way for. Gives what it wrote to standard
/// error.
pub(crate) fn behind(prelude: &[&str], script: &str, test: &str, directory: &Path) -> String {
    let words = [prelude, &["sh", "-ec"]].concat();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg(format!(r#"{script}; exec "$0" "$@""#))
        .arg(env::current_exe().unwrap())
        .args(arguments(test))
        .env(DIRECTORY, directory);
    let output = start(&mut command).wait_with_output().unwrap();
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
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(arguments(test))
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped());
        let mut child = start(&mut command);
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

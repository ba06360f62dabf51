//! Running the program to its end.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    fs,
    hash::BuildHasher,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a run of the program left behind for whoever called it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// Asserts that the input was refused with one line that has all these parts.
    #[track_caller]
    pub(crate) fn assert_refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert_eq!(self.out, "", "what is refused has no result");
        assert_eq!(self.err.matches('\n').count(), 1, "one line: {}", self.err);
        self.assert_says(parts);
    }

    /// Asserts that an argument was refused: by one line, and the hint with which every such refusal ends.
    #[track_caller]
    pub(crate) fn assert_refused_argument(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert_eq!(self.out, "", "what is refused has no result");
        let lines: Vec<_> = self.err.lines().collect();
        assert_eq!(lines[1..], ["", "For more information, try '--help'."], "{}", self.err);
        self.assert_says(parts);
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
        }
    }

    /// Asserts that a secret is on neither stream.
    #[track_caller]
    pub(crate) fn assert_silent_about(&self, secret: &str) {
        assert!(
            !self.out.contains(secret) && !self.err.contains(secret),
            "a secret is repeated: {self:#?}"
        );
    }
}

/// The program in a folder, with an environment of its own. Temporary files would appear in the folder too.
pub(crate) fn wharfinger(folder: &Path) -> Command {
    settled(Command::new(PROGRAM), folder)
}

/// The same, ended after a while: a run that hangs fails its test and not the whole suite.
pub(crate) fn bounded(folder: &Path) -> Command {
    let mut command = settled(Command::new("timeout"), folder);
    command.args(["--kill-after=5", PATIENCE, PROGRAM]);
    command
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Outcome {
    finish(bounded(folder).args(args))
}

/// Runs a bounded command to its end.
pub(crate) fn finish(command: &mut Command) -> Outcome {
    let output = command.output().expect("`timeout` of the coreutils starts");
    let outcome = Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("the program prints text"),
        err: String::from_utf8(output.stderr).expect("the program prints text"),
    };
    assert!(
        !matches!(outcome.code, Some(124 | 137)),
        "{command:?} took longer than {PATIENCE} s: {outcome:#?}"
    );
    outcome
}

/// Sends a signal to a process.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s {name} {process}")])
        .status()
        .expect("a shell starts");
    assert!(sent.success(), "SIG{name} could not be sent to {process}");
}

/// Everything in a folder: files with their content, folders without.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
            found.insert(path, None);
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, Some(content));
        }
    }
    found
}

/// An address of the loopback network that no other test is likely to use.
pub(crate) fn loopback() -> Ipv4Addr {
    let [a, b, c, ..] = RandomState::new().hash_one(()).to_be_bytes();
    // Neither 127.0.0.1, where everybody is, nor an address that ends in 0 or 255.
    Ipv4Addr::new(127, a | 1, b, c.clamp(1, 254))
}

fn settled(mut command: Command, folder: &Path) -> Command {
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null());
    command
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_wharfinger");

/// Far more than any run of these tests takes, in seconds.
const PATIENCE: &str = "60";

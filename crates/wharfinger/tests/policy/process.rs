use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// `wharfinger policy` with these arguments.
pub(crate) fn policy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.arg("policy").args(arguments).stdin(Stdio::null());
    command
}

/// Runs it with this standard input.
pub(crate) fn fed(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = policy(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside the reading of the output: neither side may wait for the other.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Ended::from(output)
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    Ended::from(policy(arguments).output().unwrap())
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Its standard output, after success without a word on standard error.
    #[track_caller]
    pub(crate) fn written(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }
}

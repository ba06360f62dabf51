//! A program under test that runs beside the test: its lines are read as they come, and it never outlives the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The program, with its standard output read.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let output = BufReader::new(process.stdout.take().expect("standard output is piped"));
        let (sender, lines) = mpsc::channel();
        // Reads on whether or not anybody listens: the program would stop at a full pipe.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { process, lines }
    }

    /// Reads until a line begins so, and hands out what follows in it.
    pub(crate) fn line(&self, beginning: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    if let Some(rest) = line.trim_start().strip_prefix(beginning) {
                        return rest.trim_end().to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line `{beginning}…` in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without a line `{beginning}…`"),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Types on its standard input, which has to be piped.
    pub(crate) fn types(&mut self, keys: &str) {
        let input = self.process.stdin.as_mut().expect("standard input is piped");
        input.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for its end: how it ended, and the lines that nobody has read yet.
    pub(crate) fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        // Standard output is closed by the end of the process, and by nothing before.
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end in {PATIENCE:?}"),
            }
        }
        (self.process.wait().unwrap(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Far more than anything here takes, also where many tests share few processors.
const PATIENCE: Duration = Duration::from_secs(30);

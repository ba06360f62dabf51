//! Servers that run while something is measured or tried, each ended by its own id.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A process that is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    output: BufReader<ChildStdout>,
}

/// How long a server may take to come up, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);

impl Process {
    /// Starts a command. What it writes to standard error goes into a file of this folder.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.join(format!("{name}.log"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            // A signal from the terminal is for this program, which ends its servers itself.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} did not start"))?;
        let output = child.stdout.take().context("standard output was to be a pipe")?;
        Ok(Self {
            child,
            name: name.to_owned(),
            log,
            output: BufReader::new(output),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.by_ref().take(64 * 1024).read_line(&mut line)? == 0 {
            bail!("{} ended: {}", self.name, self.log());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Waits until somebody listens at this address.
    #[expect(
        clippy::disallowed_methods,
        reason = "these servers do not tell when they have begun to listen"
    )]
    pub(crate) fn listens(&mut self, address: SocketAddr) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}: {}", self.name, self.log());
            }
            if Instant::now() > until {
                bail!("{} does not listen at {address}: {}", self.name, self.log());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// All that it logged.
    pub(crate) fn whole_log(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends a signal, unless it has ended.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        // Its id is somebody else's once it has been waited for.
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}: {}", self.name, self.log());
        }
        kill_process(Pid::from_child(&self.child), signal).with_context(|| format!("{} got no signal", self.name))
    }

    /// Waits until it has ended by itself; none when that takes longer than this.
    #[expect(
        clippy::disallowed_methods,
        reason = "waiting for a child with a limit takes a thread or a look now and then"
    )]
    pub(crate) fn ended_within(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait()? {
                None if Instant::now() <= until => thread::sleep(Duration::from_millis(10)),
                status => return Ok(status),
            }
        }
    }

    fn end(&mut self) {
        // SIGTERM: nginx's first process ends its workers, which SIGKILL would leave behind.
        if self.signal(Signal::TERM).is_ok() && !matches!(self.ended_within(PATIENCE), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port that was free a moment ago, for servers that cannot be asked to take a free one and tell which.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Runs a command to its end: what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} did not start"))?;
    judged(&program, output)
}

/// What a command wrote that has ended, unless it failed.
pub(crate) fn judged(program: &str, output: Output) -> Result<String> {
    if !output.status.success() {
        bail!(
            "{program} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} wrote something that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo ready; exec sleep 600"]);
        let mut process = Process::start(&mut shell, folder.path(), "sleeper").unwrap();
        assert_eq!(process.line().unwrap(), "ready");
        let id = process.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_server_that_does_not_come_up_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no such thing >&2; exit 3"]);
        let mut process = Process::start(&mut shell, folder.path(), "server").unwrap();
        let error = process.listens(free_address().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "server ended with exit status: 3: no such thing");
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_words() {
        assert_eq!(output(Command::new("echo").arg("x")).unwrap(), "x\n");
        let error = output(Command::new("sh").args(["-c", "echo why >&2; false"])).unwrap_err();
        assert_eq!(error.to_string(), "sh ended with exit status: 1: why");
    }
}

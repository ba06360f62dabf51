//! Child processes that never outlive this one.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Runs commands one after the other. Each gets a process group of its own, so that a signal to this program reaches
/// all that a command has started, also where no terminal sends it to everybody (a build machine that gives up).
#[derive(Debug)]
pub(crate) struct Children {
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    group: Option<Pid>,
    signal: Option<i32>,
}

impl Children {
    /// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the program's life.
    pub(crate) fn new() -> Result<Self> {
        let running = Arc::new(Mutex::new(Running::default()));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be caught")?;
        let shared = Arc::clone(&running);
        thread::spawn(move || {
            for number in signals.forever() {
                let mut running = lock(&shared);
                // The first signal asks, as the sender did; whoever sends a second one does not want to wait.
                let passed_on = match running.signal.replace(number) {
                    Some(_) => Signal::KILL,
                    None => Signal::from_named_raw(number).unwrap_or(Signal::TERM),
                };
                if let Some(group) = running.group {
                    // The group may have ended by itself in this moment: then there is nothing left to end.
                    let _ = kill_process_group(group, passed_on);
                }
            }
        });
        Ok(Self { running })
    }

    /// The signal that asked this program to end, if one came.
    pub(crate) fn signal(&self) -> Option<i32> {
        lock(&self.running).signal
    }

    /// Runs the command to its end.
    ///
    /// Fails when it cannot be started, when its exit status is not 0, and when a signal asked this program to end;
    /// whatever the command had started is gone by then.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let shown = shown(command);
        let mut child = {
            // Held while starting: a signal comes either before, and nothing starts, or finds the group.
            let mut running = lock(&self.running);
            if running.signal.is_some() {
                bail!("interrupted before `{shown}`");
            }
            let child = command
                .stdin(Stdio::null())
                .process_group(0)
                .spawn()
                .map_err(|error| not_started(&shown, &error))?;
            running.group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            child
        };
        let status = child
            .wait()
            .with_context(|| format!("`{shown}` cannot be waited for"))?;
        let group = lock(&self.running).group;
        if self.signal().is_some() {
            if let Some(group) = group {
                end(group, PATIENCE);
            }
            bail!("`{shown}` was interrupted");
        }
        lock(&self.running).group = None;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }
}

/// How long an interrupted group may take to clean up after itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until nobody is left in the group, and kills who is left when the patience is over.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a process group has become empty"
)]
fn end(group: Pid, patience: Duration) {
    let until = Instant::now() + patience;
    while test_kill_process_group(group).is_ok() {
        if Instant::now() >= until {
            let _ = kill_process_group(group, Signal::KILL);
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn not_started(shown: &str, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("`{shown}` did not start: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::{BufRead, BufReader};

    #[test]
    fn a_command_is_judged_by_its_exit_status() {
        let children = Children::new().unwrap();
        children.run(&mut Command::new("true")).unwrap();
        let error = children.run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` ended with exit status: 3");
        let error = children.run(&mut Command::new("/nowhere/nothing")).unwrap_err();
        assert!(error.to_string().starts_with("`nothing` did not start: "), "{error}");
    }

    #[test]
    fn nothing_starts_once_a_signal_has_come() {
        let children = Children::new().unwrap();
        lock(&children.running).signal = Some(SIGTERM);
        let error = children.run(&mut Command::new("true")).unwrap_err();
        assert_eq!(error.to_string(), "interrupted before `true`");
    }

    #[test]
    fn a_group_that_does_not_listen_is_killed() {
        let mut child = Command::new("sh")
            .args([
                "-c",
                "trap '' TERM; (trap '' TERM; echo ready; while :; do sleep 60; done) & wait",
            ])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        let group = Pid::from_child(&child);

        kill_process_group(group, Signal::TERM).unwrap();
        end(group, Duration::ZERO);
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }
}

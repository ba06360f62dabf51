//! The lives of the server, from its start to its end, and what is told of each.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use rustix::process::Signal;

use super::calm::{everything_comes, nothing_is_left_over};
use super::crowd::{Crowd, Tally};
use super::installation::Server;
use super::judge::Outcome;
use super::trouble::Trouble;
use crate::servers::simulator::Simulator;
use crate::servers::usage::{Held, held, peak_memory};

#[derive(Debug)]
pub(super) struct Lives<'a> {
    crowd: &'a Crowd<'a>,
    simulator: &'a Simulator,
    trouble: Trouble<'a>,
    rng: Rng,
    began: Instant,
    /// How many there were.
    count: usize,
    kills: u64,
    ends: u64,
    slowest_recovery: Duration,
    all: Tally,
}

/// How long a server may take to come up.
const START: Duration = Duration::from_secs(10);
/// How long it may take to end: the time for requests, and some.
const END: Duration = Duration::from_secs(25);
/// What it may hold while everybody asks.
const MOST: Held = Held {
    memory: 600 * 1024 * 1024,
    threads: 600,
    files: 2000,
};

impl<'a> Lives<'a> {
    pub(super) fn new(crowd: &'a Crowd<'a>, simulator: &'a Simulator, trouble: Trouble<'a>, rng: Rng) -> Self {
        Self {
            crowd,
            simulator,
            trouble,
            rng,
            began: Instant::now(),
            count: 0,
            kills: 0,
            ends: 0,
            slowest_recovery: Duration::ZERO,
            all: Tally::default(),
        }
    }

    /// Starts the server, has it live through trouble, and ends it in one way or the other. The line of the table.
    pub(super) fn live_one(&mut self) -> Result<String> {
        self.count += 1;
        let tls = self.rng.u8(..3) == 0;
        self.crowd.installation.write_resources(self.crowd.catalog, 2)?;
        let began = Instant::now();
        let mut server = self.crowd.installation.serve(self.simulator, self.count, tls)?;
        if began.elapsed() > START {
            bail!("it took {:?} to start", began.elapsed());
        }
        let outcome = self.live(&mut server);
        let log = server.process.whole_log();
        if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
            bail!("life {} has a panic: {line}", self.count);
        }
        outcome.with_context(|| {
            format!(
                "life {}, {} s from the start",
                self.count,
                self.began.elapsed().as_secs()
            )
        })
    }

    fn live(&mut self, server: &mut Server) -> Result<String> {
        self.crowd.open(server.door);
        for _ in 0..self.rng.usize(10..24) {
            self.trouble.brew(server, &mut self.rng)?;
            self.crowd.go_on_for(Duration::from_millis(self.rng.u64(300..1600)))?;
        }
        let busy = held(server.process.id())?;
        if busy.memory > MOST.memory || busy.threads > MOST.threads || busy.files > MOST.files {
            bail!("it holds {busy:?} while everybody asks");
        }
        let peak = peak_memory(server.process.id())?;
        let (end, calm) = match self.rng.u8(..5) {
            0..2 => {
                // Nobody begins any more; whoever has begun is in the middle of it.
                self.crowd.close();
                server.process.signal(Signal::KILL)?;
                server.process.ended_within(END)?.context("SIGKILL did not end it")?;
                self.kills += 1;
                ("killed".to_owned(), None)
            }
            // Answers that hang are broken off at the limit.
            2 => {
                self.crowd.close();
                (format!("{} in trouble", self.end(server)?), None)
            }
            _ => self.end_in_peace(server)?,
        };
        self.crowd.close();
        self.crowd.wait_until_all_are_told()?;
        // What the last answers were.
        self.crowd.go_on_for(Duration::ZERO)?;
        let tally = self.crowd.tally();
        self.all.add(&tally);
        Ok(line(
            self.count,
            server.door.tls,
            &tally,
            peak,
            &busy,
            calm.as_ref(),
            &end,
        ))
    }

    /// Has all come again, looks at what is left, and asks it to end while everybody asks.
    fn end_in_peace(&mut self, server: &mut Server) -> Result<(String, Option<Held>)> {
        self.trouble.end()?;
        self.crowd.installation.write_resources(self.crowd.catalog, 2)?;
        server.process.signal(Signal::HUP)?;
        let recovery = everything_comes(self.crowd, server.door, &mut self.rng)?;
        self.slowest_recovery = self.slowest_recovery.max(recovery);
        self.crowd.close();
        self.crowd.wait_until_all_are_told()?;
        let calm = nothing_is_left_over(self.crowd, server)?;
        self.crowd.open(server.door);
        self.crowd.go_on_for(Duration::from_millis(self.rng.u64(100..1500)))?;
        self.crowd.close();
        let told = format!("{}, well after {:.1} s", self.end(server)?, recovery.as_secs_f32());
        Ok((told, Some(calm)))
    }

    /// Asks it to end, while it answers whoever has asked.
    fn end(&mut self, server: &mut Server) -> Result<String> {
        let asked = Instant::now();
        server.process.signal(Signal::TERM)?;
        let Some(status) = server.process.ended_within(END)? else {
            bail!("{} s after SIGTERM it still runs", END.as_secs());
        };
        if !status.success() {
            bail!("asked to end, it ended with {status}");
        }
        self.ends += 1;
        Ok(format!("ended in {:.1} s", asked.elapsed().as_secs_f32()))
    }

    /// What there was in all.
    pub(super) fn account(&self) -> String {
        let mut all = self.all.clone();
        all.add(&self.crowd.tally());
        let trouble = &self.trouble.count;
        let mut text = format!(
            "{:.1} minutes: {} answers, {} MiB; {} faults, {} permissions taken or given back, {} tags moved, \
             {} reloads, {} files damaged, {} commands; {} kills, {} ends; all was well again after {:.1} s at most\n",
            self.began.elapsed().as_secs_f32() / 60.0,
            all.count(|_| true),
            all.bytes / 1024 / 1024,
            trouble.faults,
            trouble.permissions,
            trouble.moves,
            trouble.reloads,
            trouble.damages,
            trouble.commands,
            self.kills,
            self.ends,
            self.slowest_recovery.as_secs_f32(),
        );
        for (outcome, count) in &all.outcomes {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{count:>9} {outcome:?}");
        }
        text
    }
}

pub(super) fn heading() -> String {
    format!(
        "{:>4} {:5} {:>7} {:>7} {:>7} {:>7} {:>6} {:>8} {:>15} {:>15}  {}\n",
        "life", "", "right", "refused", "failed", "broken", "MiB", "longest", "busy: MiB t fd", "idle: MiB t fd", "end"
    )
}

fn line(life: usize, tls: bool, tally: &Tally, peak: u64, busy: &Held, calm: Option<&Held>, end: &str) -> String {
    let mib = |bytes: u64| bytes / 1024 / 1024;
    let held = |memory: u64, held: &Held| format!("{} {} {}", mib(memory), held.threads, held.files);
    format!(
        "{life:>4} {:5} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6.1} s {:>15} {:>15}  {end}\n",
        if tls { "tls" } else { "clear" },
        tally.count(|outcome| matches!(outcome, Outcome::Right | Outcome::Redirected)),
        tally.count(|outcome| outcome == Outcome::Refused),
        tally.count(|outcome| matches!(outcome, Outcome::Failed(_))),
        tally.count(|outcome| matches!(
            outcome,
            Outcome::Unanswered | Outcome::Broken | Outcome::Down | Outcome::Damaged
        )),
        mib(tally.bytes),
        tally.longest.as_secs_f32(),
        held(peak, busy),
        calm.map_or_else(String::new, |calm| held(calm.memory, calm)),
    )
}

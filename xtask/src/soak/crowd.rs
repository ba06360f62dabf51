//! Many clients at once, which stop when they are told to.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fastrand::Rng;

use super::catalog::Catalog;
use super::client::{Answer, Client, Curl, PATIENCE};
use super::installation::{Door, Installation};
use super::judge::{Damages, Outcome, judge};
use super::question::{Question, draw};

/// What clients and those who lead them share.
#[derive(Debug)]
pub(super) struct Crowd<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) installation: &'a Installation,
    pub(super) names: std::net::SocketAddr,
    pub(super) damages: Damages,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// None while nobody is to ask.
    door: Option<Door>,
    over: bool,
    asking: usize,
    tally: Tally,
    wrong: Vec<String>,
}

/// What became of all questions.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) outcomes: BTreeMap<Outcome, u64>,
    pub(super) bytes: u64,
    pub(super) longest: Duration,
}

/// How many clients there are.
pub(super) const CLIENTS: u64 = 24;

impl<'a> Crowd<'a> {
    pub(super) fn new(catalog: &'a Catalog, installation: &'a Installation, names: std::net::SocketAddr) -> Self {
        Self {
            catalog,
            installation,
            names,
            damages: Damages::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Asks until all is over.
    pub(super) fn client(&self, mut rng: Rng) {
        let mut own = Client::default();
        while let Some(door) = self.begin(&mut own) {
            let question = draw(self.catalog, self.installation, &mut rng);
            let with_curl = door.tls || rng.u8(..8) == 0;
            let answer = match with_curl {
                true => self.curl(rng.bool()).ask(door, &question.request),
                false => own.ask(door, &question.request),
            };
            self.done(&question, &answer);
            self.pause(Duration::from_millis(rng.u64(..120)));
        }
    }

    pub(super) fn curl(&self, http_2: bool) -> Curl<'_> {
        Curl {
            trusted: &self.installation.trusted,
            names: self.names,
            http_2,
        }
    }

    /// Lets everybody ask here.
    pub(super) fn open(&self, door: Door) {
        self.locked().door = Some(door);
        self.changed.notify_all();
    }

    /// Lets nobody ask any more.
    pub(super) fn close(&self) {
        self.locked().door = None;
    }

    /// Waits until nobody asks any more: how long an answer may take at most.
    pub(super) fn wait_until_all_are_told(&self) -> Result<()> {
        let until = Instant::now() + 2 * PATIENCE;
        let mut state = self.locked();
        while state.asking > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!(
                    "{} clients have no end of their answers after {} s",
                    state.asking,
                    2 * PATIENCE.as_secs()
                );
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }

    /// Ends it.
    pub(super) fn end(&self) {
        let mut state = self.locked();
        (state.door, state.over) = (None, true);
        drop(state);
        self.changed.notify_all();
    }

    /// Lets time go by, unless something is wrong.
    pub(super) fn go_on_for(&self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        let mut state = self.locked();
        loop {
            if !state.wrong.is_empty() {
                bail!("{}", state.wrong.join("\n"));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// What became of the questions since this was asked last.
    pub(super) fn tally(&self) -> Tally {
        std::mem::take(&mut self.locked().tally)
    }

    fn begin(&self, own: &mut Client) -> Option<Door> {
        let mut state = self.locked();
        while !state.over {
            if let Some(door) = state.door {
                state.asking += 1;
                return Some(door);
            }
            own.close();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn done(&self, question: &Question, answer: &Answer) {
        let verdict = judge(self.catalog, &self.damages, question, answer);
        let mut state = self.locked();
        state.asking -= 1;
        state.tally.bytes += answer.body.len() as u64;
        state.tally.longest = state.tally.longest.max(answer.ended - answer.began);
        match verdict {
            Ok(outcome) => *state.tally.outcomes.entry(outcome).or_default() += 1,
            Err(wrong) => state.wrong.push(accusation(&wrong, question, answer)),
        }
        // Whoever only pauses is not to be woken each time.
        if state.door.is_none() || !state.wrong.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Ends early when there is somebody to be heard.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.locked();
        while !state.over && state.door.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        self.bytes += other.bytes;
        self.longest = self.longest.max(other.longest);
    }

    pub(super) fn count(&self, counts: impl Fn(Outcome) -> bool) -> u64 {
        let counted = self.outcomes.iter().filter(|(outcome, _)| counts(**outcome));
        counted.map(|(_, count)| count).sum()
    }
}

/// What is wrong, with everything that tells where to look.
pub(super) fn accusation(wrong: &str, question: &Question, answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(400)]).into_owned();
    let body = if body.contains('\u{fffd}') {
        "bytes".to_owned()
    } else {
        body
    };
    let request = &question.request;
    format!(
        "{wrong}: {} {} (range {:?}, {:?}), which may {:?}: {} after {:?}, {:?}, length {:?}, {} bytes: {body}",
        if request.head { "HEAD" } else { "GET" },
        request.path,
        request.range,
        request.manner,
        question.may,
        answer.status,
        answer.ended - answer.began,
        answer.end,
        answer.length,
        answer.body.len(),
    )
}

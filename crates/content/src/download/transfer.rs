use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    FetchError, Phase,
    pace::{Standing, USUAL},
    plan::{Handed, Plan},
};
use crate::{blocking::blocking, canvas::Canvas};

/// What the connections of one download share.
pub(super) struct Transfer {
    canvas: Arc<Canvas>,
    progress: watch::Sender<Phase>,
    state: Mutex<State>,
    /// Wakes connections that have nothing to do: something was written or given back, or the download is over.
    moved: Notify,
    /// Wakes whoever hashes: there is something that was not hashed as it came.
    is_behind: Notify,
}

struct State {
    plan: Plan,
    /// Connections there are, and how many there should be.
    running: usize,
    wanted: usize,
    /// How many bytes one is given at a time.
    piece: u64,
    standing: Standing,
    begins_anywhere: bool,
    /// What the readers were told of last, and when.
    told: u64,
    told_at: Option<Instant>,
}

/// What one connection is to fetch. What it has not written when it lets go of this, another one fetches.
pub(super) struct Piece<'a> {
    transfer: &'a Arc<Transfer>,
    id: u64,
    pub(super) start: u64,
    /// Where a request for it ends; nothing where the connection may go on behind it.
    pub(super) end: Option<u64>,
}

impl Transfer {
    pub(super) fn new(canvas: Arc<Canvas>, size: u64, progress: watch::Sender<Phase>) -> Self {
        Self {
            canvas,
            progress,
            state: Mutex::new(State {
                plan: Plan::new(size),
                running: 1,
                wanted: 1,
                piece: USUAL,
                standing: Standing::default(),
                begins_anywhere: true,
                told: 0,
                told_at: None,
            }),
            moved: Notify::new(),
            is_behind: Notify::new(),
        }
    }

    /// The next bytes to fetch for a connection that has nothing to do. Nothing where everything is there, or where there
    /// are more connections than wanted: this one counts as gone then.
    pub(super) async fn next_piece(self: &Arc<Self>) -> Option<Piece<'_>> {
        loop {
            // Before the look, so that nothing is missed in between.
            let moved = self.moved.notified();
            {
                let mut state = self.lock();
                if state.is_complete() || state.running > state.wanted {
                    state.running -= 1;
                    return None;
                }
                if let Some(Handed { id, range }) = state.hand() {
                    let goes_on = state.wanted == 1 || range.end == state.plan.size();
                    return Some(Piece {
                        transfer: self,
                        id,
                        start: range.start,
                        end: (!goes_on).then_some(range.end),
                    });
                }
            }
            moved.await;
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.lock();
        Standing {
            unclaimed: state.plan.unclaimed(),
            ..state.standing
        }
    }

    /// How many connections there should be, and how many bytes each is given at a time. Answers with how many more are
    /// to be made, which count from now on.
    pub(super) fn want(&self, connections: usize, piece: u64) -> usize {
        let mut state = self.lock();
        state.piece = piece;
        state.wanted = if state.begins_anywhere { connections } else { 1 };
        let more = state.wanted.saturating_sub(state.running);
        state.running += more;
        drop(state);
        // Those that have nothing to do may be too many now.
        self.moved.notify_waiters();
        more
    }

    /// So many connections are gone, or were not made. Answers with how many are left.
    pub(super) fn leave(&self, connections: usize) -> usize {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(connections);
        state.running
    }

    /// The source began earlier than it was asked to. Whether the connection may go on nevertheless: only the last one
    /// does, for each would receive all that the others do.
    pub(super) fn begins_early(&self) -> bool {
        let mut state = self.lock();
        state.begins_anywhere = false;
        state.wanted = 1;
        state.running == 1
    }

    /// The source took so long to begin with an answer.
    pub(super) fn opened(&self, opening: Duration) {
        let mut state = self.lock();
        state.standing.opening = state.standing.opening.max(opening);
    }

    /// A connection broke off, and is made again after a pause.
    pub(super) fn rests(&self) {
        let mut state = self.lock();
        state.standing.disturbances += 1;
        state.standing.resting += 1;
    }

    /// It is made again.
    pub(super) fn rested(&self) {
        self.lock().standing.resting -= 1;
    }

    pub(super) fn size(&self) -> u64 {
        self.lock().plan.size()
    }

    /// Hashes what was not hashed as it came, until everything is.
    pub(super) async fn hash(self: &Arc<Self>) -> Result<(), FetchError> {
        let size = self.size();
        while self.canvas.hashed() < size {
            self.is_behind.notified().await;
            if self.canvas.hashed() < self.lock().plan.frontier() {
                let transfer = Arc::clone(self);
                blocking(move || transfer.canvas.catch_up(|| transfer.lock().plan.frontier())).await?;
            }
        }
        Ok(())
    }

    /// Notes what is in the file, and lets the readers have it.
    fn wrote(&self, id: u64, position: u64) -> u64 {
        let (frontier, news) = {
            let mut state = self.lock();
            state.plan.wrote(id, position);
            (state.plan.frontier(), state.news(false))
        };
        self.tell(news);
        self.moved.notify_waiters();
        frontier
    }

    /// Lets the readers have what was kept from them because it was little.
    pub(super) fn tell_the_rest(&self) {
        let news = self.lock().news(true);
        self.tell(news);
    }

    fn tell(&self, news: Option<u64>) {
        let Some(frontier) = news else {
            return;
        };
        self.progress.send_if_modified(|phase| match phase {
            // Another connection may have told of more, and the download may be over.
            Phase::Receiving { written, .. } if *written < frontier => {
                *written = frontier;
                true
            }
            _ => false,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The plan is consistent after each of its steps, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hand(&mut self) -> Option<Handed> {
        self.plan.take(self.piece).or_else(|| self.plan.share())
    }

    fn is_complete(&self) -> bool {
        self.plan.frontier() == self.plan.size()
    }

    /// How far the readers may read, if that is worth waking all of them, or `all` of it is to be told.
    ///
    /// Many connections bring many small pieces. Waking a crowd of readers for each costs more than sending them.
    fn news(&mut self, all: bool) -> Option<u64> {
        let frontier = self.plan.frontier();
        if frontier == self.told {
            return None;
        }
        let now = Instant::now();
        let is_due = self.told_at.is_none_or(|at| now - at >= LONGEST_SILENCE);
        if !all && !is_due && frontier - self.told < WORTH_TELLING && frontier < self.plan.size() {
            return None;
        }
        self.told = frontier;
        self.told_at = Some(now);
        Some(frontier)
    }
}

/// Bytes.
const WORTH_TELLING: u64 = 1024 * 1024;
/// After it, whatever comes is told at once: over a slow link, little is much.
const LONGEST_SILENCE: Duration = Duration::from_millis(10);

impl Piece<'_> {
    /// So many bytes have come. Answers with how many of them are wanted.
    pub(super) fn receive(&self, length: u64) -> u64 {
        let mut state = self.transfer.lock();
        state.standing.received += length;
        let more = self.end.is_none().then_some(state.piece);
        state.plan.receive(self.id, length, more)
    }

    /// Whether everything that this piece wants has come.
    pub(super) fn has_come(&self) -> bool {
        self.transfer.lock().plan.has_come(self.id, self.end.is_none())
    }

    /// How many bytes of it this connection has written.
    pub(super) fn brought(&self) -> u64 {
        self.transfer.lock().plan.written(self.id) - self.start
    }

    /// Writes bytes to their place. Readers get them before they are hashed.
    pub(super) fn write(&self, offset: u64, bytes: Vec<Bytes>) -> impl Future<Output = Result<(), FetchError>> + use<> {
        let (transfer, id) = (Arc::clone(self.transfer), self.id);
        async move {
            blocking(move || {
                transfer.canvas.write(offset, &bytes)?;
                let length: u64 = bytes.iter().map(|piece| piece.len() as u64).sum();
                let frontier = transfer.wrote(id, offset + length);
                transfer.canvas.hash(offset, &bytes);
                if transfer.canvas.hashed() < frontier || frontier == transfer.size() {
                    transfer.is_behind.notify_one();
                }
                Ok(())
            })
            .await?;
            Ok(())
        }
    }
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        self.transfer.lock().plan.release(self.id);
        self.transfer.moved.notify_waiters();
    }
}

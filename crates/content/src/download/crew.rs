use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    select,
    time::{self, Instant},
    try_join,
};

use super::{
    FetchError,
    lane::Lane,
    pace::{LOOK, Pace, USUAL},
    patience::Patience,
    transfer::Transfer,
    turns::Turns,
};
use crate::{
    limits::Limits,
    source::{Incoming, Source},
};

/// The connections of a download: as many as make it faster.
pub(super) struct Crew<'a> {
    pub(super) transfer: &'a Arc<Transfer>,
    pub(super) source: &'a dyn Source,
    pub(super) limits: Limits,
    pub(super) turns: &'a Turns,
}

impl Crew<'_> {
    /// Fetches and hashes everything, beginning with what an opened source sends from the beginning.
    ///
    /// All of it runs in the task of the caller: when that ends, nobody fetches any more.
    pub(super) async fn run(&self, first: Incoming, patience: Patience) -> Result<(), FetchError> {
        try_join!(self.fetch(first, patience), self.transfer.hash())?;
        Ok(())
    }

    async fn fetch(&self, first: Incoming, patience: Patience) -> Result<(), FetchError> {
        let lane = |patience, right| Lane {
            transfer: self.transfer,
            source: self.source,
            limits: self.limits,
            patience,
            right,
        };
        let mut lanes = FuturesUnordered::from_iter([lane(patience, None).run(Some(first))]);
        let mut pace = Pace::new(self.limits.connections, Instant::now());
        let mut look = time::interval(LOOK);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let grows = self.limits.connections > 1 && self.transfer.size() > USUAL;
        loop {
            select! {
                ended = lanes.next() => match ended {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    // The others go on. Perhaps the source does not bear so many.
                    Some(Err(error)) if error.is_transient() && !lanes.is_empty() => {
                        tracing::debug!(%error, left = lanes.len(), "a connection was given up");
                        pace.cap(lanes.len(), Instant::now());
                    }
                    Some(Err(error)) => return Err(error),
                },
                _ = look.tick() => {
                    self.transfer.tell_the_rest();
                    if !grows {
                        continue;
                    }
                    let standing = self.transfer.standing();
                    pace.look(Instant::now(), &standing);
                    let more = self.transfer.want(pace.wanted(), pace.piece(standing.unclaimed));
                    let rights: Vec<_> = (0..more).map_while(|_| self.turns.further_connection()).collect();
                    if rights.len() < more {
                        pace.cap(self.transfer.leave(more - rights.len()), Instant::now());
                    }
                    for right in rights {
                        lanes.push(lane(Patience::new(self.limits), Some(right)).run(None));
                    }
                }
            }
        }
    }
}

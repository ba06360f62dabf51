use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, Semaphore, TryAcquireError};

use crate::{Caller, explain::repository::Reading};

/// What repositories' policies were a moment ago. Whoever asks again and again for what is forbidden makes no call to
/// AWS each time: an answer, and that there was none, is kept for [`LIFETIME`], for a bounded number of repositories.
pub(super) struct Policies {
    kept: Mutex<HashMap<Key, Kept>>,
    /// Those who may ask AWS at the same time.
    turns: Semaphore,
}

/// Who asks, and the ARN of the repository.
type Key = (Arc<Caller>, String);

struct Kept {
    since: Timestamp,
    reading: Arc<OnceCell<Option<Reading>>>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Policies {
    /// The answer that is kept, else that of `ask`; who asks meanwhile for the same waits for it. Nothing where too much
    /// is asked.
    pub(super) async fn reading(
        &self,
        caller: &Arc<Caller>,
        repository: String,
        now: Timestamp,
        ask: impl Future<Output = Option<Reading>>,
    ) -> Option<Reading> {
        let reading = self.place((caller.clone(), repository), now)?;
        let asking = async {
            let _turn = self.turns.try_acquire()?;
            Ok::<_, TryAcquireError>(ask.await)
        };
        reading.get_or_try_init(|| asking).await.ok()?.clone()
    }

    fn place(&self, key: Key, now: Timestamp) -> Option<Arc<OnceCell<Option<Reading>>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A time from before a clock was set back says nothing.
        kept.retain(|_, kept| (SignedDuration::ZERO..LIFETIME).contains(&now.duration_since(kept.since)));
        if let Some(kept) = kept.get(&key) {
            return Some(kept.reading.clone());
        }
        let of_caller = kept.keys().filter(|(caller, _)| *caller == key.0).count();
        if kept.len() >= MOST || of_caller >= MOST_OF_ONE {
            return None;
        }
        let reading = Arc::default();
        kept.insert(
            key,
            Kept {
                since: now,
                reading: Arc::clone(&reading),
            },
        );
        Some(reading)
    }
}

/// Long enough that a client's retries share an answer, short enough that a repair is seen.
const LIFETIME: SignedDuration = SignedDuration::from_secs(30);
const MOST: usize = 256;
/// One caller cannot take the room of all the others.
const MOST_OF_ONE: usize = 32;
const AT_ONCE: usize = 4;

#[cfg(test)]
mod tests;

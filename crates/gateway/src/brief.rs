use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// Answers that are remembered for seconds, so that a crowd that asks for what is not there, or of an upstream that is
/// down, does not all ask upstream.
pub(crate) struct Brief<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K: Eq + Hash, V: Clone> Brief<K, V> {
    /// What was remembered of the key, if its time is not over.
    pub(crate) fn recall(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, value) = entries.get(key)?;
        // One that lasts longer than any does was made before the clock was set back.
        (now < *until && until.duration_since(now) <= LONGEST).then(|| value.clone())
    }

    /// Remembers it for a while.
    pub(crate) fn remember(&self, key: K, value: V, time: SignedDuration, now: Timestamp) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, (until, _)| now < *until);
        }
        // Somebody who asks for ever new names gets no memory for it.
        if entries.len() < MOST
            && let Ok(until) = now.checked_add(time.min(LONGEST))
        {
            entries.insert(key, (until, value));
        }
    }
}

impl<K, V> Default for Brief<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

const MOST: usize = 4096;
const LONGEST: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn it_lasts_for_its_time_and_no_longer() {
        let brief = Brief::default();
        brief.remember(1, "gone", SignedDuration::from_secs(3), at(100));
        assert_eq!(brief.recall(&1, at(102)), Some("gone"));
        assert_eq!(brief.recall(&1, at(103)), None);
        assert_eq!(brief.recall(&1, at(50)), None, "the clock was set back");
        assert_eq!(brief.recall(&2, at(102)), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let brief = Brief::default();
        for key in 0..10_000 {
            brief.remember(key, (), SignedDuration::from_secs(3), at(100));
        }
        assert_eq!(brief.0.lock().unwrap().len(), MOST);
        brief.remember(10_000, (), SignedDuration::from_secs(3), at(200));
        assert_eq!(brief.0.lock().unwrap().len(), 1);
    }
}

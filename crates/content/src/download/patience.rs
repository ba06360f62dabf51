use std::time::Duration;

use crate::limits::Limits;

/// How often a download may fail before it is given up, and how long it rests in between.
#[derive(Debug)]
pub(super) struct Patience {
    failures: u32,
    limits: Limits,
}

impl Patience {
    pub(super) fn new(limits: Limits) -> Self {
        Self { failures: 0, limits }
    }

    /// The pause before the next attempt, after one that brought `received` bytes and failed. Nothing where there should
    /// be no further attempt.
    ///
    /// An attempt that brought something worth while begins a new row, so a large blob may break off more often than a
    /// small one; its size bounds how often.
    pub(super) fn pause_after(&mut self, received: u64) -> Option<Duration> {
        self.succeeded(received);
        self.failures += 1;
        if self.failures >= self.limits.attempts {
            return None;
        }
        let doubled = 2u32.saturating_pow(self.failures - 1);
        Some(self.limits.first_pause.saturating_mul(doubled).min(LONGEST_PAUSE))
    }

    /// An attempt brought so many bytes.
    pub(super) fn succeeded(&mut self, received: u64) {
        if received >= WORTH_WHILE {
            self.failures = 0;
        }
    }
}

const WORTH_WHILE: u64 = 1024 * 1024;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(attempts: u32) -> Patience {
        Patience::new(Limits {
            attempts,
            first_pause: Duration::from_secs(1),
            ..Limits::default()
        })
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_end() {
        let mut patience = patience(6);
        let pauses: Vec<_> = std::iter::from_fn(|| patience.pause_after(0)).collect();
        assert_eq!(pauses, [1, 2, 4, 5, 5].map(Duration::from_secs));
    }

    #[test]
    fn progress_begins_a_new_row() {
        let mut patience = patience(2);
        assert!(patience.pause_after(WORTH_WHILE - 1).is_some());
        assert!(patience.pause_after(WORTH_WHILE).is_some());
        assert!(patience.pause_after(WORTH_WHILE - 1).is_none());
    }

    #[test]
    fn one_attempt_means_no_second() {
        assert!(patience(1).pause_after(WORTH_WHILE).is_none());
    }
}

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

/// How long a pull puts up with a registry that does not answer, or answers that it cannot now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Tries in a row that may bring nothing.
    pub(crate) tries: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// The longest pause, also where the registry asks for a longer one with `Retry-After`.
    pub(crate) longest_pause: Duration,
}

/// The failures in a row of one piece of work.
#[derive(Debug)]
pub(crate) struct Attempts {
    patience: Patience,
    failed: u32,
}

impl Patience {
    pub(crate) fn attempts(self) -> Attempts {
        Attempts {
            patience: self,
            failed: 0,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl Attempts {
    /// Counts a failure and answers how long to wait for the next try; nothing where that was the last. `asked` is what
    /// the registry asked for.
    pub(crate) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        if self.failed >= self.patience.tries {
            return None;
        }
        let doublings = (self.failed - 1).min(16);
        let own = self.patience.first_pause.saturating_mul(1 << doublings);
        Some(asked.unwrap_or(own).min(self.patience.longest_pause))
    }

    /// The work went on: earlier failures no longer count.
    pub(crate) fn forget(&mut self) {
        self.failed = 0;
    }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3), which counts from `now`.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Patience = Patience {
        tries: 4,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(3),
    };

    #[test]
    fn pauses_grow_to_the_longest_and_the_tries_end() {
        let mut attempts = PATIENCE.attempts();
        let pauses: Vec<_> = std::iter::from_fn(|| attempts.pause(None)).collect();
        assert_eq!(pauses, [1, 2, 3].map(Duration::from_secs));
    }

    #[test]
    fn the_registry_is_heard_up_to_the_longest_pause() {
        let mut attempts = PATIENCE.attempts();
        assert_eq!(attempts.pause(Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(attempts.pause(Some(Duration::MAX)), Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_went_on_begins_to_count_anew() {
        let mut attempts = PATIENCE.attempts();
        attempts.pause(None);
        attempts.pause(None);
        attempts.forget();
        assert_eq!(attempts.pause(None), Some(Duration::from_secs(1)));
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = Timestamp::from_second(784_111_770).unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,40}") {
            let _ = retry_after(&value, Timestamp::UNIX_EPOCH);
        }
    }
}

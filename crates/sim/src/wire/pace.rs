use std::{num::NonZeroU64, time::Duration};

use tokio::time::Instant;

/// When bytes may go out, so that no more than so many do in a second.
///
/// It keeps the time until which the bytes that were sent are paid for. Sending may run [`AHEAD`] of that time and then
/// waits for it, so that one timer serves many writes. Within an answer, time in which the machine was late is made up
/// for; time between answers is not saved.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    answer: u64,
    waiting: bool,
}

/// How far the sending may be ahead of its time. The timer ticks every millisecond, so this costs at most a hundred or
/// so wake-ups a second.
const AHEAD: Duration = Duration::from_millis(8);

/// How much lateness is made up for.
const BEHIND: Duration = Duration::from_millis(500);

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            due: now,
            answer: 0,
            waiting: false,
        }
    }

    /// How much of `length` may go out now as a part of the answer with this number, or until when to wait.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        rate: NonZeroU64,
        answer: u64,
        length: usize,
    ) -> Result<usize, Instant> {
        let saved = if self.answer == answer { BEHIND } else { Duration::ZERO };
        self.answer = answer;
        self.due = self.due.max(now.checked_sub(saved).unwrap_or(now));
        let allowed = if self.waiting { Duration::ZERO } else { AHEAD };
        if self.due > now + allowed {
            self.waiting = true;
            return Err(self.due);
        }
        self.waiting = false;
        // A single write must not be worth much more than a wait, nor be so short that headers fill the wire.
        let most = usize::try_from(rate.get() / 125).unwrap_or(usize::MAX).max(256);
        Ok(length.min(most))
    }

    /// Pays for bytes that went out.
    pub(super) fn spend(&mut self, rate: NonZeroU64, length: usize) {
        let nanos = (length as u128 * 1_000_000_000) / u128::from(rate.get());
        self.due += Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: NonZeroU64 = NonZeroU64::new(30_000_000).unwrap();

    /// How long `length` bytes take that are written in pieces, where each timer fires `late` and each write takes
    /// `work`.
    fn time(length: usize, late: Duration, work: Duration) -> (Duration, usize) {
        let start = Instant::now();
        let (mut now, mut left, mut waits) = (start, length, 0);
        let mut pace = Pace::new(now);
        while left > 0 {
            match pace.admit(now, RATE, 1, left.min(16 * 1024)) {
                Ok(length) => {
                    pace.spend(RATE, length);
                    left -= length;
                    now += work;
                }
                Err(until) => {
                    now = now.max(until) + late;
                    waits += 1;
                }
            }
        }
        (now - start, waits)
    }

    #[track_caller]
    fn about_a_second(took: Duration) {
        assert!((0.98..1.02).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[test]
    fn the_rate_is_kept_and_few_timers_are_needed() {
        let (took, waits) = time(30_000_000, Duration::ZERO, Duration::ZERO);
        about_a_second(took);
        assert!(waits < 130, "{waits}");
    }

    #[test]
    fn timers_that_are_late_and_work_in_between_do_not_slow_it_down() {
        about_a_second(time(30_000_000, Duration::from_millis(3), Duration::from_micros(100)).0);
        about_a_second(time(30_000_000, Duration::from_millis(15), Duration::from_micros(100)).0);
    }

    #[test]
    fn time_between_answers_is_not_saved() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let later = start + Duration::from_secs(60);
        assert!(pace.admit(later, RATE, 1, 1).is_ok());
        pace.spend(RATE, 3_000_000);
        assert_eq!(pace.admit(later, RATE, 1, 1), Err(later + Duration::from_millis(100)));
        assert_eq!(pace.admit(later, RATE, 2, 1), Err(later + Duration::from_millis(100)));
    }

    #[test]
    fn a_slow_rate_still_moves() {
        let slow = NonZeroU64::MIN;
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(pace.admit(now, slow, 1, 1000), Ok(256));
        pace.spend(slow, 256);
        assert_eq!(pace.admit(now, slow, 1, 1000), Err(now + Duration::from_secs(256)));
    }
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The time that a simulated AWS goes by. Clones share it, so whoever keeps one can advance it while the AWS runs.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
    machine_counts: bool,
}

#[derive(Debug)]
struct Inner {
    stopped_at: Option<Timestamp>,
    /// What the machine's clock is late by.
    offset: SignedDuration,
    advanced_millis: AtomicU64,
}

impl Clock {
    /// Runs with the machine's clock.
    pub fn system() -> Self {
        Self::new(None, SignedDuration::ZERO)
    }

    /// Stands still at `time` until it is advanced.
    pub fn stopped_at(time: Timestamp) -> Self {
        Self::new(Some(time), SignedDuration::ZERO)
    }

    /// Runs with the machine's clock, and is `time` now.
    pub fn running_from(time: Timestamp) -> Self {
        Self::new(None, time.duration_since(Timestamp::now()))
    }

    /// Moves the time forward; it never goes back.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        // `fetch_update` with a function that always answers cannot fail.
        let _ = self
            .inner
            .advanced_millis
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| {
                Some(sum.saturating_add(millis))
            });
    }

    /// Lets what others sign be of the machine's time too, requests and web identity tokens: tools and issuers know no
    /// other clock, and would be refused as soon as this one is advanced.
    #[must_use]
    pub fn with_machine_time(mut self) -> Self {
        self.machine_counts = true;
        self
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        let base = self.inner.stopped_at.unwrap_or_else(|| {
            let now = Timestamp::now();
            now.saturating_add(self.inner.offset).unwrap_or(now)
        });
        later(
            base,
            Duration::from_millis(self.inner.advanced_millis.load(Ordering::Relaxed)),
        )
    }

    /// The machine's time, where what others sign may be of it.
    pub(crate) fn machine(&self) -> Option<Timestamp> {
        self.machine_counts.then(Timestamp::now)
    }

    /// The present and some time more.
    pub(crate) fn after(&self, duration: Duration) -> Timestamp {
        later(self.now(), duration)
    }

    fn new(stopped_at: Option<Timestamp>, offset: SignedDuration) -> Self {
        Self {
            inner: Arc::new(Inner {
                stopped_at,
                offset,
                advanced_millis: AtomicU64::new(0),
            }),
            machine_counts: false,
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// `duration` after `time`, or the end of time.
pub(crate) fn later(time: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// `duration` before `time`, or the beginning of time.
pub(crate) fn earlier(time: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    time.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}

/// `2026-11-20T05:38:00Z`, as the services write times in XML.
pub(crate) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_only_when_advanced_and_clones_share_it() {
        let start = "2026-11-20T00:00:00Z".parse::<Timestamp>().unwrap();
        let clock = Clock::stopped_at(start);
        let other = clock.clone();
        assert_eq!(clock.now(), start);
        other.advance(Duration::from_secs(61));
        assert_eq!(clock.now().to_string(), "2026-11-20T00:01:01Z");
    }

    #[test]
    fn a_clock_can_run_from_another_time() {
        let start = "2020-02-29T00:00:00Z".parse::<Timestamp>().unwrap();
        let clock = Clock::running_from(start);
        let now = clock.now();
        assert!(now >= start && now < start + SignedDuration::from_hours(1), "{now}");
        assert!(clock.now() >= now);
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let clock = Clock::system();
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
        assert_eq!(later(clock.now(), Duration::MAX), Timestamp::MAX);
        assert_eq!(earlier(Timestamp::MIN, Duration::MAX), Timestamp::MIN);
    }
}

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};

/// What time it is, also for the signatures that the SDK makes.
#[derive(Clone)]
pub(crate) struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// By how many seconds AWS's clock was ahead of this one when AWS last told its time.
    ahead: Arc<AtomicI64>,
}

/// A moment by two clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By this machine's clock, which somebody may set.
    pub(crate) own: Timestamp,
    /// By AWS's, as far as it is known.
    pub(crate) theirs: Timestamp,
}

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            now: Arc::new(now),
            ahead: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The present by both clocks.
    pub(crate) fn moment(&self) -> Moment {
        let own = self.now();
        let ahead = SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        Moment {
            own,
            theirs: own.checked_add(ahead).unwrap_or(own),
        }
    }

    /// AWS has told its time, in the `Date` of an answer (RFC 9110 §6.6.1) to a question of `asked_at` by the own clock.
    /// Where the answer was long on the way, or the own clock was set meanwhile, nothing can be told from it. What is off
    /// by more than a minute for the first time is logged.
    pub(crate) fn compare(&self, headers: &http::HeaderMap, asked_at: Timestamp) {
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        let Some(theirs) = date.and_then(parse_date) else {
            return;
        };
        let now = self.now();
        if !(0..=LONG_WAY).contains(&now.duration_since(asked_at).as_secs()) {
            return;
        }
        let ahead = theirs.as_second() - now.as_second();
        let before = self.ahead.swap(ahead, Ordering::Relaxed);
        if is_off(ahead) && !is_off(before) {
            tracing::warn!(
                off = describe(ahead),
                "AWS and this machine do not agree about the time"
            );
        }
    }

    /// The time by this clock of what AWS's clock shows at `theirs`.
    pub(crate) fn translate(&self, theirs: Timestamp) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        theirs.checked_sub(SignedDuration::from_secs(ahead)).unwrap_or(theirs)
    }

    /// By how much this machine's clock is wrong, in words, where it is by more than a minute.
    pub(crate) fn fault(&self) -> Option<String> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        is_off(ahead).then(|| describe(ahead))
    }
}

/// How many seconds an answer may take that tells the time.
const LONG_WAY: i64 = 10;

/// Requests take a moment, and `Date` has whole seconds.
fn is_off(ahead: i64) -> bool {
    ahead.unsigned_abs() > 60
}

fn describe(ahead: i64) -> String {
    let (minutes, seconds) = (ahead.unsigned_abs() / 60, ahead.unsigned_abs() % 60);
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {minutes} min {seconds} s {direction} AWS's")
}

fn parse_date(date: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp())
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now().into()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_noticed_and_named() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Clock::new(move || now);
        for (date, fault) in [
            ("Fri, 20 Nov 2026 12:00:30 GMT", None),
            ("Fri, 20 Nov 2026 12:10:05 GMT", Some("10 min 5 s behind")),
            ("Fri, 20 Nov 2026 11:53:00 GMT", Some("7 min 0 s ahead of")),
        ] {
            clock.compare(&answered(date), now);
            let found = clock.fault();
            assert_eq!(found.is_some(), fault.is_some(), "{date}");
            assert!(found.unwrap_or_default().contains(fault.unwrap_or_default()), "{date}");
        }
        // What ends at 12:53 by AWS's clock ends at 13:00 by this one.
        let end = clock.translate(now + SignedDuration::from_mins(53));
        assert_eq!(end, now + SignedDuration::from_mins(60));
        clock.compare(&answered("nonsense"), now);
        clock.compare(&http::HeaderMap::new(), now);
        assert!(clock.fault().is_some());
    }

    #[test]
    fn an_answer_that_was_long_on_the_way_tells_no_time() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Clock::new(move || now);
        for asked_at in [now - SignedDuration::from_secs(11), now + SignedDuration::from_secs(1)] {
            clock.compare(&answered("Fri, 20 Nov 2026 11:50:00 GMT"), asked_at);
            assert_eq!(clock.fault(), None);
        }
    }

    fn answered(date: &str) -> http::HeaderMap {
        http::HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())])
    }
}

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;

/// When content was used last, and how often, where each use counts half as much after every three days.
///
/// It survives restarts in the modification time of the content's file, which nothing else needs: the seconds say when,
/// and the nanoseconds, in steps of 1,000, how often (a use is 64). So there is no second file that could be wrong, and
/// the record goes with the file. Times that something else wrote count as one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Seconds since 1970.
    pub(super) last: u32,
    /// In sixty-fourths of a use.
    pub(super) weight: u16,
}

impl Usage {
    /// The first use.
    pub fn first(now: Timestamp) -> Self {
        Self {
            last: seconds(now),
            weight: ONE,
        }
    }

    /// What is known after one more use. Uses that follow each other within half a minute are one: a client asks for
    /// the head, then for the body, then goes on where it broke off.
    #[must_use]
    pub fn used(self, now: Timestamp) -> Self {
        if self.is_ahead_of(now) {
            return Self {
                last: seconds(now),
                ..self
            };
        }
        let age = seconds(now).saturating_sub(self.last);
        if age < ONE_USE {
            return self;
        }
        let kept = f64::from(self.weight) * (-f64::from(age) / HALF_LIFE).exp2();
        Self {
            last: self.last + age,
            // Saturates at 1,023 uses.
            weight: (kept.round() as u16).saturating_add(ONE),
        }
    }

    /// What the content is worth: the moment, in seconds since 1970, at which content that was used just once would be
    /// worth as much. Each doubling of the uses is worth three days. It does not change with time, but that a use that is
    /// yet to come is worth nothing: a clock was wrong, and would keep the content until that moment.
    pub fn worth(self, now: Timestamp) -> f64 {
        if self.is_ahead_of(now) {
            return f64::NEG_INFINITY;
        }
        f64::from(self.last) + HALF_LIFE * self.uses().log2()
    }

    /// The uses, of which older ones count less.
    pub fn uses(self) -> f64 {
        f64::from(self.weight.max(1)) / f64::from(ONE)
    }

    /// When the last use was.
    pub fn last(self) -> Timestamp {
        Timestamp::from_second(self.last.into()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn is_ahead_of(self, now: Timestamp) -> bool {
        self.last > seconds(now).saturating_add(AHEAD)
    }

    /// What the file's times say.
    pub(crate) fn of(file: &Metadata) -> Self {
        let steps = u16::try_from(file.mtime_nsec() / STEP).ok();
        let own = steps.filter(|steps| *steps > 0 && file.mtime_nsec() % STEP == 0);
        Self {
            last: u32::try_from(file.mtime().max(0)).unwrap_or(u32::MAX),
            weight: own.unwrap_or(ONE),
        }
    }

    pub(crate) fn file_time(self) -> SystemTime {
        let nanoseconds = u32::from(self.weight) * STEP as u32;
        SystemTime::UNIX_EPOCH + Duration::new(self.last.into(), nanoseconds)
    }

    /// Whether a file that says `written` is told: a crash may cost some uses, and a busy file is not written each time.
    pub(crate) fn is_worth_writing(self, written: Self) -> bool {
        self.last.abs_diff(written.last) >= WRITTEN_EVERY
            || self.weight.checked_ilog2() != written.weight.checked_ilog2()
    }
}

fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX)
}

/// The weight of one use. Fine enough that what is left of old uses is not rounded away.
const ONE: u16 = 64;

/// Nanoseconds for one step of the weight: file systems that keep microseconds lose nothing.
const STEP: i64 = 1_000;

/// Seconds after which a use counts half. What is pulled every day is worth some five uses and outlives a crawl by a
/// week; what was pulled by everybody and is not wanted any more gives way within a month.
const HALF_LIFE: f64 = 3.0 * 24.0 * 3600.0;

/// Seconds by which clocks may differ, that of a machine from which the directory came for one.
const AHEAD: u32 = 24 * 3600;

/// Seconds.
const ONE_USE: u32 = 30;

/// Seconds.
const WRITTEN_EVERY: u32 = 600;

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const DAY: i64 = 24 * 3600;

    #[test]
    fn a_file_remembers_its_usage() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("x")).unwrap();
        let mut usage = Usage::first(at(1_800_000_000));
        for round in 1..5_000 {
            usage = usage.used(at(1_800_000_000 + round * 31));
            file.set_modified(usage.file_time()).unwrap();
            assert_eq!(Usage::of(&file.metadata().unwrap()), usage);
        }
        assert!(usage.uses() > 900.0, "{}", usage.uses());
    }

    #[test]
    fn times_of_another_program_count_as_one_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("x")).unwrap();
        for nanoseconds in [0, 1, 999_999_999, 123_456_789] {
            let time = SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000, nanoseconds);
            file.set_modified(time).unwrap();
            assert_eq!(Usage::of(&file.metadata().unwrap()), Usage::first(at(1_800_000_000)));
        }
    }

    #[test]
    fn what_is_asked_for_at_once_is_one_use() {
        let once = Usage::first(at(100));
        assert_eq!(once.used(at(100)).used(at(129)), once);
        assert_eq!(once.used(at(50)), once, "a clock that was set back");
        assert!(once.used(at(130)).uses() > 1.9);
    }

    #[test]
    fn a_use_far_in_the_future_is_worth_nothing_until_the_next_use() {
        let now = at(100 * DAY);
        let ahead = Usage::first(at(5_000 * DAY)).used(at(5_000 * DAY + 3600));
        assert!(ahead.worth(now) < Usage::first(at(0)).worth(now));
        let again = ahead.used(now);
        assert_eq!((again.last(), again.uses()), (now, ahead.uses()));
        assert!(again.is_worth_writing(ahead));
        let little = Usage::first(at(100 * DAY + 3600));
        assert!(
            little.worth(now) > Usage::first(now).worth(now),
            "clocks differ by hours"
        );
    }

    #[test]
    fn old_uses_count_less_and_less() {
        let twice = Usage::first(at(0)).used(at(3 * DAY));
        assert!((twice.uses() - 1.5).abs() < 0.01, "{}", twice.uses());
        let later = twice.used(at(300 * DAY));
        assert!((later.uses() - 1.0).abs() < 0.01, "{}", later.uses());
    }

    #[test]
    fn what_was_used_twice_is_worth_more_than_a_newer_single_use_for_days() {
        let twice = Usage::first(at(0)).used(at(3600));
        assert!(twice.worth(at(9 * DAY)) > Usage::first(at(2 * DAY)).worth(at(9 * DAY)));
        assert!(twice.worth(at(9 * DAY)) < Usage::first(at(4 * DAY)).worth(at(9 * DAY)));
        assert!(Usage::first(at(1)).worth(at(9 * DAY)) > Usage::first(at(0)).worth(at(9 * DAY)));
    }

    #[test]
    fn a_busy_file_is_written_seldom() {
        let mut written = Usage::first(at(0));
        let (mut usage, mut writes) = (written, 0);
        for second in 1..=DAY {
            usage = usage.used(at(second));
            if usage.is_worth_writing(written) {
                (written, writes) = (usage, writes + 1);
            }
        }
        assert!((140..=160).contains(&writes), "{writes} in a day");
    }
}

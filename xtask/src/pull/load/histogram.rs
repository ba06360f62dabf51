//! How long things took: counts in classes that are 1/64 apart, from a microsecond to minutes.

use std::time::Duration;

/// Durations, counted. What it says of them is up to 1.6 % too high, and never too low.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    classes: Vec<u64>,
    count: u64,
    largest: Duration,
}

/// Classes of one power of two, as a power of two.
const FINE: u32 = 6;

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            classes: vec![0; class(u64::from(u32::MAX)) + 1],
            count: 0,
            largest: Duration::ZERO,
        }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let class = class(micros).min(self.classes.len() - 1);
        self.classes[class] += 1;
        self.count += 1;
        self.largest = self.largest.max(time);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn largest(&self) -> Duration {
        self.largest
    }

    /// What this share of all (0 to 1) did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (class, count) in self.classes.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return Duration::from_micros(upper(class)).min(self.largest);
            }
        }
        self.largest
    }
}

/// The class of a number: the number itself up to 64, then 64 classes for each doubling.
fn class(number: u64) -> usize {
    let doublings = (64 - number.leading_zeros()).saturating_sub(FINE + 1);
    let within = number >> doublings;
    usize::try_from((u64::from(doublings) << FINE) + within).unwrap_or(usize::MAX)
}

/// The largest number of a class.
fn upper(class: usize) -> u64 {
    let class = class as u64;
    let doublings = (class >> FINE).saturating_sub(1);
    let within = class - (doublings << FINE);
    ((within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_each_other_without_gaps() {
        let mut last = 0;
        for number in 0..100_000_u64 {
            let class = class(number);
            assert!(class == last || class == last + 1, "{number}");
            assert!(upper(class) >= number, "{number}");
            assert!(upper(class) - number <= number / 64 + 1, "{number}");
            last = class;
        }
    }

    #[test]
    fn a_quantile_is_what_that_share_did_not_exceed() {
        let mut histogram = Histogram::new();
        for millis in 1..=100 {
            histogram.add(Duration::from_millis(millis));
        }
        let median = histogram.quantile(0.5).as_secs_f64();
        assert!((0.050..0.051).contains(&median), "{median}");
        assert_eq!(histogram.quantile(1.0), Duration::from_millis(100));
        assert_eq!(histogram.largest(), Duration::from_millis(100));
        assert_eq!(histogram.count(), 100);
        assert_eq!(Histogram::new().quantile(0.99), Duration::ZERO);
    }
}

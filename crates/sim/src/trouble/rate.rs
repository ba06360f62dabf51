use jiff::Timestamp;

use super::effect::Throttle;

/// A bucket of tokens that fills by the simulated time: as many calls at once as it holds, and then as many as flow in.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    per_second: f64,
    capacity: f64,
    left: f64,
    filled_at: Timestamp,
}

impl Tokens {
    /// A full bucket.
    pub(super) fn new(throttle: Throttle, now: Timestamp) -> Self {
        let per_second = throttle.per_second.get();
        let capacity = throttle
            .burst
            .map_or_else(|| per_second.ceil().max(1.0), |burst| f64::from(burst.get()));
        Self {
            per_second,
            capacity,
            left: capacity,
            filled_at: now,
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        // A clock of the machine may be set back; time that did not pass fills nothing.
        let passed = now.duration_since(self.filled_at).as_secs_f64().max(0.0);
        self.left = passed.mul_add(self.per_second, self.left).min(self.capacity);
        self.filled_at = now;
        // A whole number of periods must be worth as many tokens, whatever the rounding.
        if self.left < 1.0 - 1e-9 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::later;

    fn tokens(json: &str) -> (Tokens, Timestamp) {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        (Tokens::new(serde_json::from_str(json).unwrap(), now), now)
    }

    fn taken(tokens: &mut Tokens, now: Timestamp) -> usize {
        (0..1000).take_while(|_| tokens.take(now)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut tokens, now) = tokens(r#"{"perSecond": 2, "burst": 5}"#);
        assert_eq!(taken(&mut tokens, now), 5);
        assert_eq!(taken(&mut tokens, later(now, Duration::from_millis(499))), 0);
        assert_eq!(taken(&mut tokens, later(now, Duration::from_millis(1500))), 3);
        assert_eq!(taken(&mut tokens, later(now, Duration::from_secs(3600))), 5);
    }

    #[test]
    fn the_burst_is_a_second_of_the_rate_where_nothing_is_said() {
        let (mut few, now) = tokens(r#"{"perSecond": 2.5}"#);
        assert_eq!(taken(&mut few, now), 3);
        let (mut rare, now) = tokens(r#"{"perSecond": 0.1}"#);
        assert_eq!(taken(&mut rare, now), 1);
        assert_eq!(taken(&mut rare, later(now, Duration::from_secs(9))), 0);
        assert_eq!(taken(&mut rare, later(now, Duration::from_secs(10))), 1);
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing() {
        let (mut tokens, now) = tokens(r#"{"perSecond": 1}"#);
        assert_eq!(taken(&mut tokens, now), 1);
        assert_eq!(
            taken(&mut tokens, crate::clock::earlier(now, Duration::from_secs(60))),
            0
        );
    }
}

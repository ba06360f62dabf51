/// Numbers that look random and are the same for the same seed, rule and call.
///
/// Each number is a function of its place in the series alone (splitmix64), so neither the time nor what other rules
/// did has any part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance(u64);

/// What is drawn for one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Draw {
    /// From 0 to below 1.
    pub(super) share: f64,
    pub(super) number: u64,
}

impl Chance {
    /// The series of the rule with this name.
    pub(super) fn new(seed: u64, id: &str) -> Self {
        // FNV-1a, so that rules of the same seed do not strike in step.
        let name = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mix(seed) ^ name)
    }

    /// What is drawn for the call with this number.
    pub(super) fn draw(self, call: u64) -> Draw {
        let first = mix(self.0.wrapping_add(call.wrapping_mul(STEP)));
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds exactly")]
        let share = (first >> 11) as f64 / (1_u64 << 53) as f64;
        Draw {
            share,
            number: mix(first),
        }
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// splitmix64's output for a state.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(STEP);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seed: u64, id: &str) -> Vec<bool> {
        let chance = Chance::new(seed, id);
        (0..200).map(|call| chance.draw(call).share < 0.5).collect()
    }

    #[test]
    fn splitmix64_is_the_published_one() {
        // The first outputs of the reference implementation for the state 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(mix(1_234_567_u64.wrapping_add(STEP)), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_series_is_of_its_seed_and_its_rule() {
        assert_eq!(series(1, "a"), series(1, "a"));
        assert_ne!(series(1, "a"), series(2, "a"));
        assert_ne!(series(1, "a"), series(1, "b"));
    }

    #[test]
    fn shares_are_spread() {
        let chance = Chance::new(7, "a");
        let below = (0..10_000).filter(|call| chance.draw(*call).share < 0.3).count();
        assert!((2_800..3_200).contains(&below), "{below}");
    }
}

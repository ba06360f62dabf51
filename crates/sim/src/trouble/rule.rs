use jiff::Timestamp;
use serde::Serialize;

use super::{chance::Chance, effect::Effect, fault::Fault, rate::Tokens, when::Subject};

/// A rule that is in force, and how far it has come.
///
/// It counts its own calls only and knows nothing of other rules, so that one that is added does not change what
/// another does.
#[derive(Debug)]
pub(super) struct Rule {
    fault: Fault,
    chance: Chance,
    tokens: Option<Tokens>,
    matched: u64,
    struck: u64,
}

/// What a rule does to one call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Blow {
    pub(super) id: String,
    pub(super) effect: Effect,
    /// Drawn for this call, for effects that are not always the same.
    pub(super) number: u64,
}

/// A rule and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// The rule.
    pub fault: Fault,
    /// How many calls it was about.
    pub matched: u64,
    /// How many of these it struck.
    pub struck: u64,
    /// Whether it has struck as often as it may.
    pub spent: bool,
}

impl Rule {
    pub(super) fn new(fault: Fault, seed: u64, now: Timestamp) -> Self {
        let tokens = match &fault.what {
            Effect::Throttle(throttle) => Some(Tokens::new(*throttle, now)),
            _ => None,
        };
        Self {
            chance: Chance::new(seed, fault.id()),
            tokens,
            fault,
            matched: 0,
            struck: 0,
        }
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.fault
    }

    pub(super) fn status(&self) -> FaultStatus {
        FaultStatus {
            fault: self.fault.clone(),
            matched: self.matched,
            struck: self.struck,
            spent: self.is_spent(),
        }
    }

    /// Counts a call if the rule is about it, and decides whether it is struck.
    pub(super) fn meet(&mut self, subject: &Subject, now: Timestamp) -> Option<Blow> {
        if !self.fault.when.matches(subject) {
            return None;
        }
        let call = self.matched;
        self.matched += 1;
        if call < self.fault.skip || self.is_spent() {
            return None;
        }
        let draw = self.chance.draw(call);
        if draw.share >= self.fault.probability.get() {
            return None;
        }
        // A call within the rate is none that was struck.
        if self.tokens.as_mut().is_some_and(|tokens| tokens.take(now)) {
            return None;
        }
        self.struck += 1;
        Some(Blow {
            id: self.fault.id().to_owned(),
            effect: self.fault.what.clone(),
            number: draw.number,
        })
    }

    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.struck >= times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::when::Target;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn rule(json: &str, seed: u64) -> Rule {
        Rule::new(json.parse().unwrap(), seed, NOW)
    }

    fn subject(target: Target) -> Subject {
        Subject {
            target,
            action: "sts:AssumeRole".to_owned(),
            host: "sts.amazonaws.com".to_owned(),
            account: None,
            repository: None,
            digest: None,
        }
    }

    fn series(rule: &mut Rule, calls: usize) -> Vec<bool> {
        let subject = subject(Target::Sts);
        (0..calls).map(|_| rule.meet(&subject, NOW).is_some()).collect()
    }

    #[test]
    fn the_first_calls_are_left_alone_and_then_as_many_are_struck_as_it_says() {
        let mut rule = rule(r#"{"id":"a","skip":2,"times":3,"what":"hang"}"#, 0);
        assert_eq!(series(&mut rule, 7), [false, false, true, true, true, false, false]);
        let status = rule.status();
        assert_eq!((status.matched, status.struck, status.spent), (7, 3, true));
    }

    #[test]
    fn calls_that_it_is_not_about_do_not_count() {
        let mut rule = rule(r#"{"id":"a","when":{"service":"sts"},"skip":1,"what":"hang"}"#, 0);
        assert!(rule.meet(&subject(Target::Iam), NOW).is_none());
        assert_eq!(series(&mut rule, 2), [false, true]);
        assert_eq!(rule.status().matched, 2);
    }

    #[test]
    fn a_seed_makes_a_series() {
        let json = r#"{"id":"a","probability":0.5,"what":"hang"}"#;
        let first = series(&mut rule(json, 1), 64);
        assert_eq!(first, series(&mut rule(json, 1), 64));
        assert_ne!(first, series(&mut rule(json, 2), 64));
        assert!(first.contains(&true) && first.contains(&false));
        let never = r#"{"id":"a","probability":0,"what":"hang"}"#;
        assert!(!series(&mut rule(never, 1), 64).contains(&true));
    }

    #[test]
    fn calls_within_a_rate_are_not_struck() {
        let json = r#"{"id":"a","times":2,"what":{"throttle":{"perSecond":1,"burst":2}}}"#;
        let mut rule = rule(json, 0);
        assert_eq!(series(&mut rule, 6), [false, false, true, true, false, false]);
    }
}

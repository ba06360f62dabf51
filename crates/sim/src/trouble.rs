//! Trouble on demand: rules by which calls go wrong, and the network between clients and this AWS.
//!
//! A rule is laid against a call twice at most: before the service sees the call, and where it is about bodies, once
//! the answer is known to have one. What it then does is a matter of its own count of calls and of the seed alone.

mod answer;
mod body;
mod chance;
mod effect;
mod ended;
mod fault;
mod fetch;
mod json;
mod limit;
mod network;
mod rate;
mod rule;
mod subject;
mod visit;
mod when;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub(crate) use answer::internal_failure;
pub use fault::Fault;
pub(crate) use fetch::FetchTrouble;
pub use json::InvalidFault;
pub(crate) use json::read_object;
pub use network::Network;
pub use rule::FaultStatus;
pub(crate) use visit::{Passage, Visit};

use crate::{
    clock::{Clock, earlier},
    wire::Severed,
};
use ended::EndedUrls;
use rule::{Blow, Rule};
use when::{Subject, Target};

/// The troubles of a simulated AWS. Clones share them, so whoever keeps one can change them while the AWS runs.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Inner>);

/// Why rules were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// Two rules of one list have the same name.
    #[error("two faults are named `{0}`: each needs an id of its own")]
    SameId(String),
    /// There would be too many.
    #[error("{0} faults are too many: at most {max} are expected", max = Trouble::MAX_FAULTS)]
    TooMany(usize),
}

#[derive(Default)]
struct Inner {
    clock: Clock,
    settings: Mutex<Settings>,
    /// Whether there is any rule or network: without them a call costs no more than this.
    active: AtomicBool,
    /// How often rules about issuers were put in force.
    issuer_rules: AtomicU64,
    ended: Mutex<EndedUrls>,
    /// Nobody waits for anything any more.
    end: CancellationToken,
}

#[derive(Default)]
struct Settings {
    seed: u64,
    rules: Vec<Rule>,
    networks: Vec<Network>,
}

/// How many seconds a URL that is given out may be old, in place of one that has ended.
const MAX_AGE: u64 = 600;

impl Trouble {
    /// How many rules there may be.
    pub const MAX_FAULTS: usize = 1000;

    /// No trouble yet. Whatever waits on its behalf stops when `end` is cancelled.
    pub(crate) fn new(clock: Clock, end: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            clock,
            end,
            ..Inner::default()
        }))
    }

    /// The rules, in their order, and how far each has come.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.settings().rules.iter().map(Rule::status).collect()
    }

    /// Replaces all rules. All counts begin anew.
    ///
    /// # Errors
    /// Where two have one name, or there are more than [`Trouble::MAX_FAULTS`]; the rules are then as before.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), FaultsError> {
        if faults.len() > Self::MAX_FAULTS {
            return Err(FaultsError::TooMany(faults.len()));
        }
        let mut ids = std::collections::HashSet::new();
        if let Some(twice) = faults.iter().find(|fault| !ids.insert(fault.id())) {
            return Err(FaultsError::SameId(twice.id().to_owned()));
        }
        let of_issuer = faults.iter().any(Fault::is_of_issuer);
        self.change(|settings| {
            let seed = settings.seed;
            let rules = faults.into_iter().map(|fault| self.rule(fault, seed));
            settings.rules = rules.collect();
        });
        self.begin_anew(of_issuer);
        Ok(())
    }

    /// Adds a rule behind the others; one of the same name is replaced, in its place, and counts anew.
    ///
    /// # Errors
    /// Where there are [`Trouble::MAX_FAULTS`] others.
    pub fn add_fault(&self, fault: Fault) -> Result<(), FaultsError> {
        let of_issuer = fault.is_of_issuer();
        self.change(|settings| {
            let rule = self.rule(fault, settings.seed);
            let same = |other: &&mut Rule| other.fault().id() == rule.fault().id();
            if let Some(place) = settings.rules.iter_mut().find(same) {
                *place = rule;
            } else if settings.rules.len() < Self::MAX_FAULTS {
                settings.rules.push(rule);
            } else {
                return Err(FaultsError::TooMany(settings.rules.len() + 1));
            }
            Ok(())
        })?;
        self.begin_anew(of_issuer);
        Ok(())
    }

    /// Removes the rule of this name; whether there was one.
    pub fn remove_fault(&self, id: &str) -> bool {
        self.change(|settings| {
            let before = settings.rules.len();
            settings.rules.retain(|rule| rule.fault().id() != id);
            settings.rules.len() < before
        })
    }

    /// Removes all rules. URLs that a rule let expire stay expired.
    pub fn clear_faults(&self) {
        self.change(|settings| settings.rules.clear());
    }

    /// What all that is drawn depends on.
    pub fn seed(&self) -> u64 {
        self.settings().seed
    }

    /// Sets what all that is drawn depends on; all counts begin anew.
    pub fn set_seed(&self, seed: u64) {
        self.change(|settings| {
            settings.seed = seed;
            for rule in &mut settings.rules {
                *rule = self.rule(rule.fault().clone(), seed);
            }
        });
    }

    /// The networks that are set.
    pub fn networks(&self) -> Vec<Network> {
        self.settings().networks.clone()
    }

    /// Sets the network to all services or to one, in place of what was set there. Answers that have begun go on as
    /// they began.
    pub fn set_network(&self, network: Network) {
        self.change(|settings| {
            settings.networks.retain(|other| other.target() != network.target());
            settings.networks.push(network);
        });
    }

    /// The network is as fast as it can be again, to all services.
    pub fn clear_networks(&self) {
        self.change(|settings| settings.networks.clear());
    }

    /// Which rules about issuers are in force: another number after each change that puts one in force. What was fetched
    /// under another number must not be kept, for a rule strikes fetches alone.
    pub(crate) fn issuer_rules(&self) -> u64 {
        self.0.issuer_rules.load(Ordering::Acquire)
    }

    /// Whether the presigned URL with this signature was made to expire.
    pub(crate) fn has_ended(&self, signature: &str) -> bool {
        self.ended().has(signature)
    }

    /// A presigned URL that has not ended: signed now, or as many seconds before as it takes to get another signature
    /// than those of URLs that have.
    pub(crate) fn fresh_url(&self, now: Timestamp, presign: impl Fn(Timestamp) -> Option<String>) -> Option<String> {
        (0..MAX_AGE)
            .filter_map(|age| presign(earlier(now, Duration::from_secs(age))))
            .find(|url| {
                let signature = url.split_once("X-Amz-Signature=").map_or("", |(_, rest)| rest);
                !self.has_ended(signature.split('&').next().unwrap_or_default())
            })
    }

    fn begin_anew(&self, of_issuer: bool) {
        if of_issuer {
            self.0.issuer_rules.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn end_url(&self, signature: String) {
        self.ended().add(signature);
    }

    /// Waits for a time, or for ever; an end of this AWS cuts it short.
    async fn wait(&self, time: Option<Duration>) -> Result<(), Severed> {
        let wait = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        self.0.end.run_until_cancelled(wait).await.ok_or(Severed)
    }

    fn is_active(&self) -> bool {
        self.0.active.load(Ordering::Acquire)
    }

    /// Whether any rule could be about a call of this service.
    fn is_about(&self, target: Target) -> bool {
        self.is_active()
            && self
                .settings()
                .rules
                .iter()
                .any(|rule| rule.fault().when.is_about(target))
    }

    /// Whether any rule could be about what a call of this service says in its body. The Query services name even the
    /// action there.
    fn asks_for_content(&self, target: Target) -> bool {
        target != Target::Ecr
            || self
                .settings()
                .rules
                .iter()
                .any(|rule| rule.fault().when.asks_for_content())
    }

    /// What the rules do to a call, in their order: those on bodies, or the others.
    fn meet(&self, subject: &Subject, concerns: impl Fn(&Fault) -> bool) -> Vec<Blow> {
        let now = self.0.clock.now();
        let mut settings = self.settings();
        let rules = settings.rules.iter_mut().filter(|rule| concerns(rule.fault()));
        rules.filter_map(|rule| rule.meet(subject, now)).collect()
    }

    /// The network to a service: its own, or that to all.
    fn network(&self, target: Target) -> Network {
        if !self.is_active() {
            return Network::default();
        }
        let settings = self.settings();
        let to = |target| settings.networks.iter().find(|network| network.target() == target);
        to(Some(target)).or_else(|| to(None)).copied().unwrap_or_default()
    }

    fn rule(&self, fault: Fault, seed: u64) -> Rule {
        Rule::new(fault, seed, self.0.clock.now())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> T {
        let mut settings = self.settings();
        let result = change(&mut settings);
        let active = !settings.rules.is_empty() || !settings.networks.is_empty();
        self.0.active.store(active, Ordering::Release);
        result
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.0.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, EndedUrls> {
        self.0.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let settings = self.settings();
        f.debug_struct("Trouble")
            .field("seed", &settings.seed)
            .field("rules", &settings.rules)
            .field("networks", &settings.networks)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(id: &str) -> Fault {
        format!(r#"{{"id":"{id}","what":"hang"}}"#).parse().unwrap()
    }

    fn ids(trouble: &Trouble) -> Vec<String> {
        let faults = trouble.faults();
        faults.iter().map(|status| status.fault.id().to_owned()).collect()
    }

    #[test]
    fn rules_come_and_go() {
        let trouble = Trouble::default();
        assert!(!trouble.is_active());
        trouble.set_faults(vec![fault("a"), fault("b")]).unwrap();
        trouble.clone().add_fault(fault("c")).unwrap();
        trouble.add_fault(fault("a")).unwrap();
        assert_eq!(ids(&trouble), ["a", "b", "c"]);
        assert!(trouble.is_active());
        assert!(trouble.remove_fault("b"));
        assert!(!trouble.remove_fault("b"));
        assert_eq!(ids(&trouble), ["a", "c"]);
        trouble.clear_faults();
        assert!(!trouble.is_active());
    }

    #[test]
    fn names_are_not_given_twice_and_rules_are_not_without_number() {
        let trouble = Trouble::default();
        trouble.add_fault(fault("kept")).unwrap();
        let same = trouble.set_faults(vec![fault("a"), fault("a")]).unwrap_err();
        assert_eq!(same, FaultsError::SameId("a".to_owned()));
        let many = |count: usize| (0..count).map(|number| fault(&number.to_string())).collect::<Vec<_>>();
        let error = trouble.set_faults(many(1001)).unwrap_err();
        assert_eq!(error.to_string(), "1001 faults are too many: at most 1000 are expected");
        assert_eq!(ids(&trouble), ["kept"]);
        trouble.set_faults(many(1000)).unwrap();
        assert_eq!(trouble.add_fault(fault("more")), Err(FaultsError::TooMany(1001)));
        trouble.add_fault(fault("7")).unwrap();
    }

    #[test]
    fn a_url_in_place_of_one_that_ended_is_another() {
        let trouble = Trouble::default();
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let fresh = || {
            let presign = |at: Timestamp| Some(format!("u?X-Amz-Signature={}&x=1", at.as_second()));
            trouble.fresh_url(now, presign).unwrap()
        };
        let first = fresh();
        assert_eq!(first, format!("u?X-Amz-Signature={}&x=1", now.as_second()));
        trouble.end_url(now.as_second().to_string());
        assert_eq!(fresh(), format!("u?X-Amz-Signature={}&x=1", now.as_second() - 1));
    }

    #[test]
    fn a_service_s_own_network_goes_first() {
        let trouble = Trouble::default();
        let network = |json: &str| json.parse::<Network>().unwrap();
        trouble.set_network(network(r#"{"latencyMillis":5}"#));
        trouble.set_network(network(r#"{"service":"layerBucket","bytesPerSecond":7}"#));
        trouble.set_network(network(r#"{"service":"layerBucket","bytesPerSecond":8}"#));
        assert_eq!(trouble.networks().len(), 2);
        assert_eq!(trouble.network(Target::LayerBucket).rate().map(u64::from), Some(8));
        assert_eq!(trouble.network(Target::LayerBucket).delay(), None);
        assert_eq!(trouble.network(Target::Sts).delay(), Some(Duration::from_millis(5)));
        trouble.clear_networks();
        assert!(!trouble.is_active());
    }
}

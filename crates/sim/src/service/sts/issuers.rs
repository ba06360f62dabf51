use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use jiff::Timestamp;

use super::issuer::{Failure, Found, Internet, IssuersError};
use crate::{
    clock::{Clock, later},
    resolve::Hosts,
    trouble::Trouble,
};

/// How the simulated STS deals with issuers.
#[derive(Clone, Debug)]
pub(crate) struct IssuerSettings {
    /// Where hosts are found, instead of by DNS.
    pub(crate) hosts: Hosts,
    /// Certificate authorities (PEM) that AWS trusts beside the public ones.
    pub(crate) trust: Vec<String>,
    /// How long a key set is kept; zero to fetch it for each token.
    pub(crate) key_set_lifetime: Duration,
    /// How long discovery and key set may take together.
    pub(crate) time_limit: Duration,
}

/// The issuers and what is kept of them.
///
/// How long STS keeps a key set is not documented. Failures are not kept, so that an issuer that is repaired is well at
/// once.
pub(crate) struct Issuers {
    internet: Arc<Internet>,
    clock: Clock,
    lifetime: Duration,
    trouble: Trouble,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<String, Kept>,
    /// What is being fetched. When the last of those who wait has left, nobody fetches any more.
    running: HashMap<String, WeakShared<Fetch>>,
    /// The rules under which all of this was fetched; others begin without it, or they would strike nothing.
    rules: u64,
}

struct Kept {
    found: Arc<Found>,
    fetched: Timestamp,
    /// When the issuer was last asked.
    asked: Timestamp,
}

type Fetch = BoxFuture<'static, Result<Arc<Found>, Arc<Failure>>>;

/// How many issuers are kept; there are 100 providers in an account, and any number of accounts.
const CAPACITY: usize = 1024;

/// How often an issuer is asked for a key that its kept set does not have.
const PATIENCE: Duration = Duration::from_secs(1);

impl Default for IssuerSettings {
    /// STS gives up on an issuer after 5 seconds.
    fn default() -> Self {
        Self {
            hosts: Hosts::default(),
            trust: Vec::new(),
            key_set_lifetime: Duration::ZERO,
            time_limit: Duration::from_secs(5),
        }
    }
}

impl Issuers {
    pub(crate) fn new(settings: &IssuerSettings, clock: Clock, trouble: Trouble) -> Result<Self, IssuersError> {
        let internet = Internet::new(&settings.hosts, &settings.trust, settings.time_limit, trouble.clone())?;
        Ok(Self {
            internet: Arc::new(internet),
            clock,
            lifetime: settings.key_set_lifetime,
            trouble,
            state: Mutex::default(),
        })
    }

    /// The keys of an issuer: those that are kept, or else fresh ones. A key id that is not among those that are kept
    /// may be new, so the issuer is asked for it.
    pub(super) async fn find(&self, issuer: &str, key_id: Option<&str>) -> Result<Arc<Found>, Arc<Failure>> {
        if self.lifetime.is_zero() {
            return self.internet.fetch(issuer).await.map(Arc::new).map_err(Arc::new);
        }
        if let Some(found) = self.kept(issuer, key_id) {
            return Ok(found);
        }
        let (fetch, rules) = self.join(issuer);
        let found = fetch.await;
        self.finish(issuer, found.as_ref().ok(), rules);
        found
    }

    fn kept(&self, issuer: &str, key_id: Option<&str>) -> Option<Arc<Found>> {
        let now = self.clock.now();
        let mut state = self.state();
        let kept = state.kept.get_mut(issuer)?;
        if later(kept.fetched, self.lifetime) <= now {
            return None;
        }
        let lacks = key_id.is_some_and(|id| !kept.found.keys.has(id));
        if lacks && later(kept.asked, PATIENCE) <= now {
            kept.asked = now;
            return None;
        }
        Some(Arc::clone(&kept.found))
    }

    /// Joins those who wait for an issuer, or begins to fetch. The number is that of the rules it is fetched under.
    fn join(&self, issuer: &str) -> (Shared<Fetch>, u64) {
        let mut state = self.state();
        let rules = state.rules;
        if let Some(fetch) = state.running.get(issuer).and_then(WeakShared::upgrade) {
            return (fetch, rules);
        }
        let internet = Arc::clone(&self.internet);
        let url = issuer.to_owned();
        let fetch = async move { internet.fetch(&url).await.map(Arc::new).map_err(Arc::new) };
        let fetch = fetch.boxed().shared();
        if state.running.len() >= CAPACITY {
            state.running.retain(|_, fetch| fetch.upgrade().is_some());
        }
        if let Some(weak) = fetch.downgrade() {
            state.running.insert(issuer.to_owned(), weak);
        }
        (fetch, rules)
    }

    /// Keeps what was found, unless other rules are in force by now. Each of those who waited does so, to no harm.
    fn finish(&self, issuer: &str, found: Option<&Arc<Found>>, rules: u64) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.rules != rules {
            return;
        }
        state.running.remove(issuer);
        let Some(found) = found else { return };
        if state.kept.len() >= CAPACITY && !state.kept.contains_key(issuer) {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.fetched);
            if let Some(oldest) = oldest.map(|(issuer, _)| issuer.clone()) {
                state.kept.remove(&oldest);
            }
        }
        let kept = Kept {
            found: Arc::clone(found),
            fetched: now,
            asked: now,
        };
        state.kept.insert(issuer.to_owned(), kept);
    }

    /// Held for as long as it takes to look something up, and never while something is awaited.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.trouble.issuer_rules();
        if state.rules != rules {
            *state = State {
                rules,
                ..State::default()
            };
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::sync::CancellationToken;

    use crate::service::sts::{key_set::KeySet, vouched::Vouched};

    fn found() -> Arc<Found> {
        Arc::new(Found {
            keys: KeySet::parse(br#"{"keys":[]}"#).unwrap(),
            vouched: Vouched::default(),
        })
    }

    fn quiet(clock: &Clock) -> Trouble {
        Trouble::new(clock.clone(), CancellationToken::new())
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let clock = Clock::stopped_at("2026-11-20T12:00:00Z".parse().unwrap());
        let settings = IssuerSettings {
            key_set_lifetime: Duration::from_secs(3600),
            ..IssuerSettings::default()
        };
        let issuers = Issuers::new(&settings, clock.clone(), quiet(&clock)).unwrap();
        for number in 0..=CAPACITY {
            issuers.finish(&number.to_string(), Some(&found()), 0);
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(issuers.state().kept.len(), CAPACITY);
        assert!(issuers.kept("0", None).is_none());
        assert!(issuers.kept("1", None).is_some());
        assert!(issuers.kept(&CAPACITY.to_string(), None).is_some());
    }

    #[tokio::test]
    async fn a_fetch_that_nobody_waits_for_is_forgotten() {
        let clock = Clock::system();
        let issuers = Issuers::new(&IssuerSettings::default(), clock.clone(), quiet(&clock)).unwrap();
        for number in 0..=CAPACITY {
            drop(issuers.join(&number.to_string()));
        }
        assert!(issuers.state().running.len() <= CAPACITY);
        let (fetch, _) = issuers.join("one");
        assert!(fetch.ptr_eq(&issuers.join("one").0));
        assert!(!fetch.ptr_eq(&issuers.join("two").0));
    }

    #[test]
    fn a_rule_about_issuers_finds_nothing_kept() {
        let clock = Clock::stopped_at("2026-11-20T12:00:00Z".parse().unwrap());
        let trouble = quiet(&clock);
        let settings = IssuerSettings {
            key_set_lifetime: Duration::from_secs(3600),
            ..IssuerSettings::default()
        };
        let issuers = Issuers::new(&settings, clock, trouble.clone()).unwrap();
        let rule = |when: &str| format!(r#"{{"id":"a","when":{when},"what":"hang"}}"#).parse().unwrap();
        let (early, rules) = issuers.join("early");
        issuers.finish("one", Some(&found()), rules);
        trouble.add_fault(rule(r#"{"service":"sts"}"#)).unwrap();
        assert!(issuers.kept("one", None).is_some());
        trouble
            .set_faults(vec![rule(r#"{"action":"issuer:GetKeys"}"#)])
            .unwrap();
        assert!(issuers.kept("one", None).is_none());
        // What was under way is neither joined nor kept.
        let (late, now) = issuers.join("early");
        assert!(!late.ptr_eq(&early));
        issuers.finish("early", Some(&found()), rules);
        assert!(issuers.kept("early", None).is_none());
        issuers.finish("early", Some(&found()), now);
        assert!(issuers.kept("early", None).is_some());
    }
}

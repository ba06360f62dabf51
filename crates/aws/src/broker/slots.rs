use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::slot::Slot;
use crate::{Caller, RegistryHost};

/// A login belongs to a principal and a region, not to a registry: it opens every registry of the region in which the
/// principal is allowed. ECR Public has logins of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    caller: Arc<Caller>,
    partition: &'static str,
    region: String,
    fips: bool,
    dual_stack: bool,
    public: bool,
}

impl Key {
    pub(super) fn new(caller: &Arc<Caller>, host: &RegistryHost) -> Self {
        Self {
            caller: caller.clone(),
            partition: host.partition(),
            region: host.region().to_owned(),
            fips: host.is_fips(),
            dual_stack: host.is_dual_stack(),
            public: host.is_public(),
        }
    }
}

/// What there is for each key. Upstreams come and go; what they leave behind goes when twice as much has gathered as was
/// of use the last time, so that a new key costs the same however many there are.
#[derive(Default)]
pub(super) struct Slots {
    by_key: HashMap<Key, Arc<Slot>>,
    sweep_at: usize,
}

impl Slots {
    pub(super) fn slot(&mut self, key: Key, now: Timestamp) -> Arc<Slot> {
        if self.by_key.len() >= self.sweep_at && !self.by_key.contains_key(&key) {
            self.by_key
                .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.is_of_use(now));
            self.sweep_at = (2 * self.by_key.len()).max(FEW);
        }
        self.by_key.entry(key).or_default().clone()
    }
}

/// So many slots are not worth a sweep.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Chain, SessionName};

    #[test]
    fn what_is_left_behind_does_not_gather() {
        let chain = Chain::new(
            serde_json::from_value(json!({"ambient": {}})).unwrap(),
            Vec::new(),
            None,
        )
        .unwrap();
        let caller = |subject: usize| Caller {
            chain: Arc::new(chain.clone()),
            role: None,
            subject: subject.to_string(),
            session_name: SessionName::of(&["acme"]),
            tags: Vec::new(),
            source_identity: None,
            session_policy: None,
        };
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        let mut slots = Slots::default();
        let mut slot = |at| slots.slot(Key::new(&Arc::new(caller(at)), &host), Timestamp::UNIX_EPOCH);
        let held = slot(0);
        for at in 1..1000 {
            drop(slot(at));
        }
        assert!(Arc::ptr_eq(&held, &slot(0)), "what is in use stays");
        assert!(slots.by_key.len() <= FEW + 1, "{}", slots.by_key.len());
    }
}

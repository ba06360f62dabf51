use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use oidc::Issuer;

use crate::{
    AwsError, Login, Observer, RegistryHost, SessionName, Source,
    connector::Connector,
    exchange::{Clock, Exchange},
};

/// Makes logins, holds them while they are good, and makes each of them once however many ask for it.
pub struct Broker {
    exchange: Exchange,
    clock: Clock,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// As whom to log in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// How the identity begins.
    pub source: Source,
    /// The subject of the token.
    pub subject: String,
    /// The name of the role session.
    pub session_name: SessionName,
}

/// A login belongs to a principal and a region, not to a registry: it opens every registry of the region in which the
/// principal is allowed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    account: Account,
    partition: &'static str,
    region: String,
    fips: bool,
    dual_stack: bool,
}

/// The place of one login.
#[derive(Default)]
struct Slot {
    current: ArcSwapOption<Login>,
    /// How many exchanges were made.
    made: AtomicU64,
    /// Held during an exchange; what the last one failed with, if it did.
    exchange: tokio::sync::Mutex<Option<AwsError>>,
}

impl Broker {
    /// A broker that mints with `issuer` and connects out by `client`. `clock` says what time it is.
    pub fn new(
        issuer: Arc<Issuer>,
        client: reqwest::Client,
        observer: Arc<dyn Observer>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock(Arc::new(clock));
        let exchange = Exchange {
            issuer,
            http: Connector::shared(client),
            observer,
            clock: clock.clone(),
        };
        Self {
            exchange,
            clock,
            slots: Mutex::default(),
        }
    }

    /// A login for the registries of the host's region: the one at hand while it is good, else a new one. Whoever asks
    /// while an exchange is under way waits for it and shares its outcome, a failure included.
    ///
    /// # Errors
    /// [`AwsError`] where AWS does not give one.
    pub async fn login(&self, account: &Account, host: &RegistryHost) -> Result<Arc<Login>, AwsError> {
        let slot = self.slot(account, host);
        if let Some(login) = slot.good(self.clock.now()) {
            return Ok(login);
        }
        let made = slot.made.load(Ordering::Acquire);
        let mut failure = slot.exchange.lock().await;
        let now = self.clock.now();
        if let Some(login) = slot.good(now) {
            return Ok(login);
        }
        if slot.made.load(Ordering::Acquire) != made
            && let Some(failure) = &*failure
        {
            return Err(failure.clone());
        }
        let Source::WebIdentity(identity) = &account.source;
        let outcome = self
            .exchange
            .login(identity, &account.subject, &account.session_name, host)
            .await;
        slot.made.fetch_add(1, Ordering::Release);
        match outcome {
            Ok(login) => {
                let login = Arc::new(login);
                slot.current.store(Some(login.clone()));
                *failure = None;
                Ok(login)
            }
            Err(error) => {
                *failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Drops a login that AWS did not accept, unless a newer one took its place meanwhile.
    pub fn forget(&self, account: &Account, host: &RegistryHost, login: &Arc<Login>) {
        let slot = self.slot(account, host);
        slot.current.rcu(|current| match current {
            Some(current) if Arc::ptr_eq(current, login) => None,
            other => other.clone(),
        });
    }

    fn slot(&self, account: &Account, host: &RegistryHost) -> Arc<Slot> {
        let key = Key {
            account: account.clone(),
            partition: host.partition(),
            region: host.region().to_owned(),
            fips: host.is_fips(),
            dual_stack: host.is_dual_stack(),
        };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&key) {
            // Upstreams come and go; what they leave behind goes when the next one comes.
            let now = self.clock.now();
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.good(now).is_some());
        }
        slots.entry(key).or_default().clone()
    }
}

impl Slot {
    fn good(&self, now: Timestamp) -> Option<Arc<Login>> {
        self.current.load_full().filter(|login| login.is_good(now))
    }
}

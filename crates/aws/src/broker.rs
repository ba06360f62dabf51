mod policies;
mod slot;
mod slots;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use oidc::Issuer;

use self::{
    policies::Policies,
    slot::Slot,
    slots::{Key, Slots},
};
use crate::{
    Allowance, AwsError, Caller, Calls, Endpoints, Login, Observer, Refusal, RegistryHost, Session, Silent,
    clock::Clock, connector::Connector, exchange::Exchange, explain,
};

/// Makes logins, holds them while they are good, and makes each of them once however many ask for it.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    clock: Clock,
    calls: Arc<Calls>,
    slots: Mutex<Slots>,
    policies: Policies,
}

/// What a broker works with beside its HTTP client and its clock.
pub struct Settings {
    /// The issuer that mints tokens, where there is one.
    pub issuer: Option<Arc<Issuer>>,
    /// Who is told of each step.
    pub observer: Arc<dyn Observer>,
    /// Where AWS's APIs are.
    pub endpoints: Endpoints,
    /// What sources may use of this machine.
    pub allowance: Allowance,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer: None,
            observer: Arc::new(Silent),
            endpoints: Endpoints::default(),
            allowance: Allowance::default(),
        }
    }
}

impl Broker {
    /// A broker that connects out by `client`. `clock` says what time it is.
    pub fn new(
        settings: Settings,
        client: reqwest::Client,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let (clock, calls) = (Clock::new(clock), Arc::<Calls>::default());
        let exchange = Exchange {
            issuer: settings.issuer,
            http: Connector::shared(client.clone(), clock.clone(), calls.clone()),
            client,
            observer: settings.observer,
            clock: clock.clone(),
            endpoints: settings.endpoints,
            allowance: settings.allowance,
        };
        Self(Arc::new(Inner {
            exchange,
            clock,
            calls,
            slots: Mutex::default(),
            policies: Policies::default(),
        }))
    }

    /// What became of the calls to AWS.
    pub fn calls(&self) -> Arc<Calls> {
        self.0.calls.clone()
    }

    /// A login for the registries of the host's region: the one at hand while it is good, else a new one. Whoever asks
    /// while an exchange is under way waits for it and shares its outcome, a failure included; it goes on when nobody
    /// waits any more.
    ///
    /// A login that has been good for most of its life is renewed in the background, and used until that is done. Where
    /// AWS cannot be reached meanwhile, that is tried again, less and less often.
    ///
    /// # Errors
    /// [`AwsError`] where AWS does not give one.
    pub async fn login(&self, caller: &Arc<Caller>, host: &RegistryHost) -> Result<Arc<Login>, AwsError> {
        let slot = self.slot(caller, host);
        let (inner, caller, host) = (self.0.clone(), caller.clone(), host.clone());
        let make = move || async move { inner.exchange.login(&caller, &host).await };
        let clock = self.0.clock.clone();
        slot.login(move || clock.moment(), make).await
    }

    /// A session at the end of the caller's chain, made anew. STS is asked in the host's region.
    ///
    /// # Errors
    /// [`AwsError`] where AWS does not give one.
    pub async fn session(&self, caller: &Caller, host: &RegistryHost) -> Result<Session, AwsError> {
        self.0.exchange.session(caller, host).await
    }

    /// A login by user name and password, made anew. At ECR Public, where [`Broker::login`] gives the token that its
    /// registry takes, this is what buys such a token: clients like docker log in with it, and fetch theirs themselves.
    ///
    /// # Errors
    /// [`AwsError`] where AWS does not give one; nobody has none.
    pub async fn basic_login(&self, caller: &Caller, host: &RegistryHost) -> Result<Login, AwsError> {
        self.0.exchange.basic_login(caller, host).await
    }

    /// Drops a login that AWS did not accept, unless a newer one took its place meanwhile.
    pub fn forget(&self, caller: &Arc<Caller>, host: &RegistryHost, login: &Arc<Login>) {
        self.slot(caller, host).forget(login);
    }

    /// What the registry's refusal of this login means. Where it is about permissions, the repository's own policy is
    /// read, if the login's session may, and the missing side is named; where it cannot be read, the explanation is that
    /// of [`explain_refusal`](crate::explain_refusal).
    pub async fn explain(&self, caller: &Arc<Caller>, login: &Login, refusal: Refusal<'_>) -> AwsError {
        let role = caller.last_role();
        let Some(session) = login
            .session
            .as_ref()
            .filter(|_| explain::repository::is_of_use(&refusal))
        else {
            let error = explain::registry::explained(refusal, role);
            // Permissions do not depend on the time.
            return if refusal.status == 401 {
                self.0.exchange.timed(error)
            } else {
                error
            };
        };
        let repository = refusal.host.repository_arn(refusal.repository);
        let ask = self
            .0
            .exchange
            .repository_policy(session, refusal.host, refusal.repository);
        match self
            .0
            .policies
            .reading(caller, repository, self.0.clock.now(), ask)
            .await
        {
            Some(reading) => explain::repository::explain(refusal, role, &reading),
            None => explain::registry::explained(refusal, role),
        }
    }

    /// Hears what time it is by AWS's clock, in the `Date` of a registry's answer to a question of `asked_at`.
    pub fn hear(&self, headers: &http::HeaderMap, asked_at: Timestamp) {
        self.0.clock.compare(headers, asked_at);
    }

    fn slot(&self, caller: &Arc<Caller>, host: &RegistryHost) -> Arc<Slot> {
        let now = self.0.clock.moment().theirs;
        let mut slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.slot(Key::new(caller, host), now)
    }
}

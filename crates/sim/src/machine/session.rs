//! How a machine comes by the session of its role: a service of AWS assumes the role for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use iam::{AccountId, Context};
use jiff::Timestamp;

use crate::{
    clock::{iso, later},
    credential::SessionCredentials,
    host::Region,
    identity::{Identity, Origin, RoleSession},
    policy::judge_service,
    trail::Decisions,
    world::{Role, World},
};

/// How long credentials of machines are good, whatever the role's own limit ("Using an IAM role to grant permissions to
/// applications running on Amazon EC2 instances": a session of a service is not subject to `MaxSessionDuration`).
const LIFETIME: Duration = Duration::from_hours(6);

/// What a service asks of STS for a machine.
pub(super) struct Assumption<'a> {
    /// Who the role must trust: `ec2.amazonaws.com`.
    pub(super) service: &'static str,
    pub(super) account: AccountId,
    pub(super) region: &'a Region,
    pub(super) role: &'a str,
    pub(super) session_name: String,
    /// Session tags, all of them transitive.
    pub(super) tags: BTreeMap<String, String>,
    /// `aws:SourceArn`, beside which stands `aws:SourceAccount`, where the service sends them.
    pub(super) source: Option<String>,
}

/// Credentials as they were handed to a machine.
pub(super) struct Delivery {
    /// The session's ARN.
    pub(super) principal: String,
    pub(super) role_arn: String,
    role_id: String,
    pub(super) since: Timestamp,
    pub(super) credentials: SessionCredentials,
}

/// Why a role cannot be assumed for a machine. The message is for the trail: a machine is told much less.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unassumable(String);

/// The credentials that a machine has at the moment.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<Option<Arc<Delivery>>>);

impl Assumption<'_> {
    fn begin(&self, world: &World) -> Result<Delivery, Unassumable> {
        let now = world.clock.now();
        let (role_arn, session) = world.read(|state| {
            let account = state.account(self.account);
            let role = account
                .and_then(|account| account.role(self.role))
                .ok_or_else(|| Unassumable(format!("account {} has no role {}", self.account, self.role)))?;
            self.ask(role, now)?;
            Ok::<_, Unassumable>((role.arn(self.account), self.session(role, now)))
        })?;
        Ok(Delivery {
            principal: session.arn(),
            role_arn,
            role_id: session.role_id.clone(),
            since: now,
            credentials: SessionCredentials::issue(&world.seal, Identity::Session(session), later(now, LIFETIME)),
        })
    }

    /// Tags need a permission of their own.
    fn ask(&self, role: &Role, now: Timestamp) -> Result<(), Unassumable> {
        let actions = ["sts:AssumeRole", "sts:TagSession"];
        let needed = if self.tags.is_empty() { 1 } else { 2 };
        actions[..needed].iter().try_for_each(|action| {
            judge_service(
                self.service,
                action,
                role,
                self.account,
                self.context(now),
                &Decisions::default(),
            )
            .map_err(|denied| Unassumable(denied.to_string()))
        })
    }

    fn context(&self, now: Timestamp) -> Context {
        let mut context = Context::complete()
            .with("aws:SecureTransport", "true")
            .with("aws:CurrentTime", iso(now))
            .with("aws:EpochTime", now.as_second().to_string())
            .with("aws:RequestedRegion", self.region.as_str())
            .with("sts:RoleSessionName", &self.session_name);
        if let Some(source) = &self.source {
            context = context
                .with("aws:SourceArn", source)
                .with("aws:SourceAccount", self.account.as_str());
        }
        for (key, value) in &self.tags {
            context = context.with(&format!("aws:RequestTag/{key}"), value);
        }
        if self.tags.is_empty() {
            return context;
        }
        context
            .with_all("aws:TagKeys", self.tags.keys())
            .with_all("sts:TransitiveTagKeys", self.tags.keys())
    }

    fn session(&self, role: &Role, now: Timestamp) -> RoleSession {
        RoleSession {
            account: self.account,
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            session_name: self.session_name.clone(),
            issued: now,
            provider: None,
            policy: None,
            policy_arns: Vec::new(),
            transitive: self.tags.keys().cloned().collect(),
            tags: self.tags.clone(),
            source_identity: None,
            origin: Origin::Machine,
        }
    }
}

impl Deliveries {
    /// The credentials of the role; new ones where there are none, where the role is another by now, and where no more
    /// than `spare` is left of them. A role that stops trusting the service matters only then, as on AWS.
    pub(super) fn current(
        &self,
        world: &World,
        spare: Duration,
        assumption: &Assumption<'_>,
    ) -> Result<Arc<Delivery>, Unassumable> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let needed_until = later(world.clock.now(), spare);
        let is_role = |id: &str| {
            world.read(|state| {
                let account = state.account(assumption.account);
                let role = account.and_then(|account| account.role(assumption.role));
                role.is_some_and(|role| role.id == id)
            })
        };
        if let Some(delivery) = &*current
            && delivery.credentials.expires > needed_until
            && is_role(&delivery.role_id)
        {
            return Ok(Arc::clone(delivery));
        }
        let delivery = Arc::new(assumption.begin(world)?);
        *current = Some(Arc::clone(&delivery));
        Ok(delivery)
    }

    /// The latest credentials, whether they are good or not.
    pub(super) fn latest(&self) -> Option<Arc<Delivery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

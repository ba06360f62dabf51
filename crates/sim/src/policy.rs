use iam::{AccountId, Arn, Context, Decision, Named, PolicySet, Principal, Request};
use jiff::Timestamp;

use crate::{
    clock::iso,
    exchange::Inbound,
    host::Region,
    identity::Identity,
    world::{Document, State},
};

/// What somebody wants to do to something.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) identity: &'a Identity,
    /// With the service's prefix: `ecr:BatchGetImage`.
    pub(crate) action: &'a str,
    /// An ARN, or `*`.
    pub(crate) resource: &'a str,
    /// The account that owns the resource.
    pub(crate) owner: AccountId,
}

/// A wish that the policies do not grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Denied(
    /// AWS's own sentence.
    pub(crate) String,
);

impl Wish<'_> {
    /// Asks the policies of the caller and, where there is one, the policy of the resource.
    pub(crate) fn judge(&self, state: &State, resource: Option<&Document>, context: Context) -> Result<(), Denied> {
        let policies = PolicySet {
            identity: identity_policies(state, self.identity),
            resource: resource.map(|document| document.named("resource policy")),
            session: session_policy(self.identity),
            ..PolicySet::default()
        };
        self.evaluate(&policies, state, context)
    }

    /// Asks the policies of the caller and the trust policy of the role that is to be assumed.
    pub(crate) fn judge_trust(&self, state: &State, trust: &Document, context: Context) -> Result<(), Denied> {
        let policies = PolicySet {
            identity: identity_policies(state, self.identity),
            trust: Some(trust.named("trust policy")),
            session: session_policy(self.identity),
            ..PolicySet::default()
        };
        self.evaluate(&policies, state, context)
    }

    fn evaluate(&self, policies: &PolicySet, state: &State, context: Context) -> Result<(), Denied> {
        let Ok(arn) = self.identity.arn().parse::<Arn>() else {
            // No name that came through the constraints makes an ARN that cannot be read; if one did, it may nothing.
            return Err(Denied(format!("{} has no valid ARN", self.identity.arn())));
        };
        let request = Request {
            principal: Principal::Aws(arn),
            action: self.action.to_owned(),
            resource: self.resource.to_owned(),
            resource_account: Some(self.owner),
            context: identity_context(state, self.identity, context),
        };
        // Reasons cost more than the decision, and only a denial has to give them.
        match iam::decide(&request, policies) {
            Decision::Allowed => Ok(()),
            _ => Err(Denied(iam::evaluate(&request, policies).sentence(&request))),
        }
    }
}

impl Document {
    fn named(&self, name: &str) -> Named {
        Named::new(name, self.policy.clone())
    }
}

/// The condition keys that every request has (IAM user guide, "AWS global condition context keys").
pub(crate) fn request_context(inbound: &Inbound, region: &Region, now: Timestamp) -> Context {
    let context = Context::complete()
        .with("aws:SourceIp", inbound.peer.ip().to_canonical().to_string())
        .with("aws:SecureTransport", "true")
        .with("aws:CurrentTime", iso(now))
        .with("aws:EpochTime", now.as_second().to_string())
        .with("aws:RequestedRegion", region.as_str());
    match inbound.header(http::header::USER_AGENT) {
        Some(agent) => context.with("aws:UserAgent", agent),
        None => context,
    }
}

fn identity_context(state: &State, identity: &Identity, context: Context) -> Context {
    let context = context.with("aws:userid", identity.user_id());
    let Identity::Session(session) = identity else {
        return context;
    };
    let context = match &session.provider {
        Some(provider) => context.with("aws:FederatedProvider", provider),
        None => context,
    };
    let role = state
        .account(session.account)
        .and_then(|account| account.role(&session.role_name));
    match role {
        // The session's own ARN has no path, the role's has.
        Some(role) => context.with("aws:PrincipalArn", role.arn(session.account)),
        None => context,
    }
}

fn identity_policies(state: &State, identity: &Identity) -> Vec<Named> {
    let Identity::Session(session) = identity else {
        return Vec::new();
    };
    state
        .account(session.account)
        .and_then(|account| account.role(&session.role_name))
        .filter(|role| role.id == session.role_id)
        .into_iter()
        .flat_map(|role| &role.policies)
        .map(|(name, document)| document.named(name))
        .collect()
}

fn session_policy(identity: &Identity) -> Vec<Named> {
    let Identity::Session(session) = identity else {
        return Vec::new();
    };
    // The text was parsed before it was sealed into the session.
    session
        .policy
        .iter()
        .filter_map(|text| iam::Policy::parse(text).ok())
        .map(|policy| Named::new("session policy", policy))
        .collect()
}

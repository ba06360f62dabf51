use std::collections::BTreeMap;

use iam::{AccountId, Arn, Context, Named, Policy, PolicySet, Principal, Request};
use jiff::Timestamp;

use crate::{
    clock::iso,
    exchange::Inbound,
    host::Region,
    identity::{Identity, RoleSession},
    trail::Decisions,
    world::{Document, Permissions, Role, State},
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
    /// Where it is put on record how this was decided, and why.
    pub(crate) record: &'a Decisions,
}

/// A wish that the policies do not grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Denied(
    /// AWS's own sentence.
    pub(crate) String,
);

/// A wish and the policies that decide on it, to be decided when nobody waits for the state any more.
#[must_use]
pub(crate) struct Case<'a> {
    /// No name that came through the constraints makes an ARN that cannot be read; if one did, it may nothing.
    asked: Result<Request, Denied>,
    policies: PolicySet,
    record: &'a Decisions,
}

impl Wish<'_> {
    /// Asks the policies of the caller and, where there is one, the policy of the resource.
    pub(crate) fn judge(&self, state: &State, resource: Option<&Document>, context: Context) -> Case<'_> {
        let policies = PolicySet {
            identity: identity_policies(state, self.identity),
            boundary: boundary(state, self.identity),
            resource: resource.map(|document| document.named("of the resource")),
            session: session_policies(state, self.identity),
            ..PolicySet::default()
        };
        self.case(policies, state, context)
    }

    /// Asks the policies of the caller and the trust policy of the role that is to be assumed.
    pub(crate) fn judge_trust(&self, state: &State, trust: &Document, context: Context) -> Case<'_> {
        let policies = PolicySet {
            identity: identity_policies(state, self.identity),
            boundary: boundary(state, self.identity),
            trust: Some(trust.named("of the role")),
            session: session_policies(state, self.identity),
            ..PolicySet::default()
        };
        self.case(policies, state, context)
    }

    fn case(&self, policies: PolicySet, state: &State, context: Context) -> Case<'_> {
        let asked = self.identity.arn().parse::<Arn>().map(|arn| Request {
            principal: Principal::Aws(arn),
            action: self.action.to_owned(),
            resource: self.resource.to_owned(),
            resource_account: Some(self.owner),
            context: identity_context(state, self.identity, context),
        });
        // A role or a user that is gone takes its boundary and its tags with it. Policies that name it, or another that
        // came after it by the same name, mean nothing to what is left of its sessions.
        let policies = if state.has(self.identity) {
            policies
        } else {
            PolicySet::default()
        };
        Case {
            asked: asked.map_err(|error| Denied(error.to_string())),
            policies,
            record: self.record,
        }
    }
}

impl Case<'_> {
    /// Decides, and puts on record why.
    pub(crate) fn decide(self) -> Result<(), Denied> {
        decide(&self.asked?, &self.policies, self.record)
    }
}

/// Decides, and puts on record why.
pub(crate) fn decide(request: &Request, policies: &PolicySet, record: &Decisions) -> Result<(), Denied> {
    let evaluation = iam::evaluate(request, policies);
    let allowed = evaluation.is_allowed();
    record.note(
        &request.action,
        &request.resource,
        allowed,
        &evaluation.explanation(request),
    );
    if allowed {
        return Ok(());
    }
    Err(Denied(evaluation.sentence(request)))
}

/// Asks the trust policy of a role whether a service of AWS may do something to it: assume it, tag the session.
pub(crate) fn judge_service(
    service: &str,
    action: &str,
    role: &Role,
    owner: AccountId,
    context: Context,
    record: &Decisions,
) -> Result<(), Denied> {
    let request = Request {
        principal: Principal::Service(service.to_owned()),
        action: action.to_owned(),
        resource: role.arn(owner),
        resource_account: Some(owner),
        context,
    };
    let policies = PolicySet {
        trust: Some(role.trust.named("of the role")),
        ..PolicySet::default()
    };
    decide(&request, &policies, record)
}

impl Document {
    /// The policy under a name, for `iam` to be asked with.
    pub(crate) fn named(&self, name: &str) -> Named {
        Named::new(name, self.policy.clone())
    }
}

/// The condition keys that every request has (IAM user guide, "AWS global condition context keys").
pub(crate) fn request_context(inbound: &Inbound, region: &Region, now: Timestamp) -> Context {
    let context = Context::complete()
        .with("aws:SourceIp", inbound.peer.ip().to_canonical().to_string())
        .with("aws:SecureTransport", inbound.door.is_secure().to_string())
        .with("aws:CurrentTime", iso(now))
        .with("aws:EpochTime", now.as_second().to_string())
        .with("aws:RequestedRegion", region.as_str());
    match inbound.header(http::header::USER_AGENT) {
        // As long as any that a tool sends: what conditions are matched against costs time.
        Some(agent) => context.with("aws:UserAgent", agent.get(..1024).unwrap_or(agent)),
        None => context,
    }
}

fn identity_context(state: &State, identity: &Identity, context: Context) -> Context {
    let mut context = context.with("aws:userid", identity.user_id());
    let own = permissions(state, identity);
    let passed = match identity {
        Identity::Session(session) => Some(&session.tags),
        _ => None,
    };
    // A session's tags win over those of its role, whatever the case of their keys ("Pass session tags in AWS STS").
    let is_passed = |key: &str| {
        let keys = passed.into_iter().flat_map(BTreeMap::keys);
        keys.into_iter()
            .any(|passed| passed.to_lowercase() == key.to_lowercase())
    };
    let tags = own.iter().flat_map(|own| &own.tags).filter(|(key, _)| !is_passed(key));
    for (key, value) in tags.chain(passed.into_iter().flatten()) {
        context = context.with(&format!("aws:PrincipalTag/{key}"), value);
    }
    let session = match identity {
        Identity::Root(_) => return context,
        Identity::User(user) => return context.with("aws:username", &user.name),
        Identity::Session(session) => session,
    };
    // There are no MFA devices, which the sessions of roles say and long-term keys do not.
    context = context
        .with("aws:TokenIssueTime", iso(session.issued))
        .with("aws:MultiFactorAuthPresent", "false");
    if let Some(provider) = &session.provider {
        context = context.with("aws:FederatedProvider", provider);
    }
    if let Some(source) = &session.source_identity {
        context = context.with("aws:SourceIdentity", source);
    }
    match role(state, session) {
        // The session's own ARN has no path, the role's has.
        Some(role) => context.with("aws:PrincipalArn", role.arn(session.account)),
        None => context,
    }
}

fn role<'s>(state: &'s State, session: &RoleSession) -> Option<&'s Role> {
    let role = state.account(session.account)?.role(&session.role_name)?;
    (role.id == session.role_id).then_some(role)
}

/// What the user or the role behind an identity was given; nothing where it is gone.
fn permissions<'s>(state: &'s State, identity: &Identity) -> Option<&'s Permissions> {
    match identity {
        Identity::Root(_) => None,
        Identity::User(user) => {
            let found = state.account(user.account)?.user(&user.name)?;
            (found.id == user.id).then_some(&found.permissions)
        }
        Identity::Session(session) => Some(&role(state, session)?.permissions),
    }
}

fn identity_policies(state: &State, identity: &Identity) -> Vec<Named> {
    let Some(permissions) = permissions(state, identity) else {
        return Vec::new();
    };
    let inline = permissions.inline.iter().map(|(name, document)| document.named(name));
    inline.chain(managed(state, &permissions.attached)).collect()
}

fn boundary(state: &State, identity: &Identity) -> Vec<Named> {
    permissions(state, identity).map_or_else(Vec::new, |permissions| managed(state, &permissions.boundary).collect())
}

fn session_policies(state: &State, identity: &Identity) -> Vec<Named> {
    let Identity::Session(session) = identity else {
        return Vec::new();
    };
    // The text was parsed before it was sealed into the session.
    let inline = session.policy.iter().filter_map(|text| iam::Policy::parse(text).ok());
    inline
        .map(|policy| Named::new("of the session", policy))
        .chain(managed(state, &session.policy_arns))
        .collect()
}

/// Managed policies by their ARNs. One that is gone grants nothing, and as a limit it must not vanish.
fn managed<'s>(state: &'s State, arns: impl IntoIterator<Item = &'s String> + 's) -> impl Iterator<Item = Named> + 's {
    arns.into_iter().map(|arn| match state.managed_policy(arn) {
        Some(document) => document.named(arn),
        None => Named::new(arn.as_str(), nothing()),
    })
}

/// A policy that allows nothing.
fn nothing() -> Policy {
    Policy::parse(r#"{"Version": "2012-10-17", "Statement": []}"#).expect("a policy may be without statements")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_policy() {
        assert!(nothing().statements().is_empty());
    }
}

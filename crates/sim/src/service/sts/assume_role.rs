use super::{attributes::Attributes, refusal::no_role, session::SessionRequest, trust::of_role};
use crate::{
    exchange::Inbound,
    host::Region,
    identity::{Identity, Origin},
    policy::{Wish, request_context},
    query::{Fault, Params, Pattern},
    trail::Entry,
    world::World,
    xml::Element,
};

const ACTION: &str = "sts:AssumeRole";

/// The longest session, in seconds, of a role that was assumed from a session of another.
const CHAINED: i64 = 3600;

/// `AssumeRole`.
pub(super) fn assume(
    world: &World,
    inbound: &Inbound,
    params: &Params,
    region: &Region,
    caller: &Identity,
    entry: &mut Entry,
) -> Result<Element, Fault> {
    entry.call.principal = Some(caller.arn());
    let mut external_id = None;
    let mut attributes = Attributes::default();
    let request = SessionRequest::read(params, |check| {
        external_id = check.optional("ExternalId", 2..=1224, Pattern::EXTERNAL_ID);
        attributes = Attributes::of_params(params, check);
    })?;
    attributes.tags.check()?;
    refuse_what_is_not_simulated(params)?;
    let arn = request.role.as_str();
    entry.call.account = Some(request.role.account().to_string());
    entry.call.resource = Some(arn.to_owned());
    if matches!(caller, Identity::Root(_)) {
        return Err(Fault::access_denied("Roles may not be assumed by root accounts."));
    }
    if is_chaining(caller) && request.duration > CHAINED {
        return Err(Fault::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let now = world.clock.now();
    let mut context = request_context(inbound, region, now).with("sts:RoleSessionName", request.name);
    if let Some(external_id) = external_id {
        context = context.with("sts:ExternalId", external_id);
    }
    // The keys of a request are those of the tags that it passes; a source identity is one of the session to be.
    let mut context = attributes.tags.context(context);
    if let Identity::Session(session) = caller {
        attributes
            .inherit(session)
            .map_err(|inherited| inherited.fault(&caller.arn(), arn))?;
    }
    if let Some(source) = &attributes.source_identity {
        context = context.with("sts:SourceIdentity", source);
    }
    let packed = request.packed_size(&attributes)?;
    let session = world.read(|state| {
        // A role that is not there is denied like one that does not trust the caller.
        let Some(role) = request.find_role(state) else {
            inbound.decisions.note(ACTION, arn, false, &no_role(arn));
            return Err(denied(caller, ACTION, arn, ""));
        };
        let context = of_role(role, context);
        for action in std::iter::once(ACTION).chain(attributes.actions()) {
            let wish = Wish {
                identity: caller,
                action,
                resource: arn,
                owner: request.role.account(),
                record: &inbound.decisions,
            };
            wish.judge_trust(state, &role.trust, context.clone())
                .decide()
                .map_err(|reason| denied(caller, action, arn, &reason.0))?;
        }
        request.session(state, role, None, attributes, now)
    })?;
    let issued = request.issue(world, session, packed);
    Ok(issued.describe(Element::new("AssumeRoleResult")))
}

/// Whether a role's session assumes a role; one that AWS itself gave to a machine does not count.
fn is_chaining(caller: &Identity) -> bool {
    matches!(caller, Identity::Session(session) if session.origin != Origin::Machine)
}

fn refuse_what_is_not_simulated(params: &Params) -> Result<(), Fault> {
    for (prefix, what) in [
        ("SerialNumber", "MFA devices"),
        ("TokenCode", "MFA devices"),
        ("ProvidedContexts.", "provided contexts"),
    ] {
        if params.any_below(prefix) {
            return Err(Fault::not_simulated(what, prefix.trim_end_matches('.')));
        }
    }
    Ok(())
}

/// STS gives a reason only where a policy denies.
fn denied(caller: &Identity, action: &str, role: &str, reason: &str) -> Fault {
    let explicitly = reason.find(" with an explicit deny").map_or("", |at| &reason[at..]);
    Fault::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {role}{explicitly}",
        caller.arn()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{RoleSession, UserIdentity};

    #[test]
    fn only_a_roles_session_that_is_no_machines_chains() {
        let account = "111122223333".parse().unwrap();
        let session = |origin| {
            Identity::Session(RoleSession {
                account,
                role_name: "puller".into(),
                role_id: "AROAEXAMPLE".into(),
                session_name: "wharf".into(),
                issued: "2026-11-20T12:00:00Z".parse().unwrap(),
                provider: None,
                policy: None,
                policy_arns: Vec::new(),
                tags: BTreeMap::new(),
                transitive: Vec::new(),
                source_identity: None,
                origin,
            })
        };
        assert!(is_chaining(&session(Origin::Assumed)));
        assert!(!is_chaining(&session(Origin::Machine)));
        let user = UserIdentity {
            account,
            path: "/".into(),
            name: "ci".into(),
            id: "AIDAEXAMPLE".into(),
        };
        assert!(!is_chaining(&Identity::User(user)));
    }

    #[test]
    fn a_reason_is_given_for_an_explicit_denial_alone() {
        let caller = Identity::Root("111122223333".parse().unwrap());
        let message = |reason: &str| denied(&caller, ACTION, "ROLE", reason).message;
        let plain =
            "User: arn:aws:iam::111122223333:root is not authorized to perform: sts:AssumeRole on resource: ROLE";
        assert_eq!(message("because no identity-based policy allows the action"), plain);
        let reason = "User: x is not authorized with an explicit deny in an identity-based policy";
        assert_eq!(
            message(reason),
            format!("{plain} with an explicit deny in an identity-based policy")
        );
    }
}

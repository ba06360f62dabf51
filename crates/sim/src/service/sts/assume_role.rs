use super::session::SessionRequest;
use crate::{
    exchange::Inbound,
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    query::{Fault, Params, Pattern},
    trail::Entry,
    world::World,
    xml::Element,
};

const ACTION: &str = "sts:AssumeRole";

/// The longest session, in seconds, of a role that was assumed from a session of another.
const CHAINED: i64 = 3600;

/// `AssumeRole`, with an external id.
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
    let request = SessionRequest::read(params, |check| {
        external_id = check.optional("ExternalId", 2..=1224, Pattern::EXTERNAL_ID);
    })?;
    for (prefix, what) in [
        ("Tags.", "session tags"),
        ("TransitiveTagKeys.", "session tags"),
        ("SourceIdentity", "source identities"),
        ("SerialNumber", "MFA devices"),
        ("TokenCode", "MFA devices"),
        ("ProvidedContexts.", "provided contexts"),
    ] {
        if params.any_below(prefix) {
            return Err(Fault::not_simulated(what, prefix.trim_end_matches('.')));
        }
    }
    let account = request.role.account();
    entry.call.account = Some(account.to_string());
    entry.call.resource = Some(request.role.to_string());
    if matches!(caller, Identity::Root(_)) {
        return Err(Fault::access_denied("Roles may not be assumed by root accounts."));
    }
    if request.duration > CHAINED {
        return Err(Fault::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let arn = request.role.to_string();
    let mut context = request_context(inbound, region, world.clock.now()).with("sts:RoleSessionName", request.name);
    if let Some(external_id) = external_id {
        context = context.with("sts:ExternalId", external_id);
    }
    let role = world.read(|state| {
        let role = state
            .account(account)
            .and_then(|account| account.role(request.role.name()))
            .filter(|role| role.arn(account) == arn);
        let wish = Wish {
            identity: caller,
            action: ACTION,
            resource: &arn,
            owner: account,
        };
        // A role that is not there is denied like one that does not trust the caller.
        let denied = || {
            Fault::access_denied(format!(
                "User: {} is not authorized to perform: {ACTION} on resource: {arn}",
                caller.arn()
            ))
        };
        let role = role.ok_or_else(denied)?;
        wish.judge_trust(state, &role.trust, context).map_err(|_| denied())?;
        Ok::<_, Fault>(role.clone())
    })?;
    request.check_duration(&role)?;
    let issued = request.issue(world, &role, None);
    Ok(Element::new("AssumeRoleResult")
        .child(issued.user())
        .child(issued.credentials()))
}

use http::StatusCode;

use crate::{
    credential::session_key_account,
    exchange::Inbound,
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    query::{Fault, Params, Pattern, Validation},
    trail::Entry,
    world::World,
    xml::Element,
};

const ACTION: &str = "sts:GetAccessKeyInfo";

/// `AccessKeyId` of the service model.
const KEY_ID: Pattern = Pattern {
    shown: r"[\w]*",
    allows: |c| c.is_ascii_alphanumeric() || c == '_',
};

/// `GetAccessKeyInfo`: the account that a key is of, whosever it is, active or not.
pub(super) fn show(
    world: &World,
    inbound: &Inbound,
    params: &Params,
    region: &Region,
    caller: &Identity,
    entry: &mut Entry,
) -> Result<Element, Fault> {
    entry.call.principal = Some(caller.arn());
    entry.call.account = Some(caller.account().to_string());
    let mut check = Validation::of(params);
    let id = check.required("AccessKeyId", 16..=128, KEY_ID);
    check.finish()?;
    let account = world.read(|state| {
        let wish = Wish {
            identity: caller,
            action: ACTION,
            resource: "*",
            owner: caller.account(),
            record: &inbound.decisions,
        };
        wish.judge(state, None, request_context(inbound, region, world.clock.now()))
            .decide()
            .map_err(|denied| Fault::access_denied(denied.0))?;
        let long_term = state.key_owner(id).map(|owner| owner.account);
        long_term.or_else(|| session_key_account(id)).ok_or_else(unknown)
    })?;
    Ok(Element::new("GetAccessKeyInfoResult").child(Element::text("Account", account.as_str())))
}

fn unknown() -> Fault {
    Fault::new(
        StatusCode::FORBIDDEN,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    )
}

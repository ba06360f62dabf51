//! Security Token Service, Query protocol of 2011-06-15.

mod access_key_info;
mod assume_role;
mod attributes;
mod caller_identity;
mod claims;
mod issuer;
mod issuers;
mod key;
mod key_set;
mod packed;
mod refusal;
mod session;
mod session_tags;
mod session_token;
#[cfg(test)]
mod tests;
mod token;
mod trust;
mod vouched;
mod web_identity;

pub use issuer::IssuersError;
pub(crate) use issuers::{IssuerSettings, Issuers};

use crate::{
    exchange::{Inbound, Response, read},
    host::Region,
    query::{Api, Fault, MAX_REQUEST, Params},
    request_body::RequestBody,
    sigv4::{Scope, signer},
    trail::Entry,
    world::World,
    xml::Element,
};

const API: Api = Api {
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
};

/// All operations of the service model; those that are not simulated are at least known.
const OPERATIONS: [&str; 11] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetCallerIdentity",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
];

pub(crate) async fn answer(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    region: &Region,
    entry: &mut Entry,
) -> Response {
    match call(world, inbound, body, region, entry).await {
        Ok((action, result)) => API.success(&action, Some(result), &entry.call.request_id),
        Err(fault) => {
            entry.failed(fault.code, &fault.message);
            API.failure(&fault, &entry.call.request_id)
        }
    }
}

async fn call(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    region: &Region,
    entry: &mut Entry,
) -> Result<(String, Element), Fault> {
    let body = read(body, MAX_REQUEST).await?;
    let params = Params::parse(inbound.parts.uri.query(), &body);
    let action = params.operation(&API, &inbound.parts.method)?;
    if !OPERATIONS.contains(&action) {
        return Err(Fault::unknown_action(action, params.text("Version")));
    }
    entry.call.action = format!("sts:{action}");
    if action == "AssumeRoleWithWebIdentity" {
        let result = web_identity::assume(world, inbound, &params, region, entry).await?;
        return Ok((action.to_owned(), result));
    }
    if action == "AssumeRoleWithSAML" {
        return Err(Fault::action_not_simulated(action));
    }
    let signer = signer(world, inbound, &body, Scope { service: "sts", region })?;
    let caller = &signer.identity;
    let result = match action {
        "AssumeRole" => assume_role::assume(world, inbound, &params, region, caller, entry)?,
        "GetCallerIdentity" => caller_identity::show(caller, entry),
        "GetSessionToken" => session_token::make(world, &params, signer, entry)?,
        // "You cannot call any AWS STS API except AssumeRole or GetCallerIdentity" (API reference of GetSessionToken).
        other if signer.is_user_session() => {
            entry.call.principal = Some(caller.arn());
            return Err(Fault::access_denied(format!(
                "Cannot call {other} with session credentials"
            )));
        }
        "GetAccessKeyInfo" => access_key_info::show(world, inbound, &params, region, caller, entry)?,
        other => {
            entry.call.principal = Some(caller.arn());
            return Err(Fault::action_not_simulated(other));
        }
    };
    Ok((action.to_owned(), result))
}

//! Security Token Service, Query protocol of 2011-06-15.

mod assume_role;
mod caller_identity;
mod claims;
mod issuer;
mod issuers;
mod key;
mod key_set;
mod refusal;
mod session;
mod token;
mod vouched;
mod web_identity;

pub use issuer::IssuersError;
pub(crate) use issuers::{IssuerSettings, Issuers};

use crate::{
    exchange::{Inbound, Response, read},
    host::Region,
    query::{Api, Fault, MAX_REQUEST, Params},
    request_body::RequestBody,
    sigv4::{Scope, authenticate},
    trail::Entry,
    world::World,
    xml::Element,
};

const API: Api = Api {
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
};

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
    let signer = || authenticate(world, inbound, &body, Scope { service: "sts", region });
    let result = match action {
        "AssumeRoleWithWebIdentity" => {
            entry.call.action = format!("sts:{action}");
            web_identity::assume(world, inbound, &params, region, entry).await?
        }
        "AssumeRole" => {
            entry.call.action = format!("sts:{action}");
            assume_role::assume(world, inbound, &params, region, &signer()?, entry)?
        }
        "GetCallerIdentity" => {
            entry.call.action = format!("sts:{action}");
            caller_identity::show(&signer()?, entry)
        }
        unknown => return Err(Fault::unknown_action(unknown, params.text("Version"))),
    };
    Ok((action.to_owned(), result))
}

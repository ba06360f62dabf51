//! Identity and Access Management, Query protocol of 2010-05-08.

mod provider;
mod provider_url;
mod role;
mod role_policy;

use ::iam::AccountId;
use jiff::Timestamp;

use crate::{
    exchange::{Inbound, Response, read},
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    query::{Api, Fault, MAX_REQUEST, Params},
    request_body::RequestBody,
    sigv4::{Scope, authenticate},
    trail::Entry,
    world::World,
    xml::Element,
};

const API: Api = Api {
    version: "2010-05-08",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
};

/// One call by somebody known.
struct Call<'c> {
    world: &'c World,
    inbound: &'c Inbound,
    params: &'c Params,
    caller: &'c Identity,
    entry: &'c mut Entry,
    now: Timestamp,
}

/// The operations. Those that change something without having an answer have no result element.
type Operation = fn(&mut Call<'_>) -> Result<Option<Element>, Fault>;

const OPERATIONS: [(&str, Operation); 11] = [
    ("CreateOpenIDConnectProvider", provider::create),
    ("GetOpenIDConnectProvider", provider::show),
    ("ListOpenIDConnectProviders", provider::list),
    ("DeleteOpenIDConnectProvider", provider::delete),
    ("CreateRole", role::create),
    ("GetRole", role::show),
    ("DeleteRole", role::delete),
    ("UpdateAssumeRolePolicy", role::update_trust),
    ("PutRolePolicy", role_policy::put),
    ("GetRolePolicy", role_policy::show),
    ("DeleteRolePolicy", role_policy::delete),
];

pub(crate) async fn answer(world: &World, inbound: &Inbound, body: RequestBody, entry: &mut Entry) -> Response {
    match call(world, inbound, body, entry).await {
        Ok((action, result)) => API.success(&action, result, &entry.call.request_id),
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
    entry: &mut Entry,
) -> Result<(String, Option<Element>), Fault> {
    let body = read(body, MAX_REQUEST).await?;
    let params = Params::parse(inbound.parts.uri.query(), &body);
    let action = params.operation(&API, &inbound.parts.method)?;
    let operation = OPERATIONS.iter().find(|(name, _)| *name == action);
    let Some((_, operation)) = operation else {
        return Err(Fault::unknown_action(action, params.text("Version")));
    };
    entry.call.action = format!("iam:{action}");
    // IAM is one service for all regions; it is signed for the one where it lives.
    let region = Region::us_east_1();
    let scope = Scope {
        service: "iam",
        region: &region,
    };
    let caller = authenticate(world, inbound, &body, scope)?;
    entry.call.principal = Some(caller.arn());
    entry.call.account = Some(caller.account().to_string());
    let mut call = Call {
        world,
        inbound,
        params: &params,
        caller: &caller,
        entry,
        now: world.clock.now(),
    };
    let result = operation(&mut call)?;
    Ok((action.to_owned(), result))
}

impl Call<'_> {
    /// The account that the call is about: IAM knows no other than the caller's.
    fn account(&self) -> AccountId {
        self.caller.account()
    }

    /// Refuses a parameter that this AWS does not act on, by itself or as a list.
    fn refuse(&self, parameter: &str, what: &str) -> Result<(), Fault> {
        if self.params.any_below(parameter) {
            return Err(Fault::not_simulated(what, parameter));
        }
        Ok(())
    }

    /// Asks the caller's policies; the action is the one that was called.
    fn authorize(&mut self, resource: &str) -> Result<(), Fault> {
        self.entry.call.resource = Some(resource.to_owned());
        let wish = Wish {
            identity: self.caller,
            action: &self.entry.call.action,
            resource,
            owner: self.account(),
        };
        let context = request_context(self.inbound, &Region::us_east_1(), self.now);
        self.world
            .read(|state| wish.judge(state, None, context))
            .map_err(|denied| Fault::access_denied(denied.0))
    }
}

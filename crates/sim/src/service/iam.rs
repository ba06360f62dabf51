//! Identity and Access Management, Query protocol of 2010-05-08.

mod access_key;
mod admission;
mod attachment;
mod boundary;
mod document_rules;
mod documents;
mod entity;
mod fault;
mod inline_policy;
mod instance_profile;
mod managed_policy;
mod names;
mod operations;
mod pages;
mod permission;
mod policy_usage;
mod policy_version;
mod provider;
mod provider_url;
mod role;
mod simulate;
mod tags;
mod user;

use ::iam::AccountId;
use jiff::Timestamp;

use operations::{Operation, operation};

use crate::{
    exchange::{Inbound, Response, read},
    host::Region,
    identity::Identity,
    query::{Api, Fault, MAX_REQUEST, Params, Validation},
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

/// What an operation comes to. Those that change something without having an answer have no result element.
type Answer = Result<Option<Element>, Fault>;

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
    let operation = operation(action).ok_or_else(|| Fault::unknown_action(action, params.text("Version")))?;
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
    let result = match operation {
        Operation::Plain(plain) => plain(&mut call)?,
        Operation::CreateProvider => provider::create(&mut call).await?,
        Operation::NotSimulated => return Err(Fault::action_not_simulated(action)),
    };
    Ok((action.to_owned(), result))
}

impl<'c> Call<'c> {
    /// The account that the call is about: IAM knows no other than the caller's.
    fn account(&self) -> AccountId {
        self.caller.account()
    }

    /// Begins to check the parameters.
    fn check(&self) -> Validation<'c> {
        Validation::discreet(self.params)
    }
}

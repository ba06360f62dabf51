//! The API of the Elastic Container Registry: JSON 1.1, target prefix `AmazonEC2ContainerRegistry_V20150921`.

mod authorization;
mod batch_delete;
mod batch_get;
mod call;
mod conversion;
mod fault;
mod image_ids;
mod images;
mod input;
mod layer_upload;
mod layers;
mod lifecycle;
mod manifest;
mod operation;
mod page;
mod permission;
mod public;
mod put_image;
mod referrers;
mod registry_settings;
mod repositories;
mod repository_policy;
mod resource_tags;
mod settings;
mod token;

use std::time::Duration;

use http::{HeaderName, Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

pub(crate) use conversion::{Accepted, Served};
pub(crate) use layers::download_url;
pub(crate) use manifest::{InvalidImage, read as read_manifest};
pub(crate) use page::{Page, read_cursor};
pub(crate) use public::account_of;
pub(crate) use referrers::described as described_referrer;
pub(crate) use token::RegistryToken;

use crate::{
    exchange::{Inbound, Response, read, respond, set_header},
    host::Region,
    request_body::RequestBody,
    sigv4::{Presented, Scope, authenticate},
    trail::Entry,
    world::World,
};
use call::{At, Call, about};
use fault::Fault;
use operation::Operation;

/// Which of the two APIs is called; they differ in their names and share what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Of private registries.
    Private,
    /// ECR Public's, version 2020-10-30.
    Public,
}

/// How long a long request waits for its turn.
const TURN: Duration = Duration::from_secs(10);

pub(crate) async fn answer(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    api: Api,
    region: &Region,
    entry: &mut Entry,
) -> Response {
    let (status, document) = match call(world, inbound, body, api, region, entry).await {
        Ok(document) => (StatusCode::OK, document),
        Err(fault) => {
            entry.failed(fault.code, &fault.message);
            (fault.status(), fault.document())
        }
    };
    let mut response = respond(status, "application/x-amz-json-1.1", document.to_string());
    let request_id = HeaderName::from_static("x-amzn-requestid");
    set_header(&mut response, request_id, &entry.call.request_id);
    response
}

async fn call(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    api: Api,
    region: &Region,
    entry: &mut Entry,
) -> Result<Value, Fault> {
    let target = inbound.header("x-amz-target").unwrap_or_default();
    let name = target.strip_prefix(api.target()).unwrap_or_default();
    let operation = Operation::named(api, name).filter(|_| inbound.parts.method == Method::POST);
    // Long parts of layers wait here for their turn: what is read is held in memory. Nobody's key takes one, and whoever
    // sends slowly keeps others waiting for a while only.
    let _turn = match &operation {
        Some(operation) if operation.is_long() => {
            let presented = Presented::read(inbound)?;
            world.believe(&presented.key_id, presented.token.as_deref())?;
            let turn = timeout(TURN, world.uploads.parts.acquire()).await;
            Some(turn.map_err(|_| Fault::new("ThrottlingException", "Rate exceeded"))?)
        }
        _ => None,
    };
    let limit = operation
        .as_ref()
        .map_or(Operation::MAX_REQUEST, Operation::max_request);
    let body = read(body, limit).await?;
    let Some(operation) = operation else {
        let shown = target.chars().take(128).collect::<String>();
        return Err(Fault::new(
            "UnknownOperationException",
            format!("The operation `{shown}` is not one of this service."),
        ));
    };
    let service = api.service();
    entry.call.action = format!("{service}:{name}");
    let scope = Scope { service, region };
    let caller = authenticate(world, inbound, &body, scope)?;
    entry.call.principal = Some(caller.arn());
    entry.call.account = Some(caller.account().to_string());
    let public = Region::public();
    let mut call = Call {
        world,
        inbound,
        region,
        registry_region: if api == Api::Public { &public } else { region },
        caller: &caller,
        entry,
        body: &body,
        now: world.clock.now(),
    };
    operation.run(&mut call).await
}

impl Api {
    /// What `X-Amz-Target` begins with.
    fn target(self) -> &'static str {
        match self {
            Self::Private => "AmazonEC2ContainerRegistry_V20150921.",
            Self::Public => "SpencerFrontendService.",
        }
    }

    /// The name in signatures and in actions.
    fn service(self) -> &'static str {
        match self {
            Self::Private => "ecr",
            Self::Public => "ecr-public",
        }
    }
}

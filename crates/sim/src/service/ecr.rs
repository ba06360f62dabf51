//! The API of the Elastic Container Registry: JSON 1.1, target prefix `AmazonEC2ContainerRegistry_V20150921`.

mod authorization;
mod batch_delete;
mod batch_get;
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

use ::iam::{AccountId, Context};
use http::{HeaderName, Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

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
    identity::Identity,
    policy::{Wish, request_context},
    request_body::RequestBody,
    sigv4::{Scope, authenticate},
    trail::Entry,
    world::{Repository, RepositoryKey, World},
};
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

/// One call by somebody known.
struct Call<'c> {
    world: &'c World,
    inbound: &'c Inbound,
    /// The region of the API.
    region: &'c Region,
    /// Where the repositories are.
    registry_region: &'c Region,
    caller: &'c Identity,
    entry: &'c mut Entry,
    body: &'c [u8],
    now: Timestamp,
}

/// What most operations begin with: a repository, in the caller's own registry where none is named.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct At {
    registry_id: Option<String>,
    repository_name: Option<String>,
}

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
    // Long parts of layers wait here for their turn: what is read is held in memory.
    let _turn = match &operation {
        Some(operation) if operation.is_long() => world.uploads.parts.acquire().await.ok(),
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

impl Call<'_> {
    /// The input, by the shape that the operation has. Members that the operation does not have are ignored, as AWS does.
    fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let body = if self.body.is_empty() { b"{}" } else { self.body };
        // A list would be read as the members of an object without their names.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Fault::shapeless());
        }
        serde_json::from_slice(body).map_err(|error| {
            tracing::debug!(%error, "the input of an ECR operation cannot be read");
            Fault::shapeless()
        })
    }

    /// The registry that a call is about: the caller's own where none is named.
    fn registry(&mut self, id: Option<&str>) -> Result<AccountId, Fault> {
        let account = match id {
            None => self.caller.account(),
            Some(id) => id
                .parse()
                .map_err(|_| Fault::parameter("registryId", "must satisfy regular expression '[0-9]{12}'"))?,
        };
        self.entry.call.account = Some(account.to_string());
        Ok(account)
    }

    /// The repository that the call names, which need not be there.
    fn place(&mut self, at: &At) -> Result<RepositoryKey, Fault> {
        let name = input::repository_name(at.repository_name.as_deref())?;
        let account = self.registry(at.registry_id.as_deref())?;
        Ok(RepositoryKey::new(account, self.registry_region, &name))
    }

    /// The repository that the call names, if it is there and the caller may do this to it.
    ///
    /// In this order: who may do nothing in another account does not learn what is there.
    fn enter(&mut self, at: &At) -> Result<RepositoryKey, Fault> {
        let action = self.entry.call.action.clone();
        self.enter_for(&action, at)
    }

    /// [`Call::enter`] for an operation whose permission is named after another one.
    fn enter_for(&mut self, action: &str, at: &At) -> Result<RepositoryKey, Fault> {
        let place = self.place(at)?;
        self.permit(action, &place, |context| context)?;
        self.read(&place, |_| ())?;
        Ok(place)
    }

    /// Asks the policies of the caller and of a repository; `add` puts what the request says into the context.
    fn permit(
        &mut self,
        action: &str,
        place: &RepositoryKey,
        add: impl FnOnce(Context) -> Context,
    ) -> Result<(), Fault> {
        let RepositoryKey { account, region, name } = place;
        let resource = place.arn();
        let wish = Wish {
            identity: self.caller,
            action,
            resource: &resource,
            owner: *account,
        };
        let context = add(request_context(self.inbound, self.region, self.now));
        let judged = self
            .world
            .read(|state| wish.judge_repository(state, state.repository(*account, region, name), context));
        self.entry.call.resource = Some(resource);
        Ok(judged?)
    }

    /// Asks the policies of the caller about something that is no repository; the action is the one that was called.
    fn authorize(&mut self, resource: &str, owner: AccountId) -> Result<(), Fault> {
        self.entry.call.resource = Some(resource.to_owned());
        let wish = Wish {
            identity: self.caller,
            action: &self.entry.call.action,
            resource,
            owner,
        };
        let context = request_context(self.inbound, self.region, self.now);
        Ok(self.world.read(|state| wish.judge(state, None, context))?)
    }

    /// Reads something of a repository that the caller was let into.
    fn read<T>(&self, place: &RepositoryKey, reader: impl FnOnce(&Repository) -> T) -> Result<T, Fault> {
        let RepositoryKey { account, region, name } = place;
        self.world
            .read(|state| state.repository(*account, region, name).map(reader))
            .ok_or_else(|| Fault::no_repository(*account, name))
    }

    /// Changes a repository that the caller was let into.
    fn change<T>(
        &self,
        place: &RepositoryKey,
        change: impl FnOnce(&mut Repository) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let RepositoryKey { account, region, name } = place;
        self.world.write(|state| {
            let repository = state.repository_mut(*account, region, name);
            change(repository.ok_or_else(|| Fault::no_repository(*account, name))?)
        })
    }
}

/// What answers about a repository begin with.
fn about(place: &RepositoryKey) -> Value {
    json!({"registryId": place.account.to_string(), "repositoryName": place.name.to_string()})
}

use ::iam::{AccountId, Context};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{fault::Fault, input};
use crate::{
    exchange::Inbound,
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    trail::Entry,
    world::{Repository, RepositoryKey, World},
};

/// One call by somebody known.
pub(super) struct Call<'c> {
    pub(super) world: &'c World,
    pub(super) inbound: &'c Inbound,
    /// The region of the API.
    pub(super) region: &'c Region,
    /// Where the repositories are.
    pub(super) registry_region: &'c Region,
    pub(super) caller: &'c Identity,
    pub(super) entry: &'c mut Entry,
    pub(super) body: &'c [u8],
    pub(super) now: Timestamp,
}

/// What most operations begin with: a repository, in the caller's own registry where none is named.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct At {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: Option<String>,
}

impl Call<'_> {
    /// The input, by the shape that the operation has. Members that the operation does not have are ignored, as AWS does.
    pub(super) fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
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
    pub(super) fn registry(&mut self, id: Option<&str>) -> Result<AccountId, Fault> {
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
    pub(super) fn place(&mut self, at: &At) -> Result<RepositoryKey, Fault> {
        let name = input::repository_name(at.repository_name.as_deref())?;
        if self.registry_region.is_public() {
            input::length("repositoryName", name.as_str().len(), 2, PUBLIC_NAME)?;
        }
        let account = self.registry(at.registry_id.as_deref())?;
        Ok(RepositoryKey::new(account, self.registry_region, &name))
    }

    /// The repository that the call names, if it is there and the caller may do this to it.
    ///
    /// In this order: who may do nothing in another account does not learn what is there.
    pub(super) fn enter(&mut self, at: &At) -> Result<RepositoryKey, Fault> {
        let action = self.entry.call.action.clone();
        self.enter_for(&action, at)
    }

    /// [`Call::enter`] for an operation whose permission is named after another one.
    pub(super) fn enter_for(&mut self, action: &str, at: &At) -> Result<RepositoryKey, Fault> {
        let place = self.place(at)?;
        self.permit(action, &place, |context| context)?;
        self.read(&place, |_| ())?;
        Ok(place)
    }

    /// Asks the policies of the caller and of a repository; `add` puts what the request says into the context.
    pub(super) fn permit(
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
            record: &self.inbound.decisions,
        };
        let context = add(request_context(self.inbound, self.region, self.now));
        let judged = self
            .world
            .read(|state| wish.judge_repository(state, state.repository(*account, region, name), context))
            .decide();
        self.entry.call.resource = Some(resource);
        Ok(judged?)
    }

    /// Asks the policies of the caller about something that is no repository; the action is the one that was called.
    pub(super) fn authorize(&mut self, resource: &str, owner: AccountId) -> Result<(), Fault> {
        self.entry.call.resource = Some(resource.to_owned());
        let wish = Wish {
            identity: self.caller,
            action: &self.entry.call.action,
            resource,
            owner,
            record: &self.inbound.decisions,
        };
        let context = request_context(self.inbound, self.region, self.now);
        Ok(self.world.read(|state| wish.judge(state, None, context)).decide()?)
    }

    /// Reads something of a repository that the caller was let into.
    pub(super) fn read<T>(&self, place: &RepositoryKey, reader: impl FnOnce(&Repository) -> T) -> Result<T, Fault> {
        let RepositoryKey { account, region, name } = place;
        self.world
            .read(|state| state.repository(*account, region, name).map(reader))
            .ok_or_else(|| Fault::no_repository(*account, name))
    }

    /// Changes a repository that the caller was let into.
    pub(super) fn change<T>(
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

/// The longest name of a public repository.
const PUBLIC_NAME: usize = 205;

/// What answers about a repository begin with.
pub(super) fn about(place: &RepositoryKey) -> Value {
    json!({"registryId": place.account.to_string(), "repositoryName": place.name.to_string()})
}

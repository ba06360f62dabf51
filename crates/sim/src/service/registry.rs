//! The registry of one account in one region: the OCI distribution API with ECR's logins, permissions and errors.

mod address;
mod layers;
mod lists;
pub(crate) mod login;
mod manifests;
mod referrers;
mod refusal;
mod uploads;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use oci::{ErrorCode, RepositoryName, Route};

use crate::{
    exchange::{Inbound, Response, respond, set_header},
    host::Host,
    identity::Identity,
    policy::{Wish, request_context},
    request_body::RequestBody,
    trail::Entry,
    world::{Repository, World},
};
pub(crate) use address::Registry;
pub(crate) use refusal::Refusal;

/// One call by somebody known.
struct Visit<'v> {
    world: &'v World,
    inbound: &'v Inbound,
    registry: Registry<'v>,
    /// None only where anybody may come: in the public registry.
    identity: Option<Identity>,
    entry: &'v mut Entry,
    now: Timestamp,
}

pub(crate) async fn answer(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    registry: Registry<'_>,
    entry: &mut Entry,
) -> Response {
    let answered = match login::identify(world, inbound, registry.region, world.clock.now()) {
        Ok(identity) => serve(world, inbound, body, registry, Some(identity), entry).await,
        Err(refusal) => Err(refusal),
    };
    finish(answered, inbound, registry.host, entry)
}

/// Makes the answer of what came of a call.
pub(crate) fn finish(
    answered: Result<Response, Refusal>,
    inbound: &Inbound,
    host: &Host,
    entry: &mut Entry,
) -> Response {
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => {
            refusal.note(entry);
            refusal.answer(host, inbound.parts.method == Method::HEAD)
        }
    };
    response.headers_mut().insert(
        HeaderName::from_static("docker-distribution-api-version"),
        HeaderValue::from_static("registry/2.0"),
    );
    response
}

/// Does what somebody asks for who has been let in.
pub(crate) async fn serve(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    registry: Registry<'_>,
    identity: Option<Identity>,
    entry: &mut Entry,
) -> Result<Response, Refusal> {
    entry.call.account = Some(registry.account.to_string());
    entry.call.principal = identity.as_ref().map(Identity::arn);
    let mut visit = Visit {
        world,
        inbound,
        registry,
        identity,
        entry,
        now: world.clock.now(),
    };
    let route = Route::parse(&registry.own_path(inbound.parts.uri.path()))?;
    let method = inbound.parts.method.as_str();
    match (method, route) {
        ("GET" | "HEAD", Route::Base) => Ok(respond(StatusCode::OK, "text/plain; charset=utf-8", "")),
        ("GET", Route::Manifest { name, reference }) => visit.manifest(&name, &reference, true),
        ("HEAD", Route::Manifest { name, reference }) => visit.manifest(&name, &reference, false),
        ("PUT", Route::Manifest { name, reference }) => visit.put_manifest(&name, &reference, body).await,
        ("GET", Route::Blob { name, digest }) => visit.redirect_to_layer(&name, &digest),
        ("HEAD", Route::Blob { name, digest }) => visit.find_layer(&name, &digest),
        ("POST", Route::Upload { name, session: None }) => visit.begin_upload(&name, body).await,
        (
            "PATCH",
            Route::Upload {
                name,
                session: Some(id),
            },
        ) => visit.append_to_upload(&name, &id, body).await,
        (
            "PUT",
            Route::Upload {
                name,
                session: Some(id),
            },
        ) => visit.finish_upload(&name, &id, body).await,
        (
            "GET",
            Route::Upload {
                name,
                session: Some(id),
            },
        ) => visit.upload_status(&name, &id).await,
        (
            "DELETE",
            Route::Upload {
                name,
                session: Some(id),
            },
        ) => visit.cancel_upload(&name, &id),
        ("DELETE", Route::Manifest { name, reference }) => visit.delete_manifest(&name, &reference).await,
        ("GET", Route::Tags { name }) => visit.tags(&name),
        ("GET", Route::Catalog) => visit.catalog(),
        ("GET", Route::Referrers { name, digest }) => visit.referrers(&name, &digest),
        _ => Err(Refusal::new(ErrorCode::Unsupported, "The operation is unsupported.")),
    }
}

impl Visit<'_> {
    /// Asks the policies of the caller and of the repository, and then whether the repository is there.
    ///
    /// In this order: who may not pull from a repository of another account does not learn whether it exists.
    fn permit(&mut self, name: &RepositoryName, action: &'static str) -> Result<(), Refusal> {
        let region = self.registry.region;
        let service = if region.is_public() { "ecr-public" } else { "ecr" };
        let resource = self.registry.place(name).arn();
        let action = format!("{service}:{action}");
        self.entry.call.action.clone_from(&action);
        self.entry.call.resource = Some(resource.clone());
        if region.is_public() && is_pull(&action) {
            return self.read(name, |_| ());
        }
        self.judge(name, &action)?;
        self.read(name, |_| ())
    }

    /// Asks the policies of the caller and of the repository, which need not be there.
    fn judge(&self, name: &RepositoryName, action: &str) -> Result<(), Refusal> {
        let Registry { account, region, .. } = self.registry;
        let wish = Wish {
            identity: self.identity.as_ref().ok_or(Refusal::Challenge)?,
            action,
            resource: &self.registry.place(name).arn(),
            owner: account,
            record: &self.inbound.decisions,
        };
        let context = request_context(self.inbound, &self.registry.endpoint_region(), self.now);
        let judged = self
            .world
            .read(|state| wish.judge_repository(state, state.repository(account, region, name), context))
            .decide();
        Ok(judged?)
    }

    /// Reads something of a repository that the caller was let into.
    fn read<T>(&self, name: &RepositoryName, reader: impl FnOnce(&Repository) -> T) -> Result<T, Refusal> {
        let Registry { account, region, .. } = self.registry;
        self.world
            .read(|state| state.repository(account, region, name).map(reader))
            .ok_or_else(|| self.no_repository(name))
    }

    fn no_repository(&self, name: &RepositoryName) -> Refusal {
        Refusal::new(
            ErrorCode::NameUnknown,
            format!(
                "The repository with name '{name}' does not exist in the registry with id '{}'",
                self.registry.id()
            ),
        )
    }

    /// A parameter of the URL.
    fn param(&self, name: &str) -> Option<String> {
        let query = self.inbound.parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The path of something in a repository.
    fn path(&self, name: &RepositoryName, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.registry.full_name(name))
    }

    /// The URL of a path of this registry.
    fn url(&self, path: &str) -> String {
        self.inbound.url(self.registry.host, path)
    }

    /// An answer without a body that says where something is; the URL is absolute, as ECR's are.
    fn located(&self, status: StatusCode, name: &RepositoryName, path: &str) -> Response {
        let mut response = respond(status, "text/plain; charset=utf-8", "");
        set_header(&mut response, header::LOCATION, &self.url(&self.path(name, path)));
        response
    }
}

/// What anybody may do in a public repository.
fn is_pull(action: &str) -> bool {
    matches!(
        action,
        "ecr-public:BatchGetImage" | "ecr-public:GetDownloadUrlForLayer" | "ecr-public:ListImages"
    )
}

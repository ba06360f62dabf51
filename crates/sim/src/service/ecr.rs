//! The API of the Elastic Container Registry: JSON 1.1, target prefix `AmazonEC2ContainerRegistry_V20150921`.

mod authorization;
mod input;
mod repositories;
mod repository_policy;
mod token;

use ::iam::AccountId;
use http::{HeaderName, Method, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use token::RegistryToken;

use crate::{
    exchange::{Inbound, Response, Unread, read, respond, set_header},
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    request_body::RequestBody,
    sigv4::{Refused, Scope, authenticate},
    trail::Entry,
    world::{Document, State, World},
};

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// The longest request in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// An error of the API. All of these are 400 (the statuses of the service model are for the errors of a server).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    code: &'static str,
    message: String,
}

/// One call by somebody known.
struct Call<'c> {
    world: &'c World,
    inbound: &'c Inbound,
    region: &'c Region,
    caller: &'c Identity,
    entry: &'c mut Entry,
    body: &'c [u8],
    now: Timestamp,
}

type Operation = fn(&mut Call<'_>) -> Result<Value, Fault>;

const OPERATIONS: [(&str, Operation); 6] = [
    ("GetAuthorizationToken", authorization::token),
    ("CreateRepository", repositories::create),
    ("DescribeRepositories", repositories::describe),
    ("SetRepositoryPolicy", repository_policy::set),
    ("GetRepositoryPolicy", repository_policy::show),
    ("DeleteRepositoryPolicy", repository_policy::delete),
];

pub(crate) async fn answer(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    region: &Region,
    entry: &mut Entry,
) -> Response {
    let (status, document) = match call(world, inbound, body, region, entry).await {
        Ok(document) => (StatusCode::OK, document),
        Err(fault) => {
            entry.failed(fault.code, &fault.message);
            let document = json!({"__type": fault.code, "message": fault.message});
            (StatusCode::BAD_REQUEST, document)
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
    region: &Region,
    entry: &mut Entry,
) -> Result<Value, Fault> {
    let body = read(body, MAX_REQUEST).await?;
    let target = inbound.header("x-amz-target").unwrap_or_default();
    let name = target.strip_prefix(TARGET).unwrap_or_default();
    let operation = OPERATIONS.iter().find(|(known, _)| *known == name);
    let Some((_, operation)) = operation.filter(|_| inbound.parts.method == Method::POST) else {
        let shown = target.chars().take(128).collect::<String>();
        return Err(Fault::new(
            "UnknownOperationException",
            format!("The operation `{shown}` is not one of this service."),
        ));
    };
    entry.call.action = format!("ecr:{name}");
    let scope = Scope { service: "ecr", region };
    let caller = authenticate(world, inbound, &body, scope)?;
    entry.call.principal = Some(caller.arn());
    entry.call.account = Some(caller.account().to_string());
    operation(&mut Call {
        world,
        inbound,
        region,
        caller: &caller,
        entry,
        body: &body,
        now: world.clock.now(),
    })
}

impl Call<'_> {
    /// The input, by the shape that the operation has. Members that the operation does not have are ignored, as AWS does.
    fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let body = if self.body.is_empty() { b"{}" } else { self.body };
        serde_json::from_slice(body).map_err(|error| {
            tracing::debug!(%error, "the input of an ECR operation cannot be read");
            Fault::new(
                "SerializationException",
                "The request body does not have the shape of the operation's input.",
            )
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

    /// Asks the policies of the caller and of the resource; the action is the one that was called.
    fn authorize(
        &mut self,
        resource: &str,
        owner: AccountId,
        policy: impl FnOnce(&State) -> Option<&Document>,
    ) -> Result<(), Fault> {
        self.entry.call.resource = Some(resource.to_owned());
        let wish = Wish {
            identity: self.caller,
            action: &self.entry.call.action,
            resource,
            owner,
        };
        let context = request_context(self.inbound, self.region, self.now);
        self.world
            .read(|state| wish.judge(state, policy(state), context))
            .map_err(|denied| Fault::new("AccessDeniedException", denied.0))
    }
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter that breaks a constraint.
    fn parameter(name: &str, constraint: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// What would change the meaning of a call, and is not simulated, is refused and never ignored.
    fn not_simulated(what: &str, parameter: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("This simulated AWS has no {what} yet; leave {parameter} out of the request."),
        )
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::new("MissingAuthenticationTokenException", "Missing Authentication Token"),
            Refused::Incomplete(message) => Self::new("IncompleteSignatureException", message),
            Refused::UnknownKey => Self::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Refused::Expired => Self::new(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Refused::Mismatch(message) => Self::new("InvalidSignatureException", message),
        }
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLong(_) => Self::new("RequestEntityTooLargeException", "Request size exceeded the maximum."),
            Unread::TooSlow | Unread::Broken => Self::new("RequestTimeoutException", "The request timed out."),
        }
    }
}

use ::iam::AccountId;
use http::StatusCode;
use oci::{Digest, RepositoryName};
use serde_json::{Map, Value, json};

use crate::{
    blobs::{NotTaken, Upload},
    exchange::Unread,
    policy::Denied,
    sigv4::Refused,
    world::NotStored,
};

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What the error has beside its message.
    members: Map<String, Value>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            members: Map::new(),
        }
    }

    /// Input that is not what the service model says it is.
    pub(super) fn shapeless() -> Self {
        Self::new(
            "SerializationException",
            "The request body does not have the shape of the operation's input.",
        )
    }

    /// A parameter that breaks a constraint of the service model.
    pub(super) fn parameter(name: &str, constraint: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// What would change the meaning of a call, and is not simulated, is refused and never ignored.
    pub(super) fn not_simulated(what: &str, parameter: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("This simulated AWS has no {what} yet; leave {parameter} out of the request."),
        )
    }

    pub(super) fn no_repository(account: AccountId, name: &RepositoryName) -> Self {
        Self::new(
            "RepositoryNotFoundException",
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
        )
    }

    pub(super) fn not_stored(error: &NotStored, account: AccountId, name: &RepositoryName) -> Self {
        let code = match error {
            NotStored::LayersMissing(_) => "LayersNotFoundException",
            NotStored::ImagesMissing(_) => "ReferencedImagesNotFoundException",
            NotStored::TagPinned(_) => "ImageTagAlreadyExistsException",
            NotStored::Full => "LimitExceededException",
        };
        Self::new(code, error.sentence(name, &account))
    }

    pub(super) fn no_layer(digest: &Digest, account: AccountId, name: &RepositoryName) -> Self {
        Self::new(
            "LayersNotFoundException",
            format!(
                "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry \
                 with id '{account}'"
            ),
        )
    }

    /// 400, but for the errors of the server itself.
    pub(super) fn status(&self) -> StatusCode {
        match self.code {
            "ServerException" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The error with one member more.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The body of the answer.
    pub(super) fn document(self) -> Value {
        let mut document = self.members;
        document.insert("__type".to_owned(), json!(self.code));
        document.insert("message".to_owned(), json!(self.message));
        Value::Object(document)
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        Self::new("AccessDeniedException", denied.0)
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

impl From<NotTaken> for Fault {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::TooLong => Self::new(
                "LimitExceededException",
                "The layer is larger than the maximum of 52000 MiB.",
            ),
            NotTaken::TooManyParts => Self::new(
                "LimitExceededException",
                format!("The layer upload has the maximum of {} parts.", Upload::MAX_PARTS),
            ),
            NotTaken::Broken => Self::new("RequestTimeoutException", "The request timed out."),
            NotTaken::Disk(error) => {
                tracing::warn!(%error, "the disk failed under the API");
                Self::new("ServerException", "The simulated registry cannot use its disk.")
            }
        }
    }
}

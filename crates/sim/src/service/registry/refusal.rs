use std::io;

use http::{HeaderValue, StatusCode, header};
use oci::{ErrorCode, ErrorEnvelope, InvalidRoute};

use crate::{
    blobs::NotTaken,
    exchange::{Response, Unread, empty, respond},
    host::Host,
    policy::Denied,
    service::ecr::InvalidImage,
    trail::Entry,
};

/// Why the registry does not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No credential, or one that is not of this AWS or this region.
    Challenge,
    /// An error in the envelope of the distribution specification.
    Error {
        status: StatusCode,
        code: ErrorCode,
        message: String,
    },
}

impl Refusal {
    /// An error with its usual status.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::status(status, code, message)
    }

    /// An error with a status of its own.
    pub(crate) fn status(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error {
            status,
            code,
            message: message.into(),
        }
    }

    /// What the client gets from the registry `host`. The answer to a HEAD has no body: only a GET tells why.
    pub(crate) fn answer(&self, host: &Host, head: bool) -> Response {
        let mut response = match self {
            Self::Challenge => {
                let mut response = respond(
                    StatusCode::UNAUTHORIZED,
                    "text/plain; charset=utf-8",
                    "Not Authorized\n",
                );
                let challenge = match host {
                    Host::PublicRegistry { .. } => {
                        format!("Bearer realm=\"https://{host}/token/\",service=\"public.ecr.aws\",scope=\"aws\"")
                    }
                    _ => format!("Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\""),
                };
                if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                }
                response
            }
            Self::Error { status, code, message } => {
                let envelope = ErrorEnvelope::new(*code, message);
                let body = serde_json::to_vec(&envelope).unwrap_or_default();
                respond(*status, "application/json; charset=utf-8", body)
            }
        };
        if head {
            *response.body_mut() = empty();
        }
        response
    }

    /// Puts the error on record.
    pub(crate) fn note(&self, entry: &mut Entry) {
        match self {
            Self::Challenge => entry.failed("UNAUTHORIZED", "Not Authorized"),
            Self::Error { code, message, .. } => entry.failed(code.as_str(), message),
        }
    }

    fn unavailable(message: &str) -> Self {
        Self::status(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unsupported, message)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new(ErrorCode::Denied, denied.0)
    }
}

impl From<InvalidImage> for Refusal {
    fn from(error: InvalidImage) -> Self {
        let code = match error {
            InvalidImage::Unsupported(_) => ErrorCode::Unsupported,
            InvalidImage::Syntax | InvalidImage::NoMediaType | InvalidImage::OtherMediaType => {
                ErrorCode::ManifestInvalid
            }
        };
        Self::new(
            code,
            format!("Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{error}'"),
        )
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::warn!(%error, "the disk failed under the registry");
        Self::unavailable("The simulated registry cannot use its disk.")
    }
}

impl From<NotTaken> for Refusal {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Disk(error) => error.into(),
            // Only the API counts parts.
            NotTaken::TooLong | NotTaken::TooManyParts => Self::status(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::SizeInvalid,
                "The layer is larger than the maximum of 52000 MiB.",
            ),
            NotTaken::Broken => Self::status(
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::BlobUploadInvalid,
                "The layer part did not arrive as a whole.",
            ),
        }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        let (status, message) = match unread {
            Unread::TooLong(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Invalid parameter at 'imageManifest' failed to satisfy constraint: 'Member must have length less \
                 than or equal to 4194304'",
            ),
            Unread::TooSlow | Unread::Broken => {
                (StatusCode::REQUEST_TIMEOUT, "The manifest did not arrive as a whole.")
            }
        };
        Self::status(status, ErrorCode::ManifestInvalid, message)
    }
}

impl From<InvalidRoute> for Refusal {
    fn from(error: InvalidRoute) -> Self {
        match error {
            InvalidRoute::Unknown => Self::status(
                StatusCode::NOT_FOUND,
                ErrorCode::Unsupported,
                "The operation is unsupported.",
            ),
            InvalidRoute::Name(_) => Self::new(
                ErrorCode::NameInvalid,
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*''",
            ),
            InvalidRoute::Reference(_) => Self::new(
                ErrorCode::ManifestInvalid,
                "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression \
             '[a-zA-Z0-9-_.]+''",
            ),
            InvalidRoute::Digest(_) => Self::new(
                ErrorCode::DigestInvalid,
                "Invalid parameter at 'layerDigest' failed to satisfy constraint: 'must satisfy regular expression \
             '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''",
            ),
        }
    }
}

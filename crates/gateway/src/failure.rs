use std::sync::Arc;

use access::{Denied, Unauthenticated};
use aws::{AwsError, Cause, Kind};
use oci::{ErrorCode, ErrorEnvelope, InvalidRoute, Unsatisfiable};
use serde_json::json;

use crate::{asked::Unread, naming::Unnamed, query::TooLong};

/// Why a client does not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Route(#[from] InvalidRoute),
    #[error(transparent)]
    Query(#[from] TooLong),
    #[error("`n={0}` is no number of tags; expected digits, such as n=100")]
    PageSize(String),
    #[error(
        "ECR does not take the `last` of the request: in its lists that is no tag, but what stands in the Link header of the page before; follow that header. {0}"
    )]
    Cursor(Arc<Failure>),
    #[error(
        "this registry does not list repositories, which are AWS's to list: aws ecr describe-repositories; it lists the tags of one that is named, NAME/tags/list"
    )]
    NoCatalog,
    #[error(
        "this registry delivers images out of Amazon ECR and takes none; push to the ECR registry itself, and pull from here"
    )]
    ReadOnly,
    #[error(transparent)]
    Unauthenticated(#[from] Unauthenticated),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("{0}")]
    Aws(Box<AwsError>),
    #[error(transparent)]
    Range(#[from] Unsatisfiable),
    /// The upstream answered with something that a client must not get.
    #[error("{0}")]
    Upstream(String),
    /// Something is wrong on this machine. The client learns no more than that.
    #[error("this registry has a problem of its own; its log says more")]
    Internal,
}

/// What a failure says of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// AWS does not let the caller in.
    Refused,
    /// It lets them in, and has not what they ask for.
    Missing,
    /// It did not answer, or not this time: what was known before is as good as it was.
    Outage,
    /// Nothing.
    Other,
}

impl Failure {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Aws(error) => match error.kind {
                Kind::Refused => Verdict::Refused,
                Kind::NotFound(_) => Verdict::Missing,
                Kind::Throttled | Kind::Unavailable => Verdict::Outage,
            },
            _ => Verdict::Other,
        }
    }

    /// The HTTP status and the body.
    pub(crate) fn answer(&self) -> (u16, ErrorEnvelope) {
        let code = self.code();
        let status = match self {
            Self::Route(InvalidRoute::Unknown) => 404,
            Self::Range(_) => 416,
            Self::Upstream(_) => 502,
            Self::Internal => 500,
            // As Docker's registry answers that has no catalog.
            Self::NoCatalog => 404,
            Self::Query(_) => 414,
            Self::Cursor(_) => 400,
            _ => code.status(),
        };
        let mut envelope = ErrorEnvelope::new(code, self.to_string());
        if let Self::Aws(error) = self {
            envelope.errors[0].detail = Some(detail(error));
        }
        (status, envelope)
    }

    /// Whether the client is told this code.
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.code() == code
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Route(InvalidRoute::Name(_)) => ErrorCode::NameInvalid,
            Self::Route(InvalidRoute::Digest(_)) => ErrorCode::DigestInvalid,
            Self::Route(InvalidRoute::Reference(_)) => ErrorCode::ManifestUnknown,
            Self::Route(InvalidRoute::Unknown) => ErrorCode::Unsupported,
            Self::NoCatalog | Self::Query(_) | Self::Cursor(_) | Self::ReadOnly => ErrorCode::Unsupported,
            Self::PageSize(_) => ErrorCode::PaginationNumberInvalid,
            Self::Unauthenticated(_) => ErrorCode::Unauthorized,
            Self::Denied(Denied::Caller { .. }) => ErrorCode::Denied,
            Self::Unnamed(_) | Self::Denied(_) => ErrorCode::NameUnknown,
            Self::Range(_) => ErrorCode::SizeInvalid,
            Self::Upstream(_) | Self::Internal => ErrorCode::Unavailable,
            Self::Aws(error) => match error.kind {
                Kind::Refused => ErrorCode::Denied,
                Kind::NotFound(code) => code,
                Kind::Throttled => ErrorCode::TooManyRequests,
                Kind::Unavailable => ErrorCode::Unavailable,
            },
        }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Route(error) => error.into(),
            Unread::Query(error) => error.into(),
        }
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self::Aws(Box::new(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(%error, "the content store cannot be used");
        Self::Internal
    }
}

/// The parts of the explanation, for programs. The first cause is the likeliest.
fn detail(error: &AwsError) -> serde_json::Value {
    let causes: Vec<_> = error.causes.iter().map(cause).collect();
    json!({ "tried": error.tried, "said": error.said, "causes": causes })
}

fn cause(cause: &Cause) -> serde_json::Value {
    let document = cause.document.as_ref();
    json!({
        "why": cause.why,
        "howToTell": cause.how_to_tell,
        "fix": cause.fix,
        "document": document.map(|document| json!({ "purpose": document.purpose, "text": document.text })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(kind: Kind) -> Failure {
        AwsError::new(kind, "a", "b", [Cause::new("c", "d", "e"), Cause::new("f", "g", "h")]).into()
    }

    #[test]
    fn each_failure_has_its_status_and_code() {
        for (failure, status, code) in [
            (Failure::Route(InvalidRoute::Unknown), 404, "UNSUPPORTED"),
            (Failure::ReadOnly, 405, "UNSUPPORTED"),
            (Failure::NoCatalog, 404, "UNSUPPORTED"),
            (TooLong.into(), 414, "UNSUPPORTED"),
            (Failure::Cursor(Arc::new(Failure::Internal)), 400, "UNSUPPORTED"),
            (Failure::PageSize("x".into()), 400, "PAGINATION_NUMBER_INVALID"),
            (Unauthenticated::Missing.into(), 401, "UNAUTHORIZED"),
            (Unnamed::Registry("x".into()).into(), 404, "NAME_UNKNOWN"),
            (
                Denied::Upstream {
                    team: "a".into(),
                    name: "b".into(),
                }
                .into(),
                404,
                "NAME_UNKNOWN",
            ),
            (Unsatisfiable { length: 1 }.into(), 416, "SIZE_INVALID"),
            (Failure::Upstream("x".into()), 502, "UNAVAILABLE"),
            (Failure::Internal, 500, "UNAVAILABLE"),
            (aws(Kind::Refused), 403, "DENIED"),
            (aws(Kind::NotFound(ErrorCode::BlobUnknown)), 404, "BLOB_UNKNOWN"),
            (aws(Kind::Throttled), 429, "TOOMANYREQUESTS"),
            (aws(Kind::Unavailable), 503, "UNAVAILABLE"),
        ] {
            let (found, envelope) = failure.answer();
            assert_eq!((found, envelope.errors[0].code.as_str()), (status, code), "{failure:?}");
        }
    }

    #[test]
    fn an_explanation_comes_whole_and_in_its_parts() {
        let (_, envelope) = aws(Kind::Refused).answer();
        assert_eq!(
            envelope.errors[0].message,
            "a. AWS said: b. Likely cause: c. Fix: e. If it is not that: f"
        );
        let detail = envelope.errors[0].detail.as_ref().unwrap();
        assert_eq!(
            *detail,
            json!({ "tried": "a", "said": "b", "causes": [
                { "why": "c", "howToTell": "d", "fix": "e", "document": null },
                { "why": "f", "howToTell": "g", "fix": "h", "document": null },
            ] })
        );
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success (OCI distribution specification 1.1, "Error codes").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// What went wrong; registries send one or more.
    pub errors: Vec<ErrorInfo>,
}

/// One error of an [`ErrorEnvelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// The code, mostly one of [`ErrorCode`]; other registries send their own.
    pub code: String,
    /// What a person reads. Clients print it.
    #[serde(default)]
    pub message: String,
    /// Anything more; its shape belongs to the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// The codes of the specification's table, and the status that goes with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A blob is not known to the repository.
    BlobUnknown,
    /// An upload is not acceptable.
    BlobUploadInvalid,
    /// An upload is not known.
    BlobUploadUnknown,
    /// A digest is none, or the content does not have it.
    DigestInvalid,
    /// A manifest refers to a blob that is not there.
    ManifestBlobUnknown,
    /// A manifest cannot be read.
    ManifestInvalid,
    /// A manifest is not known to the repository.
    ManifestUnknown,
    /// A repository name is none.
    NameInvalid,
    /// A repository is not known.
    NameUnknown,
    /// A length is missing or wrong.
    SizeInvalid,
    /// The tag cannot be given, or not again.
    TagInvalid,
    /// Who asks is not known.
    Unauthorized,
    /// Who asks is known and may not.
    Denied,
    /// The operation is not offered.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// The number of entries that a list is asked for is none. Not in the specification's table; Docker's registry sends it.
    PaginationNumberInvalid,
    /// The registry cannot answer now. Not in the specification's table; Docker's registry sends it.
    Unavailable,
}

impl ErrorEnvelope {
    /// An envelope with one error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            errors: vec![ErrorInfo {
                code: code.as_str().to_owned(),
                message: message.into(),
                detail: None,
            }],
        }
    }
}

impl ErrorCode {
    /// The code as it stands in the envelope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TagInvalid => "TAG_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// The HTTP status that registries send with it.
    pub fn status(self) -> u16 {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestBlobUnknown
            | Self::ManifestUnknown
            | Self::NameUnknown => 404,
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::PaginationNumberInvalid
            | Self::SizeInvalid
            | Self::TagInvalid => 400,
            Self::Unauthorized => 401,
            Self::Denied => 403,
            Self::Unsupported => 405,
            Self::TooManyRequests => 429,
            Self::Unavailable => 503,
        }
    }
}

impl fmt::Display for ErrorEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.errors.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", error.code, error.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_the_form_of_the_specification() {
        let envelope = ErrorEnvelope::new(ErrorCode::NameUnknown, "no such repository");
        let json = serde_json::to_string(&envelope).unwrap();
        assert_eq!(
            json,
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}"#
        );
        assert_eq!(serde_json::from_str::<ErrorEnvelope>(&json).unwrap(), envelope);
    }

    #[test]
    fn an_envelope_of_another_registry_is_read() {
        let envelope: ErrorEnvelope =
            serde_json::from_str(r#"{"errors":[{"code":"X","detail":{"a":1}}],"more":1}"#).unwrap();
        assert_eq!(envelope.to_string(), "X: ");
    }
}

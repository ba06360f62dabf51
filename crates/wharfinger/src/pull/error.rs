use std::io;

use super::{
    document::DocumentError,
    download::BlobError,
    image::ImageError,
    layout::{DiskError, LayoutError},
    platform::MissingPlatform,
    registry::{InvalidHost, RequestError},
};

/// Why an image is not there. Whatever has arrived and is right stays for the next pull.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    /// See [`net::OutgoingError`].
    #[error(transparent)]
    Client(#[from] net::OutgoingError),
    /// See [`InvalidHost`].
    #[error(transparent)]
    Host(#[from] InvalidHost),
    /// See [`RequestError`].
    #[error(transparent)]
    Request(#[from] RequestError),
    /// See [`DocumentError`].
    #[error(transparent)]
    Document(DocumentError),
    /// See [`ImageError`].
    #[error(transparent)]
    Image(#[from] ImageError),
    /// See [`BlobError`].
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// See [`MissingPlatform`].
    #[error(transparent)]
    Platform(#[from] MissingPlatform),
    /// See [`LayoutError`].
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// See [`DiskError`].
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// An archive holds one image.
    #[error("a docker-archive holds the image for one platform; --platform all needs an output of the kind oci:DIR")]
    ArchiveOfAll,
    /// An archive holds an image that can run.
    #[error("a docker-archive holds an image; this manifest has a configuration of the type `{0}`")]
    ArchiveOfArtifact(String),
}

impl PullError {
    /// What the registry said for programs, where it refused.
    pub(crate) fn detail(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Request(error) => error.detail(),
            _ => None,
        }
    }

    /// What most likely helps, where that can be said.
    pub(crate) fn fix(&self) -> Option<&'static str> {
        match self {
            Self::Request(error) => error.fix(),
            Self::Blob(BlobError::Elsewhere { .. }) => Some(
                "this upstream lets AWS send layers; with `delivery: stream` in its document the server sends and keeps them",
            ),
            Self::Blob(BlobError::NotDistributed { .. }) => Some(
                "pull it with a client that fetches such layers from where the manifest says, as podman and docker do; or push the image again together with them, by dockerd's `allow-nondistributable-artifacts`",
            ),
            Self::Document(DocumentError::Digest { .. } | DocumentError::Size { .. } | DocumentError::Types { .. })
            | Self::Blob(_) => Some(
                "nothing of it was kept; if it happens again, the registry or something on the way changes content",
            ),
            Self::Platform(_) => {
                Some("choose one of these with --platform OS/ARCHITECTURE, or take all with --platform all")
            }
            Self::Disk(error) | Self::Layout(LayoutError::Disk(error)) => match error.kind() {
                io::ErrorKind::StorageFull => {
                    Some("free some space and pull again; what has arrived is kept and resumed")
                }
                _ => None,
            },
            Self::ArchiveOfArtifact(_) => Some("pull it into an output of the kind oci:DIR"),
            _ => None,
        }
    }

    /// Whether the output cannot be used as it is: something else is there, or nobody may write there.
    pub(crate) fn is_about_the_output(&self) -> bool {
        matches!(self, Self::Layout(_) | Self::Disk(_)) && self.is_bad_input()
    }

    /// Whether it was the request that was wrong, rather than the pull that failed.
    pub(crate) fn is_bad_input(&self) -> bool {
        match self {
            Self::Host(_) | Self::ArchiveOfAll => true,
            Self::Request(RequestError::CleartextCredentials { .. } | RequestError::Username(_)) => true,
            Self::Layout(LayoutError::NotALayout(_) | LayoutError::Index { .. }) => true,
            Self::Disk(error) | Self::Layout(LayoutError::Disk(error)) => matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::ReadOnlyFilesystem
            ),
            _ => false,
        }
    }
}

impl From<DocumentError> for PullError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Request(error) => Self::Request(error),
            other => Self::Document(other),
        }
    }
}

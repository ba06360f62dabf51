//! `buildah pull`, which has podman's options, configuration and storage.

use crate::home::{Outcome, require};
use crate::podman;
use crate::pull::Pull;

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    require("buildah");
    podman::pull_by("buildah", &["images"], pull)
}

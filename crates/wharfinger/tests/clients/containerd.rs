//! `ctr images pull`.

use crate::daemon::Daemon;
use crate::home::Outcome;
use crate::pull::Pull;

/// Pulls in the path form.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    pull_from(pull, &pull.by_path())
}

/// Pulls by the image's name in ECR, with the proxy as the mirror of that registry.
pub(crate) fn pull_by_mirror(pull: &Pull) -> Outcome {
    pull_from(pull, &pull.image)
}

fn pull_from(pull: &Pull, image: &str) -> Outcome {
    Daemon::start(&pull.ca).pull(image, &format!("https://{}", pull.proxy), &pull.login())
}

//! Somebody pulls an image that there is for two platforms.

use crate::home::Home;
use crate::index::push_index;
use crate::installation::Installation;
use crate::{containerd, own, podman, skopeo};

#[test]
fn skopeo_copies_the_whole_index() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    assert_eq!(
        skopeo::pull(&installation.pull_of("both")),
        Ok(index.digest.to_string())
    );
    // Both configurations and both layers.
    assert_eq!(installation.calls("s3:GetObject").len(), 4);
}

#[test]
fn podman_takes_the_image_for_this_machine() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    assert_eq!(
        podman::pull(&installation.pull_of("both")),
        Ok(index.digest.to_string())
    );
    assert_eq!(installation.calls("s3:GetObject").len(), 2);
}

#[test]
fn containerd_takes_the_image_for_this_machine() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    for pull in [containerd::pull, containerd::pull_by_mirror] {
        assert_eq!(pull(&installation.pull_of("both")), Ok(index.digest.to_string()));
    }
    assert_eq!(installation.calls("s3:GetObject").len(), 2);
}

#[test]
fn wharfinger_takes_the_image_for_this_machine() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    let pull = installation.pull_of("both");
    let pulled = own::pull_into(&Home::new(&pull.ca), &pull, "oci:app");
    assert_eq!(pulled, Ok(index.here.digest().to_string()));
    assert_ne!(index.here.digest(), index.elsewhere.digest());
}

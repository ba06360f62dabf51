//! What must not be read in the server's log, whatever was done and however much is logged.

use crate::home::Home;
use crate::installation::Installation;
use crate::leak::find;
use crate::{containerd, own, podman, skopeo};

/// Each test looks through its server's log when it ends; this one lets everything happen to one server.
#[test]
fn the_log_of_a_busy_server_tells_much_and_no_secret() {
    let installation = Installation::new();
    let (digest, pull) = (installation.digest(), installation.pull());
    let home = Home::new(&pull.ca);
    let (stranger, layout) = (pull.clone().with_wrong_password(), format!("oci:app:{}", pull.image));
    for client in [skopeo::pull, podman::pull, containerd::pull, containerd::pull_by_mirror] {
        assert_eq!(client(&pull), Ok(digest.clone()));
        client(&stranger).unwrap_err();
    }
    own::pull_into(&home, &pull, "oci:app").unwrap();
    skopeo::push(&home, &pull, &layout).unwrap_err();
    skopeo::pull(&installation.pull_of("missing")).unwrap_err();

    let log = installation.log();
    for told in [
        "DEBUG",
        "token minted",
        "role assumed",
        "logged in to ECR",
        "a request was refused",
    ] {
        assert!(log.contains(told), "`{told}` is not in the log:\n{log}");
    }
    assert_eq!(find(&log, &[pull.password, stranger.password]), None);
}

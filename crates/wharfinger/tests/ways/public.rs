//! What anybody may pull.

use serde_json::json;

use crate::page;
use crate::site::{IMAGES, REPOSITORY, Site, robot};

#[test]
fn nobody_pulls_out_of_ecr_public() {
    let mut site = Site::new();
    let name = site.publish(IMAGES, REPOSITORY);
    let (robot, token) = robot("acme", "ci", json!({}));
    let resources = page::resources("Images that anybody may pull", &[]) + &robot;
    site.serve("", "", &resources, &[]);
    let before = site.count();
    for image in [format!("public.ecr.aws/{name}:1"), format!("prod/{name}:1")] {
        let pulled = site.pull_image(&image, "robot", &token);
        assert!(site.is_pulled(&pulled), "{image}: {pulled:?}");
    }
    let calls = site.calls_since(before);
    assert!(!calls.is_empty());
    assert!(calls.iter().all(|call| call.principal.is_none()), "{calls:?}");

    let refused = site.pull_image("public.ecr.aws/r0000000/no/such:1", "robot", &token);
    assert!(
        refused
            .as_ref()
            .is_err_and(|why| why.contains("not found") || why.contains("not exist")),
        "{refused:?}"
    );
}

#[test]
fn a_private_registry_wants_an_identity() {
    let private = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resources.yaml");
    std::fs::write(
        &file,
        page::resources("Images that anybody may pull", &[("public.ecr.aws", private)]),
    )
    .unwrap();
    let refused = state::Live::load(vec![file]).unwrap_err().to_string();
    assert!(
        refused.contains("public.ecr.aws") && refused.contains("anonymous"),
        "{refused}"
    );
}

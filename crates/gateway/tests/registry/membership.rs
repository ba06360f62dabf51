//! Digests are no secrets: whoever knows one gets the content only where the upstream says that it is.

use bytes::Bytes;
use oci::{Digest, MediaType};

use crate::{
    aws::{OTHER_REGISTRY, REGISTRY},
    wharf::{OTHER_TOKEN, Wharf, refused},
};

const SECRET: &[u8] = b"what only acme may read";

async fn as_other(wharf: &Wharf, path: &str) -> reqwest::Response {
    wharf
        .anonymous("GET", path)
        .basic_auth("robot", Some(OTHER_TOKEN))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn cached_content_of_one_team_is_not_handed_to_another_that_knows_the_digest() {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", SECRET);
    wharf.get("prod/team/app/manifests/1").await;
    assert_eq!(
        wharf
            .get(&format!("prod/team/app/blobs/{layer}"))
            .await
            .bytes()
            .await
            .unwrap(),
        SECRET
    );
    for (end, code) in [
        (format!("blobs/{layer}"), "BLOB_UNKNOWN"),
        (format!("manifests/{manifest}"), "MANIFEST_UNKNOWN"),
    ] {
        let (status, found, _) = refused(as_other(&wharf, &format!("prod/their/app/{end}")).await).await;
        assert_eq!((status, found.as_str()), (404, code));
    }
}

#[tokio::test]
async fn a_manifest_that_names_a_digest_is_no_proof_that_its_layer_is_there() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", SECRET);
    wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    // A manifest in the other team's repository lists acme's layer, as one that is to be found elsewhere.
    let config = oci::Descriptor::new(MediaType::OCI_CONFIG, Digest::of(b"{}"), 2);
    let foreign = oci::Descriptor::new(MediaType::OCI_LAYER_GZIP, layer.clone(), SECRET.len() as u64);
    let bait = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [foreign] });
    wharf.aws.push_manifest(
        &format!("{OTHER_REGISTRY}/their/app"),
        "bait",
        MediaType::OCI_MANIFEST,
        Bytes::from(bait.to_string()),
    );
    assert_eq!(as_other(&wharf, "prod/their/app/manifests/bait").await.status(), 200);
    let (status, code, _) = refused(as_other(&wharf, &format!("prod/their/app/blobs/{layer}")).await).await;
    assert_eq!((status, code.as_str()), (404, "BLOB_UNKNOWN"));
}

#[tokio::test]
async fn where_both_repositories_have_the_content_it_is_downloaded_once() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", SECRET);
    wharf.aws.push(&format!("{OTHER_REGISTRY}/their/app"), "1", SECRET);
    wharf
        .get(&format!("prod/team/app/blobs/{layer}"))
        .await
        .bytes()
        .await
        .unwrap();
    let theirs = as_other(&wharf, &format!("prod/their/app/blobs/{layer}")).await;
    assert_eq!(theirs.bytes().await.unwrap(), SECRET);
    let downloads = wharf
        .aws
        .seen()
        .iter()
        .filter(|seen| seen.host == crate::aws::BUCKET)
        .count();
    assert_eq!(downloads, 1);
    assert_eq!(
        wharf.aws.count(OTHER_REGISTRY, &format!("/blobs/{layer}")),
        1,
        "the other registry was asked"
    );
}

#[tokio::test]
async fn a_blob_of_one_repository_is_not_one_of_its_neighbour() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", SECRET);
    wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    let (status, code, _) = wharf.refusal(&format!("prod/team/neighbour/blobs/{layer}")).await;
    assert_eq!((status, code.as_str()), (404, "BLOB_UNKNOWN"));
}

//! Who sends the layers, and what is fetched before anybody asks.

use bytes::Bytes;
use oci::{Descriptor, Digest, MediaType};

use crate::{
    access::wharf,
    aws::{BUCKET, REGISTRY},
    wharf::Wharf,
};

const LARGE: usize = 2 * 1024 * 1024;

/// Pushes an image with a configuration and three layers, of which the last is large; their digests.
fn push(wharf: &Wharf) -> Vec<Digest> {
    let blobs = [
        Bytes::from_static(b"{}"),
        Bytes::from_static(b"one"),
        Bytes::from_static(b"two"),
        Bytes::from(vec![7; LARGE]),
    ];
    let place = format!("{REGISTRY}/team/app");
    let described = |blob: &Bytes| Descriptor::new(MediaType::OCI_LAYER_GZIP, Digest::of(blob), blob.len() as u64);
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": Descriptor::new(MediaType::OCI_CONFIG, Digest::of(&blobs[0]), 2),
        "layers": blobs[1..].iter().map(described).collect::<Vec<_>>(),
    });
    wharf
        .aws
        .push_manifest(&place, "1", MediaType::OCI_MANIFEST, manifest.to_string().into());
    blobs.iter().for_each(|blob| wharf.aws.push_blob(&place, blob));
    blobs.iter().map(|blob| Digest::of(blob)).collect()
}

fn path(digest: &Digest) -> String {
    format!("prod/team/app/blobs/{digest}")
}

#[tokio::test]
async fn a_redirect_moves_no_byte_and_is_good_for_this_blob_alone() {
    let wharf = wharf("  delivery: redirect\n").await;
    let blobs = push(&wharf);
    wharf.get("prod/team/app/manifests/1").await;
    for blob in &blobs {
        let answer = wharf.get(&path(blob)).await;
        assert_eq!(answer.status(), 307);
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("https://{BUCKET}/")) && location.contains(&blob.to_string()));
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    assert_eq!(wharf.aws.count(BUCKET, ""), 0);
    let known = wharf.request("GET", &path(&blobs[3]));
    let known = known.header("if-none-match", format!("\"{}\"", blobs[3])).send().await;
    assert_eq!(known.unwrap().status(), 304, "whoever has it is sent nowhere");

    let head = wharf.request("HEAD", &path(&blobs[3])).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], LARGE.to_string());
    assert_eq!(wharf.aws.count(BUCKET, ""), 0);
}

#[tokio::test]
async fn a_redirect_stays_one_after_any_number_of_heads() {
    let wharf = wharf("  delivery: redirect\n").await;
    let blobs = push(&wharf);
    // Nothing says how large it is, so its head has it fetched.
    for _ in 0..20 {
        let head = wharf.request("HEAD", &path(&blobs[1])).send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), &head.headers()["content-length"]),
            (200, &"3".parse().unwrap())
        );
        assert_eq!(wharf.get(&path(&blobs[1])).await.status(), 307);
    }
}

#[tokio::test]
async fn a_redirect_asks_aws_each_time_whether_the_blob_is_in_the_repository() {
    let wharf = wharf("  delivery: redirect\n").await;
    let blobs = push(&wharf);
    assert_eq!(wharf.get(&path(&blobs[3])).await.status(), 307);
    wharf.aws.registry_answers(Some((403, "no")));
    assert_eq!(wharf.get(&path(&blobs[3])).await.status(), 403);
    wharf.aws.registry_answers(None);
    let other = format!("prod/team/other/blobs/{}", blobs[3]);
    assert_eq!(wharf.get(&other).await.status(), 404);
}

#[tokio::test]
async fn what_is_small_or_at_hand_is_streamed_and_the_rest_redirected() {
    let wharf = wharf("  delivery: auto\n").await;
    let blobs = push(&wharf);
    wharf.get("prod/team/app/manifests/1").await;
    for (blob, status) in blobs.iter().zip([200, 200, 200, 307]) {
        let answer = wharf.get(&path(blob)).await;
        assert_eq!(answer.status(), status, "{blob}");
        answer.bytes().await.unwrap();
    }
    assert_eq!(
        wharf.aws.count(BUCKET, &blobs[3].to_string()),
        0,
        "nothing was fetched ahead"
    );
    // A client that knows the blob's digest from elsewhere: nothing says how large it is.
    wharf
        .aws
        .push_blob(&format!("{REGISTRY}/team/app"), &Bytes::from_static(b"unheard of"));
    let unknown = wharf.get(&path(&Digest::of(b"unheard of"))).await;
    assert_eq!(unknown.status(), 307);
}

#[tokio::test]
async fn the_other_layers_are_fetched_while_the_first_is_read() {
    let wharf = wharf("").await;
    let blobs = push(&wharf);
    wharf.get("prod/team/app/manifests/1").await;
    assert_eq!(
        wharf.aws.count(BUCKET, ""),
        0,
        "a manifest alone may be all that somebody wants"
    );
    wharf.get(&path(&blobs[1])).await.bytes().await.unwrap();
    for blob in &blobs {
        wharf.aws.sent(blob).await;
    }
    for blob in &blobs {
        wharf.get(&path(blob)).await.bytes().await.unwrap();
        assert_eq!(wharf.aws.count(BUCKET, &blob.to_string()), 1, "{blob}");
    }
}

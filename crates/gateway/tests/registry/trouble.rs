//! An upstream that stumbles, lies, or sends too much.

use bytes::Bytes;
use oci::{Manifest, MediaType};

use crate::{
    aws::{BUCKET, REGISTRY, answer},
    wharf::{DOMAIN, Wharf},
};

const MANIFEST: &str = "/v2/team/app/manifests/1";

#[tokio::test]
async fn a_stumble_is_not_passed_on() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    wharf.aws.order(MANIFEST, answer(503, &[], ""));
    wharf.aws.order(MANIFEST, answer(429, &[], ""));
    assert_eq!(wharf.get("prod/team/app/manifests/1").await.status(), 200);
    wharf
        .aws
        .order(&format!("/{REGISTRY}/team/app/{layer}"), answer(503, &[], ""));
    wharf.aws.order(
        &format!("/{REGISTRY}/team/app/{layer}"),
        answer(403, &[], "Request has expired"),
    );
    let blob = wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    assert_eq!(blob.bytes().await.unwrap(), "layer");
}

/// The registry is asked once for the URL, and again only when that has ended.
#[tokio::test]
async fn a_layer_goes_on_where_it_broke_and_with_the_url_that_it_has() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let path = format!("/{REGISTRY}/team/app/{layer}");
    let registry = |wharf: &Wharf| wharf.aws.count(REGISTRY, &format!("/blobs/{layer}"));
    wharf
        .aws
        .order(&path, answer(206, &[("content-range", "bytes 0-2/5")], "lay"));
    wharf
        .aws
        .order(&path, answer(206, &[("content-range", "bytes 3-3/5")], "e"));
    wharf.aws.order(&path, answer(503, &[], "Slow Down"));
    wharf.aws.order(&path, answer(403, &[], "Request has expired"));
    let blob = wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    assert_eq!(blob.bytes().await.unwrap(), "layer");
    assert_eq!(registry(&wharf), 2);
    let asked: Vec<_> = wharf
        .aws
        .seen()
        .into_iter()
        .filter(|seen| seen.host == BUCKET && seen.path.ends_with(&layer.to_string()))
        .collect();
    let ranges: Vec<_> = asked
        .iter()
        .map(|seen| seen.headers.get("range").map_or("", |range| range.to_str().unwrap()))
        .collect();
    assert_eq!(ranges, ["", "bytes=3-", "bytes=4-", "bytes=4-", "bytes=4-"]);
}

#[tokio::test]
async fn lasting_trouble_is_an_error_that_says_so() {
    let wharf = Wharf::build().await;
    for (status, expected, code) in [(503, 503, "UNAVAILABLE"), (429, 429, "TOOMANYREQUESTS")] {
        for _ in 0..3 {
            wharf.aws.order(MANIFEST, answer(status, &[], ""));
        }
        let answer = wharf.get("prod/team/app/manifests/1").await;
        assert!(answer.headers().contains_key("retry-after"));
        let (found, found_code, _) = crate::wharf::refused(answer).await;
        assert_eq!((found, found_code.as_str()), (expected, code));
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_it_claims_is_not_served_and_not_kept() {
    let wharf = Wharf::build().await;
    let (manifest, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let json = ("content-type", MediaType::OCI_MANIFEST);
    let claimed = manifest.to_string();
    let lies = [
        (
            MANIFEST.to_owned(),
            answer(200, &[json, ("docker-content-digest", &claimed)], "{}"),
        ),
        (format!("/v2/team/app/manifests/{manifest}"), answer(200, &[json], "{}")),
        (MANIFEST.to_owned(), answer(200, &[], "{}")),
        (
            MANIFEST.to_owned(),
            answer(200, &[json], vec![b' '; Manifest::MAX_LENGTH + 1]),
        ),
    ];
    for (path, lie) in lies {
        // Once more, for the first may have been an accident on the way.
        wharf.aws.order(&path, lie.clone());
        wharf.aws.order(&path, lie);
        let (status, code, _) = wharf.refusal(&format!("prod{}", &path[3..])).await;
        assert_eq!((status, code.as_str()), (502, "UNAVAILABLE"), "{path}");
    }
    assert_eq!(
        wharf.get("prod/team/app/manifests/1").await.headers()["docker-content-digest"],
        claimed
    );
}

#[tokio::test]
async fn a_blob_with_wrong_bytes_never_arrives_whole_and_is_not_kept() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    wharf
        .aws
        .order(&format!("/{REGISTRY}/team/app/{layer}"), answer(200, &[], "lyaer"));
    let path = format!("prod/team/app/blobs/{layer}");
    let answer = wharf.get(&path).await;
    let is_refused = answer.status() == 502;
    assert!(
        is_refused || answer.bytes().await.is_err(),
        "an error, before the first byte or instead of the last"
    );
    assert_eq!(wharf.get(&path).await.bytes().await.unwrap(), "layer");
    assert_eq!(wharf.aws.seen().iter().filter(|seen| seen.host == BUCKET).count(), 2);
}

#[tokio::test]
async fn a_large_index_is_carried_byte_for_byte() {
    let wharf = Wharf::build().await;
    // Spaces and order that no serializer would keep.
    let index = Bytes::from_static(b"{ \"manifests\" : [ ],\n\n \"schemaVersion\":2 }");
    wharf.aws.push_manifest(
        &format!("{REGISTRY}/team/app"),
        "all",
        MediaType::DOCKER_LIST,
        index.clone(),
    );
    let answer = wharf.get("prod/team/app/manifests/all").await;
    assert_eq!(answer.headers()["content-type"], MediaType::DOCKER_LIST);
    assert_eq!(answer.bytes().await.unwrap(), index);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_stops_no_pull() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let blob = format!("prod/team/app/blobs/{layer}");
    wharf.break_disk(true);
    for _ in 0..2 {
        assert_eq!(wharf.get("prod/team/app/manifests/1").await.status(), 200);
        assert_eq!(wharf.get(&blob).await.bytes().await.unwrap(), "layer");
        let part = wharf
            .request("GET", &blob)
            .header("range", "bytes=1-3")
            .send()
            .await
            .unwrap();
        assert_eq!(part.status(), 206);
        assert_eq!(part.bytes().await.unwrap(), "aye");
    }
    let bucket = format!("/{REGISTRY}/team/app/{layer}");
    // The store's download is the first to ask; it ends when the disk takes nothing.
    for _ in 0..2 {
        wharf.aws.order(&bucket, answer(200, &[], "lyaer"));
    }
    let wrong = async { wharf.request("GET", &blob).send().await?.bytes().await };
    assert!(wrong.await.is_err(), "wrong bytes came to their end");

    wharf.break_disk(false);
    assert_eq!(wharf.get(&blob).await.bytes().await.unwrap(), "layer");
    let before = wharf.aws.count(BUCKET, &layer.to_string());
    assert_eq!(wharf.get(&blob).await.bytes().await.unwrap(), "layer");
    assert_eq!(wharf.aws.count(BUCKET, &layer.to_string()), before, "it is kept again");
}

/// The child, whose files may not grow beyond a MiB.
async fn pull_what_no_file_takes() {
    let wharf = Wharf::build().await;
    let content: Vec<u8> = (0..5_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    let content = Bytes::from(content);
    let layer = oci::Digest::of(&content);
    wharf.aws.push_blob(&format!("{REGISTRY}/team/app"), &content);
    let path = format!("team/app/blobs/{layer}");
    for _ in 0..2 {
        // In the clear, where the kernel sends what is in the file, and under TLS.
        let clear = wharf.get(&format!("prod/{path}")).await;
        let secure = wharf.secure("GET", DOMAIN, &path).send().await.unwrap();
        for answer in [clear, secure] {
            assert_eq!(
                (answer.status().as_u16(), answer.content_length()),
                (200, Some(5_000_000))
            );
            assert!(answer.bytes().await.unwrap() == content);
        }
    }
    let bucket = format!("/{REGISTRY}/team/app/{layer}");
    let mut wrong = content.to_vec();
    wrong[4_999_999] ^= 1;
    for body in [content, wrong.into()] {
        wharf.aws.order(&bucket, answer(200, &[], body));
    }
    let answer = async { wharf.get(&format!("prod/{path}")).await.bytes().await };
    assert!(answer.await.is_err(), "wrong bytes came to their end");
}

#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_of_a_layer_stops_no_pull() {
    const CHILD: &str = "GATEWAY_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return pull_what_no_file_takes().await;
    }
    // 512 KiB or 1 MiB, as the shell counts; reported as an error because the signal is ignored.
    let script = r#"trap '' XFSZ; ulimit -f 1024; exec "$0" "$@""#;
    let test = "trouble::a_disk_that_is_full_in_the_middle_of_a_layer_stops_no_pull";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}

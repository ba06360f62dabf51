//! The API: routes, methods, headers, ranges.

use oci::{Digest, MediaType};

use crate::{
    aws::REGISTRY,
    wharf::{OTHER_TOKEN, Wharf, refused},
};

const LAYER: &[u8] = b"0123456789";

async fn with_image() -> (Wharf, Digest, Digest) {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", LAYER);
    (wharf, manifest, layer)
}

#[tokio::test]
async fn whoever_has_no_token_is_asked_to_log_in_whatever_the_path() {
    let wharf = Wharf::build().await;
    for path in [
        "",
        "prod/team/app/manifests/1",
        "no/such/path",
        "UPPER/manifests/1",
        "prod/team/app/blobs/uploads/",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = wharf.anonymous(method, path).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert!(
                answer.headers()["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Basic realm=")
            );
            assert_eq!(answer.headers()["docker-distribution-api-version"], "registry/2.0");
        }
    }
    let answer = wharf
        .anonymous("GET", "")
        .basic_auth("robot", Some("whr_wrong"))
        .send()
        .await
        .unwrap();
    let (status, code, message) = refused(answer).await;
    assert_eq!((status, code.as_str()), (401, "UNAUTHORIZED"));
    assert!(!message.contains("whr_wrong"));
    assert!(wharf.aws.seen().is_empty(), "nothing was asked upstream");
}

#[tokio::test]
async fn the_head_of_the_registry_has_the_headers_of_get() {
    let wharf = Wharf::build().await;
    let headers = async |method| {
        let mut headers = wharf.request(method, "").send().await.unwrap().headers().clone();
        headers.remove("date");
        headers
    };
    let get = headers("GET").await;
    assert_eq!(get["content-length"], "2");
    assert_eq!(headers("HEAD").await, get);
}

#[tokio::test]
async fn a_manifest_comes_by_each_name_with_its_type_and_digest() {
    let (wharf, manifest, _) = with_image().await;
    for path in [
        format!("{REGISTRY}/team/app/manifests/1"),
        format!("{REGISTRY}/team/app/manifests/{manifest}"),
        "prod/team/app/manifests/1".to_owned(),
        format!("team/app/manifests/1?ns={REGISTRY}"),
    ] {
        let answer = wharf.get(&path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], MediaType::OCI_MANIFEST);
        assert_eq!(answer.headers()["docker-content-digest"], manifest.to_string());
        assert_eq!(Digest::of(&answer.bytes().await.unwrap()), manifest);
        let head = wharf.request("HEAD", &path).send().await.unwrap();
        assert_eq!(head.headers()["docker-content-digest"], manifest.to_string());
        assert!(
            head.headers()["content-length"]
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
                > 0
        );
        assert!(head.bytes().await.unwrap().is_empty());
    }
    assert_eq!(
        wharf.aws.count(REGISTRY, "/manifests/1"),
        1,
        "the other names found it at hand"
    );
}

#[tokio::test]
async fn a_tag_is_asked_for_again_when_its_lifetime_is_over() {
    let (wharf, _, _) = with_image().await;
    let path = "prod/team/app/manifests/1";
    wharf.get(path).await;
    wharf.wait(jiff::SignedDuration::from_secs(59));
    wharf.get(path).await;
    assert_eq!(wharf.aws.count(REGISTRY, "/manifests/1"), 1);
    let (moved, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"another layer");
    wharf.wait(jiff::SignedDuration::from_secs(1));
    assert_eq!(
        wharf.get(path).await.headers()["docker-content-digest"],
        moved.to_string()
    );
}

#[tokio::test]
async fn the_full_list_of_types_is_asked_for_whatever_the_client_accepts() {
    let (wharf, _, _) = with_image().await;
    wharf
        .request("GET", "prod/team/app/manifests/1")
        .header("accept", MediaType::DOCKER_MANIFEST)
        .send()
        .await
        .unwrap();
    let seen = wharf.aws.seen();
    let asked = seen.iter().find(|seen| seen.path.ends_with("/manifests/1")).unwrap();
    assert_eq!(asked.headers["accept"], MediaType::ANY_MANIFEST);
}

#[tokio::test]
async fn a_blob_comes_whole_or_in_part() {
    let (wharf, _, layer) = with_image().await;
    let path = format!("prod/team/app/blobs/{layer}");
    let head = wharf.request("HEAD", &path).send().await.unwrap();
    assert_eq!(
        (
            head.status().as_u16(),
            head.headers()["content-length"].to_str().unwrap()
        ),
        (200, "10")
    );
    let whole = wharf.get(&path).await;
    assert_eq!(whole.headers()["docker-content-digest"], layer.to_string());
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.bytes().await.unwrap(), LAYER);
    for (range, status, content_range, bytes) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=8-100", 206, "bytes 8-9/10", "89"),
        ("bytes=0-1,3-4", 200, "", "0123456789"),
        ("lines=1-2", 200, "", "0123456789"),
    ] {
        let answer = wharf.request("GET", &path).header("range", range).send().await.unwrap();
        assert_eq!(answer.status(), status, "{range}");
        let found = answer
            .headers()
            .get("content-range")
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        assert_eq!(found, content_range, "{range}");
        assert_eq!(answer.bytes().await.unwrap(), bytes, "{range}");
    }
    let beyond = wharf
        .request("GET", &path)
        .header("range", "bytes=10-")
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), 416);
    assert_eq!(beyond.headers()["content-range"], "bytes */10");
}

#[tokio::test]
async fn a_push_is_refused_with_what_this_registry_is_for() {
    let wharf = Wharf::build().await;
    for (method, path) in [
        ("POST", "prod/team/app/blobs/uploads/"),
        ("PATCH", "prod/team/app/blobs/uploads/1"),
        ("PUT", "prod/team/app/manifests/1"),
        ("DELETE", "prod/team/app/manifests/1"),
        ("GET", "prod/team/app/blobs/uploads/1"),
    ] {
        let answer = wharf.request(method, path).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
        let (status, code, message) = refused(answer).await;
        assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"), "{method} {path}");
        assert!(message.contains("push to the ECR registry itself"), "{message}");
    }
}

#[tokio::test]
async fn what_is_not_offered_or_not_understood_has_its_error() {
    let wharf = Wharf::build().await;
    for (path, status, code) in [
        (
            "prod/team/app/tags/list?n=-1".to_owned(),
            400,
            "PAGINATION_NUMBER_INVALID",
        ),
        ("prod/team/app/referrers/1".to_owned(), 400, "DIGEST_INVALID"),
        (
            format!("prod/team/app/tags/list?{}", "a".repeat(5000)),
            414,
            "UNSUPPORTED",
        ),
        ("_catalog".to_owned(), 404, "UNSUPPORTED"),
        ("prod/team/app".to_owned(), 404, "UNSUPPORTED"),
        ("app/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("nope/team/app/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        (
            "registry.example.com/team/app/manifests/1".to_owned(),
            404,
            "NAME_UNKNOWN",
        ),
        (
            format!("{REGISTRY}.example.org/team/app/manifests/1"),
            404,
            "NAME_UNKNOWN",
        ),
        ("team/app/manifests/1?ns=docker.io".to_owned(), 404, "NAME_UNKNOWN"),
        ("prod/Team/app/manifests/1".to_owned(), 400, "NAME_INVALID"),
        ("prod/team/app/blobs/sha256:00".to_owned(), 400, "DIGEST_INVALID"),
        ("prod/team/app/manifests/sha256:00".to_owned(), 404, "MANIFEST_UNKNOWN"),
    ] {
        let (found, found_code, _) = wharf.refusal(&path).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{path}");
    }
    assert!(wharf.aws.seen().is_empty(), "nothing was asked upstream");
}

#[tokio::test]
async fn a_team_does_not_reach_another_teams_upstream() {
    let (wharf, manifest, layer) = with_image().await;
    wharf.get("prod/team/app/manifests/1").await;
    wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    for end in [
        "manifests/1".to_owned(),
        format!("manifests/{manifest}"),
        format!("blobs/{layer}"),
    ] {
        let path = format!("{REGISTRY}/team/app/{end}");
        let answer = wharf
            .anonymous("GET", &path)
            .basic_auth("robot", Some(OTHER_TOKEN))
            .send()
            .await
            .unwrap();
        let (status, code, message) = refused(answer).await;
        assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"), "{path}");
        assert!(message.contains("team `other` has no upstream"), "{message}");
    }
}

//! What a client gets that does not understand the stored type.

use oci::{Digest, MediaType};

use crate::{aws::REGISTRY, wharf::Wharf};

const BY_TAG: &str = "prod/team/app/manifests/1";

#[tokio::test]
async fn a_client_of_other_types_gets_by_tag_what_ecr_gives_it_whoever_asked_before() {
    let wharf = Wharf::build().await;
    let (stored, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let ask = |accept: &'static str| wharf.request("GET", BY_TAG).header("accept", accept).send();
    // Twice in each order: nothing of what one client is given comes to the other.
    for accept in [
        MediaType::DOCKER_MANIFEST,
        MediaType::OCI_MANIFEST,
        MediaType::DOCKER_MANIFEST,
        MediaType::ANY_MANIFEST,
    ] {
        let answer = ask(accept).await.unwrap();
        assert_eq!(answer.status(), 200, "{accept}");
        let digest = answer.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(digest, Digest::of(&bytes).to_string());
        assert_eq!(digest == stored.to_string(), accept != MediaType::DOCKER_MANIFEST);
        assert!(accept.contains(&media_type), "{media_type}");
        let again = wharf.get(&format!("prod/team/app/manifests/{digest}")).await;
        let expected = if digest == stored.to_string() { 200 } else { 404 };
        assert_eq!(
            again.status(),
            expected,
            "what ECR has not under its digest is not here either"
        );
    }
    let (status, code, message) = crate::wharf::refused(ask(MediaType::DOCKER_LIST).await.unwrap()).await;
    assert_eq!((status, code.as_str()), (404, "MANIFEST_UNKNOWN"), "as ECR says");
    // ECR's words alone would have somebody look for a tag that is there.
    let cause = format!(
        "Likely cause: the tag is there and is one image, of the type `{}`",
        MediaType::OCI_MANIFEST
    );
    assert!(message.contains(&cause), "{message}");
}

#[tokio::test]
async fn a_refusal_of_a_conversion_ends_what_is_cached() {
    let wharf = Wharf::build().await;
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    assert_eq!(wharf.get(BY_TAG).await.status(), 200);
    wharf.aws.registry_answers(Some((403, "")));
    let other = wharf
        .request("GET", BY_TAG)
        .header("accept", MediaType::DOCKER_MANIFEST);
    assert_eq!(other.send().await.unwrap().status(), 403);
    assert_eq!(wharf.get(BY_TAG).await.status(), 403);
    wharf.aws.registry_answers(None);
    assert_eq!(wharf.get(BY_TAG).await.status(), 200);
}

#[tokio::test]
async fn by_digest_everybody_gets_the_bytes_of_the_digest() {
    let wharf = Wharf::build().await;
    let (stored, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let path = format!("prod/team/app/manifests/{stored}");
    for accept in [MediaType::DOCKER_MANIFEST, "text/html", "*/*"] {
        let answer = wharf
            .request("GET", &path)
            .header("accept", accept)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-type"], MediaType::OCI_MANIFEST);
        assert_eq!(Digest::of(&answer.bytes().await.unwrap()), stored, "{accept}");
    }
}

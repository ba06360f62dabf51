//! Credentials stay on their side, and this server goes nowhere else.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    aws::{BUCKET, REGISTRY, Seen, answer},
    wharf::{TOKEN, Wharf},
};

#[tokio::test]
async fn the_clients_token_travels_nowhere_and_the_login_not_to_the_bucket() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    wharf.get("prod/team/app/manifests/1").await;
    wharf
        .get(&format!("prod/team/app/blobs/{layer}"))
        .await
        .bytes()
        .await
        .unwrap();
    let seen = wharf.aws.seen();
    let encoded = STANDARD.encode(format!("robot:{TOKEN}"));
    for seen in &seen {
        let text = format!("{seen:?}");
        assert!(!text.contains(TOKEN) && !text.contains(&encoded), "{text}");
    }
    let at_bucket: Vec<_> = seen.iter().filter(|seen| seen.host == BUCKET).collect();
    assert!(!at_bucket.is_empty());
    let has_login = |seen: &&&Seen| seen.headers.contains_key("authorization");
    assert_eq!(at_bucket.iter().filter(has_login).count(), 0);
}

#[tokio::test]
async fn no_answer_shows_the_upstreams_login_or_a_signed_url() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    for path in [
        "prod/team/app/manifests/1".to_owned(),
        format!("prod/team/app/blobs/{layer}"),
        "prod/no/app/manifests/1".to_owned(),
    ] {
        let response = wharf.get(&path).await;
        let headers = format!("{:?}", response.headers());
        let text = format!("{headers} {:?}", response.bytes().await.unwrap());
        for secret in [
            "password-",
            &STANDARD.encode("AWS:password-0"),
            "the-secret-access-key",
            "the-session-token",
            "X-Amz-Signature",
        ] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_layer_bucket_or_is_refused() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let path = format!("/v2/team/app/blobs/{layer}");
    for location in [
        "https://169.254.169.254/latest/meta-data/",
        "https://registry.example.com/layer",
        "https://somebodys-bucket.s3.us-east-1.amazonaws.com/layer",
        "https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/layer",
        "http://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/layer",
        "https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com:8443/layer",
        "https://user@prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/layer",
        "/somewhere/relative",
        "file:///etc/passwd",
    ] {
        wharf.aws.order(&path, answer(307, &[("location", location)], ""));
        let before = wharf.aws.seen().len();
        let (status, code, message) = wharf.refusal(&format!("prod/team/app/blobs/{layer}")).await;
        assert_eq!((status, code.as_str()), (502, "UNAVAILABLE"), "{location}");
        assert!(message.contains("redirects to"), "{message}");
        let hosts: Vec<_> = wharf.aws.seen()[before..]
            .iter()
            .map(|seen| seen.host.clone())
            .filter(|host| host != REGISTRY)
            .collect();
        assert!(
            hosts
                .iter()
                .all(|host| host.starts_with("sts.") || host.starts_with("api.")),
            "{location}: {hosts:?}"
        );
    }
    let good = wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    assert_eq!(
        good.bytes().await.unwrap(),
        "layer",
        "a refused redirect proved nothing and spoiled nothing"
    );
}

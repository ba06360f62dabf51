use std::time::Duration;

use oci::Digest;

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, Stage, basic},
};

/// A stage with one layer, the layer, and a URL for it.
async fn layer() -> (Stage, Vec<u8>, String) {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let layer = Image::new(1).layer;
    assert_eq!(stage.upload(&login, "team/app", &layer).await.status, 201);
    let url = stage.layer_url(&login, "team/app", &Digest::of(&layer)).await;
    (stage, layer, url)
}

async fn get(stage: &Stage, url: &str) -> Answer {
    stage.send(stage.get(url).build().unwrap()).await
}

#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (status, code),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("content-type"), "application/xml");
    assert!(
        answer
            .text()
            .starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>")
    );
    assert_eq!(answer.element("RequestId"), answer.header("x-amz-request-id"));
}

#[tokio::test]
async fn the_url_is_all_it_takes() {
    let (stage, layer, url) = layer().await;
    let answer = get(&stage, &url).await.ok();
    assert_eq!(answer.body, layer);
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(url.contains("X-Amz-Expires=3600&"), "{url}");
    assert!(url.contains("X-Amz-SignedHeaders=host&"), "{url}");
}

#[tokio::test]
async fn a_range_is_served() {
    let (stage, layer, url) = layer().await;
    let length = layer.len();
    let cases = [
        ("bytes=0-0".to_owned(), 0..1),
        ("bytes=300000-".to_owned(), 300_000..length),
        ("bytes=-5".to_owned(), length - 5..length),
        (format!("bytes=10-{}", length + 10), 10..length),
    ];
    for (range, expected) in cases {
        let request = stage.get(&url).header("range", &range).build().unwrap();
        let answer = stage.send(request).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.body, layer[expected.clone()], "{range}");
        assert_eq!(
            answer.header("content-range"),
            format!("bytes {}-{}/{length}", expected.start, expected.end - 1)
        );
    }
    let beyond = stage
        .get(&url)
        .header("range", format!("bytes={length}-"))
        .build()
        .unwrap();
    let beyond = stage.send(beyond).await;
    assert_error(&beyond, 416, "InvalidRange");
    assert_eq!(beyond.element("ActualObjectSize"), length.to_string());
}

#[tokio::test]
async fn a_second_authentication_is_refused() {
    let (stage, _, url) = layer().await;
    let login = stage.root_login(ACCOUNT).await;
    for authorization in [login, basic("any", "thing"), "Bearer abc".to_owned()] {
        let request = stage.get(&url).header("authorization", &authorization).build().unwrap();
        let answer = stage.send(request).await;
        assert_error(&answer, 400, "InvalidArgument");
        assert!(answer.element("Message").starts_with("Only one auth mechanism allowed"));
        assert_eq!(answer.element("ArgumentName"), "Authorization");
        assert_eq!(answer.element("ArgumentValue"), authorization);
    }
}

#[tokio::test]
async fn a_url_ends() {
    let (stage, _, url) = layer().await;
    stage.clock.advance(Duration::from_secs(3599));
    get(&stage, &url).await.ok();
    stage.clock.advance(Duration::from_secs(1));
    let answer = get(&stage, &url).await;
    assert_error(&answer, 403, "AccessDenied");
    assert_eq!(answer.element("Message"), "Request has expired");
    assert_eq!(answer.element("X-Amz-Expires"), "3600");
    assert_eq!(answer.element("Expires"), "2026-11-20T13:00:00Z");
    assert_eq!(answer.element("ServerTime"), "2026-11-20T13:00:00Z");
}

#[tokio::test]
async fn whatever_is_changed_in_a_url_spoils_it() {
    let (stage, _, url) = layer().await;
    let (path, _) = url.split_once('?').unwrap();
    let signature = url.split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap();
    let cases = [
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
        url.replace("X-Amz-Date=20261120T120000Z", "X-Amz-Date=20261120T120001Z"),
        url.replace(signature, &"0".repeat(64)),
        url.replace(path, &format!("{path}0")),
        url.replace("us-east-1%2Fs3", "eu-west-1%2Fs3"),
        format!("{url}&response-content-type=text/html"),
    ];
    for spoilt in cases {
        assert_ne!(spoilt, url);
        assert_error(&get(&stage, &spoilt).await, 403, "SignatureDoesNotMatch");
    }
    let other_region = url.replacen("us-east-1", "eu-west-1", 2);
    assert_error(&get(&stage, &other_region).await, 403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_url_without_a_signature_opens_nothing() {
    let (stage, _, url) = layer().await;
    let (path, query) = url.split_once('?').unwrap();
    assert_error(&get(&stage, path).await, 403, "AccessDenied");
    let key = query
        .split_once("X-Amz-Credential=")
        .unwrap()
        .1
        .split("%2F")
        .next()
        .unwrap();
    let unknown = url.replace(key, "ASIAAAAAAAAAAAAAAAAA");
    assert_error(&get(&stage, &unknown).await, 403, "InvalidAccessKeyId");
    let without_date = url.replace("X-Amz-Date=", "X-Other-Date=");
    assert_error(
        &get(&stage, &without_date).await,
        400,
        "AuthorizationQueryParametersError",
    );
    let forever = url.replace("X-Amz-Expires=3600", "X-Amz-Expires=604801");
    assert_error(&get(&stage, &forever).await, 400, "AuthorizationQueryParametersError");
}

#[tokio::test]
async fn a_url_is_for_its_method() {
    let (stage, _, url) = layer().await;
    let head = stage.send(stage.http.head(&url).build().unwrap()).await;
    assert_eq!((head.status, head.body.len()), (403, 0));
    let put = stage.send(stage.http.put(&url).body("x").build().unwrap()).await;
    assert_error(&put, 405, "MethodNotAllowed");
}

#[tokio::test]
async fn a_request_may_depend_on_the_tag() {
    let (stage, layer, url) = layer().await;
    let etag = get(&stage, &url).await.header("etag").to_owned();
    assert_eq!(etag.len(), 34);
    let with = |name: &'static str, value: &str| {
        let request = stage.get(&url).header(name, value).header("range", "bytes=0-9");
        stage.send(request.build().unwrap())
    };
    let failed = with("if-match", "\"other\"").await;
    assert_error(&failed, 412, "PreconditionFailed");
    assert_eq!(failed.element("Condition"), "If-Match");
    assert_eq!(with("if-match", &etag).await.status, 206);
    let known = with("if-none-match", &etag).await;
    assert_eq!(
        (known.status, known.header("etag"), known.body.len()),
        (304, etag.as_str(), 0)
    );
    assert_eq!(with("if-none-match", "\"other\"").await.status, 206);
    assert_eq!(with("if-range", &etag).await.body, layer[..10]);
    let all = with("if-range", "\"other\"").await;
    assert_eq!((all.status, all.body.len()), (200, layer.len()));
}

#[tokio::test]
async fn several_ranges_are_none() {
    let (stage, layer, url) = layer().await;
    for range in ["bytes=0-1,3-4", "bytes=5-1", "lines=0-1", "bytes=x-y"] {
        let request = stage.get(&url).header("range", range).build().unwrap();
        let answer = stage.send(request).await;
        assert_eq!((answer.status, answer.body.len()), (200, layer.len()), "{range}");
    }
}

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use net::Body;
use oci::Digest;

use crate::failure::Failure;

/// The answer to `GET /v2/`: yes, this is a registry, and you are let in.
pub(crate) fn base() -> Response<Body> {
    // With its length, which the answer to HEAD would lack otherwise.
    list("application/json", Bytes::from_static(b"{}"))
}

/// The beginning of an answer with a blob, or with a part of it.
pub(crate) fn blob(digest: &Digest, length: u64, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    name_content(&mut response, digest);
    response
}

/// The answer to whoever has the content already (RFC 9110 §15.4.5).
pub(crate) fn not_modified(digest: &Digest) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(API_VERSION.0, API_VERSION.1);
    name_content(&mut response, digest);
    response
}

/// The answer that sends a client to the layer bucket, by a URL that is for this blob alone and ends by itself. Nobody
/// else is to keep it.
pub(crate) fn elsewhere(digest: &Digest, url: &reqwest::Url) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    set(&mut response, header::LOCATION, url.as_str());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    name_content(&mut response, digest);
    response
}

/// The answer with a list, which is another one the next time.
pub(crate) fn list(content_type: &str, bytes: Bytes) -> Response<Body> {
    let length = bytes.len();
    let mut response = Response::new(Body::from(bytes));
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// The answer to a request that fails; to HEAD without the body.
pub(crate) fn failure(failure: &Failure, head: bool) -> Response<Body> {
    let (status, envelope) = failure.answer();
    // An envelope is made of strings; there is nothing in it that JSON could not say.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    let length = body.len();
    let mut response = Response::new(if head {
        Body::empty()
    } else {
        Body::from(Bytes::from(body))
    });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut response, header::CONTENT_TYPE, "application/json");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    match (failure, status) {
        (Failure::Unauthenticated(_), _) => set(&mut response, header::WWW_AUTHENTICATE, CHALLENGE),
        (Failure::ReadOnly, _) => set(&mut response, header::ALLOW, "GET, HEAD"),
        (Failure::Range(unsatisfiable), _) => {
            set(
                &mut response,
                header::CONTENT_RANGE,
                &format!("bytes */{}", unsatisfiable.length),
            );
        }
        (_, 429 | 503) => set(&mut response, header::RETRY_AFTER, RETRY_AFTER),
        _ => {}
    }
    response
}

pub(crate) fn set(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    // Values come from types whose grammar is narrower than that of headers.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn name_content(response: &mut Response<Body>, digest: &Digest) {
    let digest = digest.to_string();
    set(response, header::ETAG, &format!("\"{digest}\""));
    set(
        response,
        header::HeaderName::from_static("docker-content-digest"),
        &digest,
    );
}

/// By which docker knows a registry.
pub(crate) const API_VERSION: (header::HeaderName, HeaderValue) = (
    header::HeaderName::from_static("docker-distribution-api-version"),
    HeaderValue::from_static("registry/2.0"),
);
const CHALLENGE: &str = r#"Basic realm="wharfinger", charset="UTF-8""#;
const RETRY_AFTER: &str = "5";

#[cfg(test)]
mod tests {
    use super::*;
    use access::Unauthenticated;

    #[test]
    fn whoever_is_not_known_is_asked_to_log_in() {
        let response = failure(&Unauthenticated::Missing.into(), false);
        assert_eq!(response.status(), 401);
        assert!(
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic realm=")
        );
    }
}

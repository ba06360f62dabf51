use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use net::Body;
use oci::{Digest, MediaType};

use crate::{
    answer::{self, API_VERSION},
    conditional::Conditions,
    tally::Kind,
};

/// An answer that is ready to be given any number of times: what is small and is known to the last byte.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    kind: Kind,
    digest: Digest,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Ready {
    /// A manifest.
    pub(crate) fn manifest(digest: &Digest, media_type: &MediaType, bytes: Bytes) -> Self {
        Self::new(Kind::Manifest, digest, media_type.as_str(), bytes)
    }

    /// A blob that was read as a whole.
    pub(crate) fn blob(digest: &Digest, bytes: Bytes) -> Self {
        let mut ready = Self::new(Kind::Blob, digest, "application/octet-stream", bytes);
        ready
            .headers
            .insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        ready
    }

    fn new(kind: Kind, digest: &Digest, media_type: &str, bytes: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        let mut insert = |name, text: &str| {
            // These come from types whose grammar is narrower than that of headers.
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        let text = digest.to_string();
        insert(header::CONTENT_TYPE, media_type);
        insert(header::CONTENT_LENGTH, &bytes.len().to_string());
        insert(header::ETAG, &format!("\"{text}\""));
        insert(header::HeaderName::from_static("docker-content-digest"), &text);
        headers.insert(API_VERSION.0, API_VERSION.1);
        Self {
            kind,
            digest: digest.clone(),
            headers,
            bytes,
        }
    }

    /// What it is the answer with.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The answer to a request by GET or HEAD. Of conditions only whether the client has it already is looked at: what
    /// is wanted in part is not answered from here.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        if Conditions::of(request.headers()).is_current(&self.digest) {
            return answer::not_modified(&self.digest);
        }
        let body = match *request.method() {
            Method::HEAD => Body::empty(),
            _ => Body::from(self.bytes.clone()),
        };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        response
    }

    /// How much memory it takes, about.
    pub(crate) fn weight(&self) -> u64 {
        self.bytes.len() as u64 + 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_answered_with_the_headers_of_get() {
        use http_body::Body as _;
        let ready = Ready::manifest(
            &Digest::of(b"m"),
            &MediaType::OCI_MANIFEST.into(),
            Bytes::from_static(b"m"),
        );
        let ask = |method: Method| ready.answer(&Request::builder().method(method).body(()).unwrap());
        let (get, head) = (ask(Method::GET), ask(Method::HEAD));
        assert_eq!(get.headers(), head.headers());
        assert_eq!(head.headers()["content-length"], "1");
        assert_eq!(head.headers()["docker-content-digest"], Digest::of(b"m").to_string());
        assert!(head.body().is_end_stream() && !get.body().is_end_stream());
    }
}

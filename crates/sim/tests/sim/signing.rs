//! Requests as AWS's SDK signs them.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use jiff::Timestamp;
use reqwest::{Method, Request, Url};
use secrecy::ExposeSecret;
use sim::AccessKey;

/// What a client signs with.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// What a signature is for.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) time: Timestamp,
}

impl From<AccessKey> for Keys {
    fn from(key: AccessKey) -> Self {
        Self {
            id: key.id,
            secret: key.secret.expose_secret().to_owned(),
            token: None,
        }
    }
}

/// A GET whose URL carries the signature.
pub(crate) fn presigned(url: &str, keys: &Keys, scope: Scope<'_>, expires: Duration) -> String {
    presigned_with(url, &[], keys, scope, expires)
}

/// A GET whose URL carries a signature of headers as well.
pub(crate) fn presigned_with(
    url: &str,
    headers: &[(&str, &str)],
    keys: &Keys,
    scope: Scope<'_>,
    expires: Duration,
) -> String {
    let credentials = Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "test").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires);
    let params = v4::SigningParams::builder()
        .identity(&credentials)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::from(scope.time))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let signable = SignableRequest::new("GET", url, headers.iter().copied(), SignableBody::empty()).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = http::Request::get(url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

/// A POST with a signature in its headers.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &[u8], keys: &Keys, scope: Scope<'_>) -> Request {
    let credentials = Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&credentials)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::from(scope.time))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = Request::new(Method::POST, Url::parse(url).unwrap());
    *request.body_mut() = Some(body.to_vec().into());
    let signature = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let signature = signature.collect::<Vec<_>>();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    for (name, value) in signature {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

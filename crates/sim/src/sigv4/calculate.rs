use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::presented::{Placement, Presented, carries_signature};
use crate::{
    credential::{AccessKey, write_secret},
    exchange::Inbound,
    host::Region,
};

/// What was signed of the body.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Bytes(&'a [u8]),
    Unsigned,
}

/// S3 takes the path as it stands; every other service normalizes it and encodes it twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Standard,
    S3,
}

/// Signs URLs for others to fetch, as the registry does for the layer bucket.
#[derive(Serialize, Deserialize)]
pub(crate) struct Presigner {
    pub(crate) key: AccessKey,
    #[serde(serialize_with = "write_secret")]
    pub(crate) token: SecretString,
}

/// The signature that the request would have with `secret`; none where it cannot be signed at all, such as with a
/// header that is not text.
pub(crate) fn calculate(
    presented: &Presented,
    inbound: &Inbound,
    payload: Payload<'_>,
    style: Style,
    secret: &SecretString,
) -> Option<String> {
    let target = inbound.parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let (uri, location, expires_in) = match presented.placement {
        Placement::Header => (
            format!("https://{}{target}", inbound.authority),
            SignatureLocation::Headers,
            None,
        ),
        Placement::Query { expires } => (
            format!("https://{}{}", inbound.authority, without_signature(target)),
            SignatureLocation::QueryParams,
            Some(Duration::from_secs(expires)),
        ),
    };
    let mut headers = Vec::new();
    for name in &presented.signed_headers {
        if name == "host" {
            headers.push((name.as_str(), inbound.authority.as_str()));
            continue;
        }
        for value in inbound.parts.headers.get_all(name) {
            headers.push((name.as_str(), value.to_str().ok()?));
        }
    }
    let body = match payload {
        Payload::Bytes(bytes) => SignableBody::Bytes(bytes),
        Payload::Unsigned => SignableBody::UnsignedPayload,
    };
    let request = SignableRequest::new(inbound.parts.method.as_str(), uri, headers.into_iter(), body).ok()?;
    let credentials = credentials(&presented.key_id, secret, presented.token.clone());
    let identity = credentials.into();
    let mut settings = settings(style, location);
    settings.expires_in = expires_in;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&presented.region)
        .name(&presented.service)
        .time(SystemTime::from(presented.time))
        .settings(settings)
        .build()
        .ok()?
        .into();
    Some(sign(request, &params).ok()?.into_parts().1)
}

impl Presigner {
    /// A new key with a session token, as the roles of AWS's own services have.
    pub(crate) fn new() -> Self {
        let mut key = AccessKey::generate();
        key.id.replace_range(..4, "ASIA");
        Self {
            token: AccessKey::generate().secret,
            key,
        }
    }

    /// The URL with a signature for `GET` that is good for `lifetime` from `now` on.
    pub(crate) fn presign(&self, url: &str, region: &Region, now: Timestamp, lifetime: Duration) -> Option<String> {
        let token = self.token.expose_secret().to_owned();
        let identity = credentials(&self.key.id, &self.key.secret, Some(token)).into();
        let mut settings = settings(Style::S3, SignatureLocation::QueryParams);
        settings.expires_in = Some(lifetime);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region.as_str())
            .name("s3")
            .time(SystemTime::from(now))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let mut request = http::Request::get(url).body(()).ok()?;
        instructions.apply_to_request_http1x(&mut request);
        Some(request.uri().to_string())
    }
}

fn settings(style: Style, location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.signature_location = location;
    // What is signed is what the client says it signed, and nothing is left out.
    settings.excluded_headers = None;
    settings.session_token_mode = SessionTokenMode::Include;
    if style == Style::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

fn credentials(key_id: &str, secret: &SecretString, token: Option<String>) -> Credentials {
    Credentials::new(key_id, secret.expose_secret(), token, None, "simulated")
}

/// Path and query without the parameters that carry the signature; the others stay as they were written.
fn without_signature(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let kept = query
        .split('&')
        .filter(|pair| {
            form_urlencoded::parse(pair.as_bytes())
                .next()
                .is_none_or(|(name, _)| !carries_signature(&name))
        })
        .collect::<Vec<_>>();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{door::Door, trail::Decisions, wire::Connection};
    use proptest::prelude::*;

    fn inbound(target: &str, headers: &[(&str, &str)]) -> Option<Inbound> {
        let mut request = http::Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).ok()?.into_parts();
        Some(Inbound {
            authority: "sts.amazonaws.com".to_owned(),
            peer: ([127, 0, 0, 1], 443).into(),
            door: Door::Names,
            connection: Connection::default(),
            parts,
            decisions: Decisions::default(),
        })
    }

    proptest! {
        #[test]
        fn no_signature_panics(
            key in "[!-~]{0,10}", headers in "(host;)?[!-~]{0,20}", more in "[ -~]{0,20}",
            path in "/[!-~]{0,20}", query in "[!-~]{0,20}", presign in any::<bool>(),
        ) {
            let credential = format!("{key}/20261120/us-east-1/sts/aws4_request");
            let target = if presign {
                format!(
                    "{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20261120T120000Z\
                     &X-Amz-Expires=60&X-Amz-SignedHeaders={headers}&X-Amz-Signature=0&{query}"
                )
            } else {
                format!("{path}?{query}")
            };
            let authorization =
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={headers}, Signature={more}");
            let all = [("x-more", more.as_str()), ("x-amz-date", "20261120T120000Z"), ("authorization", &authorization)];
            let headers = if presign { &all[..1] } else { &all[..] };
            let Some(inbound) = inbound(&target, headers) else { return Ok(()) };
            let Ok(presented) = Presented::read(&inbound) else { return Ok(()) };
            for style in [Style::Standard, Style::S3] {
                let _ = calculate(&presented, &inbound, Payload::Unsigned, style, &SecretString::from("secret"));
            }
        }
    }

    #[test]
    fn only_the_signature_is_taken_out_of_a_url() {
        assert_eq!(
            without_signature("/a?X-Amz-Date=1&b=2&X%2DAmz-Signature=3&c"),
            "/a?b=2&c"
        );
        assert_eq!(without_signature("/a?X-Amz-Date=1"), "/a");
        assert_eq!(without_signature("/a"), "/a");
    }

    #[test]
    fn a_presigned_url_has_the_form_of_a_real_one() {
        let region = Region::us_east_1();
        let now = "2026-11-20T05:38:00Z".parse().unwrap();
        let url = Presigner::new()
            .presign(
                "https://b.s3.us-east-1.amazonaws.com/k",
                &region,
                now,
                Duration::from_hours(1),
            )
            .unwrap();
        for part in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Date=20261120T053800Z",
            "X-Amz-Expires=3600",
            "X-Amz-SignedHeaders=host",
            "%2F20261120%2Fus-east-1%2Fs3%2Faws4_request",
            "X-Amz-Security-Token=",
            "X-Amz-Signature=",
        ] {
            assert!(url.contains(part), "{part} in {url}");
        }
    }
}

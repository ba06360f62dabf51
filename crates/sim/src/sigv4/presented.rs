use std::borrow::Cow;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::header;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use url::form_urlencoded;

use super::{MAX_PRESIGNED, Refused};
use crate::exchange::Inbound;

/// A signature as a request presents it; nothing of it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    pub(crate) key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) time: Timestamp,
    /// Lower-case names.
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    /// The session token of temporary credentials.
    pub(crate) token: Option<String>,
    pub(crate) placement: Placement,
}

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In `Authorization`.
    Header,
    /// In the URL: a presigned request, good for as many seconds.
    Query { expires: u64 },
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Presented {
    /// Reads the signature of a request, from `Authorization` or else from the URL.
    pub(crate) fn read(inbound: &Inbound) -> Result<Self, Refused> {
        if inbound.parts.headers.contains_key(header::AUTHORIZATION) {
            Self::from_header(inbound)
        } else {
            Self::from_query(inbound)
        }
    }

    /// Reads the signature in the URL.
    pub(crate) fn from_query(inbound: &Inbound) -> Result<Self, Refused> {
        let query = inbound.parts.uri.query().unwrap_or_default();
        let param = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned())
        };
        if param("X-Amz-Algorithm").is_none_or(|algorithm| algorithm != ALGORITHM) {
            return Err(Refused::Missing);
        }
        let required = |name: &str| {
            param(name).ok_or_else(|| {
                Refused::Incomplete(format!(
                    "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
                ))
            })
        };
        let (credential, signature) = (required("X-Amz-Credential")?, required("X-Amz-Signature")?);
        let (headers, date) = (required("X-Amz-SignedHeaders")?, required("X-Amz-Date")?);
        let expires = required("X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|expires| (1..=MAX_PRESIGNED).contains(expires))
            .ok_or_else(|| {
                Refused::Incomplete(format!("X-Amz-Expires must be a number between 1 and {MAX_PRESIGNED}."))
            })?;
        Self::assemble(
            inbound,
            &credential,
            &headers,
            signature,
            &date,
            param("X-Amz-Security-Token"),
            Placement::Query { expires },
        )
    }

    fn from_header(inbound: &Inbound) -> Result<Self, Refused> {
        let authorization = inbound.header(header::AUTHORIZATION).unwrap_or_default();
        let Some(fields) = authorization.strip_prefix(ALGORITHM) else {
            return Err(Refused::Missing);
        };
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let required = |name: &str| {
            field(name).ok_or_else(|| {
                Refused::Incomplete(format!(
                    "Authorization header requires '{name}' parameter. {}",
                    hashed(authorization)
                ))
            })
        };
        let (credential, signature) = (required("Credential")?, required("Signature")?);
        let headers = required("SignedHeaders")?;
        let date = inbound.header("x-amz-date").ok_or_else(|| {
            Refused::Incomplete(format!(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. {}",
                hashed(authorization)
            ))
        })?;
        let token = inbound.header("x-amz-security-token").map(str::to_owned);
        Self::assemble(
            inbound,
            credential,
            headers,
            signature.to_owned(),
            date,
            token,
            Placement::Header,
        )
    }

    fn assemble(
        inbound: &Inbound,
        credential: &str,
        headers: &str,
        signature: String,
        date: &str,
        token: Option<String>,
        placement: Placement,
    ) -> Result<Self, Refused> {
        let elements = credential.split('/').collect::<Vec<_>>();
        let [key_id, day, region, service, terminator] = elements[..] else {
            return Err(Refused::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
                credential.chars().take(200).collect::<String>()
            )));
        };
        if terminator != "aws4_request" {
            return Err(Refused::Mismatch(
                "Credential should be scoped with a valid terminator: 'aws4_request'.".to_owned(),
            ));
        }
        let time = parse_amz_date(date).ok_or_else(|| {
            Refused::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                date.chars().take(40).collect::<String>()
            ))
        })?;
        if !date.starts_with(day) || day.len() != 8 {
            return Err(Refused::Mismatch(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.".to_owned(),
            ));
        }
        let signed_headers = headers.split(';').map(str::to_ascii_lowercase).collect::<Vec<_>>();
        require_signed(inbound, &signed_headers)?;
        Ok(Self {
            key_id: key_id.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            time,
            signed_headers,
            signature,
            token,
            placement,
        })
    }
}

/// The names of the URL's parameters that carry a signature: they are no part of what was signed, or are put back when
/// the signature is made again.
pub(super) fn carries_signature(name: &str) -> bool {
    matches!(
        name,
        "X-Amz-Algorithm"
            | "X-Amz-Credential"
            | "X-Amz-Date"
            | "X-Amz-Expires"
            | "X-Amz-SignedHeaders"
            | "X-Amz-Signature"
            | "X-Amz-Security-Token"
    )
}

/// The host must be signed, and so must every `x-amz-` header: whoever could add one could change what the request says.
fn require_signed(inbound: &Inbound, signed: &[String]) -> Result<(), Refused> {
    if !signed.iter().any(|name| name == "host") {
        return Err(Refused::Mismatch(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    let unsigned = inbound
        .parts
        .headers
        .keys()
        .map(header::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && *name != "x-amz-user-agent")
        .find(|name| !signed.iter().any(|signed| signed == name));
    match unsigned {
        None => Ok(()),
        Some(name) => Err(Refused::Mismatch(format!(
            "The request signature does not conform to AWS standards. Header(s) not signed: {name}."
        ))),
    }
}

fn parse_amz_date(date: &str) -> Option<Timestamp> {
    let has_form = date.len() == 16
        && date.bytes().enumerate().all(|(position, byte)| match position {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return None;
    }
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// AWS names the header by its hash, so that a mistyped secret in it is not repeated.
fn hashed(authorization: &str) -> Cow<'static, str> {
    let hash = digest::digest(&digest::SHA256, authorization.as_bytes());
    format!(
        "(Hashed with SHA-256 and encoded with Base64) Authorization={}",
        STANDARD.encode(hash)
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_have_one_form() {
        assert_eq!(
            parse_amz_date("20261120T053800Z").unwrap().to_string(),
            "2026-11-20T05:38:00Z"
        );
        for date in [
            "",
            "20261120",
            "20261120T053800",
            "20261340T053800Z",
            "2026-11-20T05:38Z",
        ] {
            assert_eq!(parse_amz_date(date), None, "{date}");
        }
    }

    proptest! {
        #[test]
        fn no_date_panics(date in "[0-9TZ]{0,17}|\\PC{16}") {
            let _ = parse_amz_date(&date);
        }
    }
}

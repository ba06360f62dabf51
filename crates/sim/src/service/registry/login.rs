use base64::{Engine, engine::general_purpose::STANDARD};
use http::header;
use jiff::Timestamp;
use oci::ErrorCode;

use super::refusal::Refusal;
use crate::{exchange::Inbound, host::Region, identity::Identity, service::ecr::RegistryToken, world::World};

/// Who calls, by the authorization token that came as the password of `AWS`.
pub(super) fn identify(world: &World, inbound: &Inbound, region: &Region, now: Timestamp) -> Result<Identity, Refusal> {
    let password = inbound
        .header(header::AUTHORIZATION)
        .and_then(password)
        .ok_or(Refusal::Challenge)?;
    let token = RegistryToken::read(&world.seal, &password)
        .filter(|token| token.region == region.as_str())
        .ok_or(Refusal::Challenge)?;
    if token.expires_millis <= now.as_millisecond() {
        return Err(Refusal::new(
            ErrorCode::Denied,
            "Your authorization token has expired. Reauthenticate and try again.",
        ));
    }
    Ok(token.identity)
}

/// The password of a Basic login as the user `AWS` (RFC 7617).
pub(crate) fn password(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = credentials.split_once(':')?;
    (user == "AWS").then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn only_aws_logs_in_and_only_by_basic() {
        assert_eq!(password(&basic("AWS:a:b")).as_deref(), Some("a:b"));
        assert_eq!(password(&basic("AWS:a").to_lowercase()), None);
        for authorization in ["", "Basic", "Basic !", "Bearer YQ==", &basic("aws:a"), &basic("AWS")] {
            assert_eq!(password(authorization), None, "{authorization}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(authorization in "(Basic )?\\PC{0,40}") {
            let _ = password(&authorization);
        }
    }
}

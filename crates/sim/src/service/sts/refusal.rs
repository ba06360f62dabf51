use http::StatusCode;
use jiff::Timestamp;

use super::issuer::Unavailable;
use crate::query::Fault;

impl From<&Unavailable> for Fault {
    fn from(error: &Unavailable) -> Self {
        match error {
            Unavailable::Untrusted => wrong_thumbprint(),
            // "This is often a transient error" (API reference): an issuer that cannot be reached at all is none.
            Unavailable::Broken(_) => Fault::bad_request(
                "IDPCommunicationError",
                "The identity provider could not be communicated with: its answer broke off.",
            ),
            _ => no_key(),
        }
    }
}

/// A certificate that nobody vouches for.
pub(super) fn wrong_thumbprint() -> Fault {
    invalid("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
}

/// The answer to whatever keeps the key away. The two spaces are AWS's.
pub(super) fn no_key() -> Fault {
    invalid(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity \
         documentation for requirements",
    )
}

pub(super) fn no_provider(issuer: &str) -> Fault {
    invalid(format!("No OpenIDConnect provider found in your account for {issuer}"))
}

/// What the trail says of a role that is not there; the client is not to learn it.
pub(super) fn no_role(arn: &str) -> String {
    format!("There is no role {arn}.")
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::bad_request("InvalidIdentityToken", message)
}

pub(super) fn expired(now: Timestamp, expires: i64) -> Fault {
    let now = now.as_second();
    Fault::bad_request(
        "ExpiredTokenException",
        format!("Token expired: current date/time {now} must be before the expiration date/time {expires}"),
    )
}

/// A web identity that is not trusted. A wrong subject, a wrong condition and a missing role all look alike.
pub(super) fn not_authorized(action: &str) -> Fault {
    Fault::new(
        StatusCode::FORBIDDEN,
        "AccessDenied",
        format!("Not authorized to perform {action}"),
    )
}

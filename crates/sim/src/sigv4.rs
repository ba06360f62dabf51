//! Signature Version 4: who signed a request (AWS general reference, "Signing AWS API requests").
//!
//! A signature is checked by making it again: the library that signs for AWS's own SDK signs what came in, with the
//! secret that belongs to the key, and the two are compared.

mod calculate;
mod presented;

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;

pub(crate) use calculate::{Payload, Presigner, Style, calculate};
pub(crate) use presented::{Placement, Presented};

use crate::{
    clock::{earlier, later},
    exchange::Inbound,
    host::Region,
    identity::Identity,
    world::World,
};

/// Who signed a request, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) identity: Identity,
    /// Whether the credentials came with a session token.
    pub(crate) is_temporary: bool,
}

/// Why a signature is not believed. Each protocol has its own words for these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the request is not signed")]
    Missing,
    #[error("the signature cannot be read: {0}")]
    Incomplete(String),
    #[error("no such access key, or the session token is not of this AWS or not of this key")]
    UnknownKey,
    #[error("the session has expired")]
    Expired,
    #[error("the signature is wrong: {0}")]
    Mismatch(String),
}

/// What the credential scope of a signature must name.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'static str,
    pub(crate) region: &'a Region,
}

/// How far the time of a signature may be from the present. ECR says "5 min." in its messages.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The longest that a presigned request may be good for: seven days.
pub(crate) const MAX_PRESIGNED: u64 = 604_800;

pub(crate) const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

impl Signer {
    /// Whether the credentials are those that `GetSessionToken` makes of a long-term key: a user, or the root user, has
    /// a session token by no other way.
    pub(crate) fn is_user_session(&self) -> bool {
        self.is_temporary && !matches!(self.identity, Identity::Session(_))
    }
}

/// Finds out who signed a request whose body has been read.
pub(crate) fn authenticate(
    world: &World,
    inbound: &Inbound,
    body: &[u8],
    scope: Scope<'_>,
) -> Result<Identity, Refused> {
    let signer = signer(world, inbound, body, scope)?;
    // "You cannot call any IAM API operations unless MFA authentication information is included" (API reference of
    // GetSessionToken), and there are no MFA devices here. AWS's answer is that of a token that it does not know.
    if scope.service == "iam" && signer.is_user_session() {
        return Err(Refused::UnknownKey);
    }
    Ok(signer.identity)
}

/// Finds out who signed a request and with what.
pub(crate) fn signer(world: &World, inbound: &Inbound, body: &[u8], scope: Scope<'_>) -> Result<Signer, Refused> {
    let presented = Presented::read(inbound)?;
    check_scope(&presented, scope)?;
    check_time(&presented, world.clock.now()).or_else(|refused| {
        // Tools sign by the machine's clock, which whoever moves the simulated time has not moved.
        let machine = world.clock.machine().ok_or(refused)?;
        check_time(&presented, machine)
    })?;
    let (secret, identity) = world.believe(&presented.key_id, presented.token.as_deref())?;
    let own = calculate(&presented, inbound, Payload::Bytes(body), Style::Standard, &secret);
    if own.is_some_and(|own| same(&own, &presented.signature)) {
        Ok(Signer {
            identity,
            is_temporary: presented.token.is_some(),
        })
    } else {
        Err(Refused::Mismatch(MISMATCH.to_owned()))
    }
}

/// Compares signatures without telling by the time taken how much of them is right.
pub(crate) fn same(own: &str, presented: &str) -> bool {
    verify_slices_are_equal(own.as_bytes(), presented.as_bytes()).is_ok()
}

/// `20261120T053800Z`
pub(crate) fn amz_date(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn check_scope(presented: &Presented, scope: Scope<'_>) -> Result<(), Refused> {
    let mismatch = |message: String| Err(Refused::Mismatch(message));
    if presented.service != scope.service {
        return mismatch(format!(
            "Credential should be scoped to correct service: '{}'.",
            scope.service
        ));
    }
    if presented.region != scope.region.as_str() {
        return mismatch(format!(
            "Credential should be scoped to a valid region, not '{}'.",
            presented.region
        ));
    }
    Ok(())
}

fn check_time(presented: &Presented, now: Timestamp) -> Result<(), Refused> {
    let signed = amz_date(presented.time);
    let (earliest, rule) = match presented.placement {
        Placement::Header => (earlier(now, TOLERANCE), "- 5 min."),
        Placement::Query { expires } => (earlier(now, Duration::from_secs(expires)), "- expiry"),
    };
    if presented.time < earliest {
        return Err(Refused::Mismatch(format!(
            "Signature expired: {signed} is now earlier than {} ({} {rule})",
            amz_date(earliest),
            amz_date(now)
        )));
    }
    let latest = later(now, TOLERANCE);
    if presented.time > latest {
        return Err(Refused::Mismatch(format!(
            "Signature not yet current: {signed} is still later than {} ({} + 5 min.)",
            amz_date(latest),
            amz_date(now)
        )));
    }
    Ok(())
}

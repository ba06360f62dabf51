use std::time::Duration;

use super::session::credentials;
use crate::{
    credential::SessionCredentials,
    identity::Identity,
    query::{Fault, Params, Validation},
    sigv4::Signer,
    trail::Entry,
    world::World,
    xml::Element,
};

/// The longest session of a root user; one that is asked to last longer lasts as long (API reference).
const ROOT: i64 = 3600;

/// `GetSessionToken`: temporary credentials for who has long-term ones. No policy can forbid it ("No permissions are
/// required to perform this operation").
pub(super) fn make(world: &World, params: &Params, signer: Signer, entry: &mut Entry) -> Result<Element, Fault> {
    entry.call.principal = Some(signer.identity.arn());
    entry.call.account = Some(signer.identity.account().to_string());
    let mut check = Validation::of(params);
    let duration = check.number("DurationSeconds", 900..=129_600);
    check.finish()?;
    for parameter in ["SerialNumber", "TokenCode"] {
        if params.text(parameter).is_some() {
            return Err(Fault::not_simulated("MFA devices", parameter));
        }
    }
    if signer.is_temporary {
        return Err(Fault::access_denied(
            "Cannot call GetSessionToken with session credentials",
        ));
    }
    let duration = duration.unwrap_or(43_200);
    let duration = match signer.identity {
        Identity::Root(_) => duration.min(ROOT),
        _ => duration,
    };
    let expires = world.clock.after(Duration::from_secs(duration.unsigned_abs()));
    let session = SessionCredentials::issue(&world.seal, signer.identity, expires);
    Ok(Element::new("GetSessionTokenResult").child(credentials(&session)))
}

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, fault::Fault, input::length, token::RegistryToken};
use crate::{clock::later, host::Host, world::epoch_seconds};

/// How long a token is good for, whatever the session that asked for it has left.
const LIFETIME: Duration = Duration::from_hours(12);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    registry_ids: Option<Vec<String>>,
}

/// `GetAuthorizationToken`. It has no resource: only an identity policy that allows it on `*` does.
pub(super) fn token(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    // Deprecated: the ids must be ids, and change nothing.
    if let Some(ids) = &input.registry_ids {
        length("registryIds", ids.len(), 1, 10)?;
    }
    for id in input.registry_ids.iter().flatten() {
        let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_id {
            return Err(Fault::parameter(
                "registryIds",
                "must satisfy regular expression '[0-9]{12}'",
            ));
        }
    }
    let account = call.caller.account();
    call.authorize("*", account)?;
    let expires = later(call.now, LIFETIME);
    let token = RegistryToken::new(call.caller.clone(), call.region, expires);
    let password = token.password(&call.world.seal);
    let registry = Host::registry(account, call.region.clone());
    Ok(json!({"authorizationData": [{
        "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
        "expiresAt": epoch_seconds(expires),
        "proxyEndpoint": format!("https://{registry}"),
    }]}))
}

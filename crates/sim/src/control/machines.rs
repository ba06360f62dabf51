use std::sync::Weak;

use http::{Method, StatusCode};
use serde_json::json;

use super::{Refused, ok};
use crate::{
    exchange::Response,
    machine::{Machine, MachineError},
    world::World,
};

/// The machines, and one more.
pub(super) async fn machines(world: &World, method: &Method, text: &str) -> Result<Response, Refused> {
    let ended = || Refused::new(StatusCode::SERVICE_UNAVAILABLE, "this AWS is about to end");
    let fleet = world.fleet.get().and_then(Weak::upgrade).ok_or_else(ended)?;
    if *method == Method::POST {
        let machine = text
            .parse::<Machine>()
            .map_err(|error| Refused::bad(error.to_string()))?;
        return Ok(ok(&fleet.start(machine).await?));
    }
    Ok(ok(&json!({"machines": fleet.statuses()})))
}

impl From<MachineError> for Refused {
    fn from(error: MachineError) -> Self {
        Self::bad(error.to_string())
    }
}

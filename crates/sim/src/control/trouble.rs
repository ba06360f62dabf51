use http::{Method, StatusCode};
use serde_json::json;

use super::{Refused, ok};
use crate::{
    exchange::Response,
    trouble::{Fault, FaultsError, Network, Trouble},
};

/// The rules by which calls go wrong: shown, added, replaced as a whole, removed.
pub(super) fn faults(trouble: &Trouble, method: &Method, text: &str) -> Result<Response, Refused> {
    match *method {
        Method::GET => {}
        Method::POST => {
            for fault in rules(text)? {
                trouble.add_fault(fault)?;
            }
        }
        Method::PUT => trouble.set_faults(rules(text)?)?,
        _ => trouble.clear_faults(),
    }
    Ok(ok(&json!({"seed": trouble.seed(), "faults": trouble.faults()})))
}

/// One rule is removed by its name.
pub(super) fn remove_fault(trouble: &Trouble, id: &str) -> Result<Response, Refused> {
    if trouble.remove_fault(id) {
        return Ok(ok(&json!({"faults": trouble.faults()})));
    }
    let shown = id.chars().take(100).collect::<String>();
    Err(Refused::new(
        StatusCode::NOT_FOUND,
        format!("there is no fault `{shown}`"),
    ))
}

/// The network: shown, set for all services or one, and as fast as it can be again.
pub(super) fn network(trouble: &Trouble, method: &Method, text: &str) -> Result<Response, Refused> {
    match *method {
        Method::GET => {}
        Method::POST => {
            let network = text
                .parse::<Network>()
                .map_err(|error| Refused::bad(error.to_string()))?;
            trouble.set_network(network);
        }
        _ => trouble.clear_networks(),
    }
    Ok(ok(&json!({"networks": trouble.networks()})))
}

/// A rule, or a list of them.
fn rules(text: &str) -> Result<Vec<Fault>, Refused> {
    let rules = if text.trim_start().starts_with('[') {
        Fault::list(text)
    } else {
        text.parse().map(|fault| vec![fault])
    };
    rules.map_err(|error| Refused::bad(error.to_string()))
}

impl From<FaultsError> for Refused {
    fn from(error: FaultsError) -> Self {
        Self::bad(error.to_string())
    }
}

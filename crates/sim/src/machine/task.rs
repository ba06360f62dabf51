//! The credentials endpoint of the ECS agent, as its source has it (`ecs-agent/tmds/handlers`).

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use super::{
    Frame, MachineError,
    session::{Assumption, Deliveries, Delivery, Unassumable},
};
use crate::{
    clock::iso,
    exchange::{Inbound, Response, respond},
    trail::Entry,
    world::World,
};

/// Where a task finds the endpoint.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

const PATH: &str = "/v2/credentials/";
const JSON: &str = "application/json";

/// What is left of credentials when new ones come.
const SPARE: Duration = Duration::from_hours(1);

/// An ECS task with a task role.
#[derive(Clone, Debug)]
pub struct Task {
    role: String,
    cluster: String,
}

/// What answers the processes of a task.
pub(super) struct Credentials {
    role: String,
    /// What a process must know to be given the credentials.
    id: String,
    task_id: String,
    task_arn: String,
    deliveries: Deliveries,
}

/// The agent's code and message for a request that it does not grant.
struct Refusal(&'static str, &'static str);

impl Task {
    /// A task of the cluster `default` with a role of its account, by the role's name. The role must trust
    /// `ecs-tasks.amazonaws.com`.
    pub fn new(role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            cluster: "default".to_owned(),
        }
    }

    /// The cluster that it runs in.
    #[must_use]
    pub fn cluster(mut self, name: impl Into<String>) -> Self {
        self.cluster = name.into();
        self
    }
}

impl Credentials {
    pub(super) fn new(task: &Task, frame: &Frame) -> Result<Self, MachineError> {
        let cluster = &task.cluster;
        let is_name = (1..=255).contains(&cluster.len())
            && cluster
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_name {
            return Err(MachineError::Invalid {
                what: "cluster",
                value: cluster.clone(),
                expected: "up to 255 letters, digits, `-` and `_` are expected",
            });
        }
        let task_id = frame.hex("task", 32);
        Ok(Self {
            role: task.role.clone(),
            id: Uuid::new_v4().to_string(),
            task_arn: format!(
                "arn:aws:ecs:{}:{}:task/{cluster}/{task_id}",
                frame.region, frame.account
            ),
            task_id,
            deliveries: Deliveries::default(),
        })
    }

    /// ECS gives a path that is relative to the link-local address.
    pub(super) fn environment(&self, frame: &Frame) -> Vec<(&'static str, String)> {
        let path = format!("{PATH}{}", self.id);
        let uri = if (frame.address.ip(), frame.address.port()) == (ADDRESS.into(), 80) {
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path)
        } else {
            let uri = format!("http://{}{path}", frame.address);
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
        };
        vec![
            uri,
            ("AWS_REGION", frame.region.to_string()),
            ("AWS_DEFAULT_REGION", frame.region.to_string()),
        ]
    }

    /// The agent looks at the path alone, not at the method.
    pub(super) fn answer(&self, world: &World, frame: &Frame, inbound: &Inbound, entry: &mut Entry) -> Response {
        let Some(id) = inbound.parts.uri.path().strip_prefix(PATH) else {
            entry.failed("NotFound", "the path is not one of the credentials endpoint");
            return respond(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "404 page not found\n",
            );
        };
        let not_found = Refusal("InvalidIdInRequest", "CredentialsV2Request: Credentials not found");
        if id.is_empty() {
            let no_id = Refusal("NoIdInRequest", "CredentialsV2Request: No Credential ID in the request");
            entry.failed(no_id.0, no_id.1);
            return no_id.response();
        }
        if verify_slices_are_equal(id.as_bytes(), self.id.as_bytes()).is_err() {
            entry.failed(not_found.0, not_found.1);
            return not_found.response();
        }
        entry.call.resource = Some(self.task_arn.clone());
        match self.delivery(world, frame) {
            Ok(delivery) => {
                entry.call.principal = Some(delivery.principal.clone());
                respond(StatusCode::OK, JSON, document(&delivery))
            }
            // A task whose role ECS cannot assume has no credentials that the agent could know of.
            Err(reason) => {
                entry.failed(not_found.0, &reason.to_string());
                not_found.response()
            }
        }
    }

    /// The agent hands out the latest that ECS sent it; when ECS can send no more, those, though they expire.
    fn delivery(&self, world: &World, frame: &Frame) -> Result<Arc<Delivery>, Unassumable> {
        let assumption = Assumption {
            service: "ecs-tasks.amazonaws.com",
            account: frame.account,
            region: &frame.region,
            role: &self.role,
            session_name: self.task_id.clone(),
            tags: BTreeMap::new(),
            source: Some(self.task_arn.clone()),
        };
        let current = self.deliveries.current(world, SPARE, &assumption);
        current.or_else(|reason| self.deliveries.latest().ok_or(reason))
    }
}

impl Refusal {
    fn response(&self) -> Response {
        error(StatusCode::BAD_REQUEST, self.0, self.1)
    }
}

/// What a path asks for.
pub(super) fn action(path: &str) -> Option<&'static str> {
    path.starts_with(PATH).then_some("ecs:GetCredentials")
}

/// An error as the agent writes it.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({"code": code, "message": message, "HTTPErrorCode": status.as_u16()});
    respond(status, JSON, body.to_string())
}

fn document(delivery: &Delivery) -> String {
    let credentials = &delivery.credentials;
    json!({
        "RoleArn": delivery.role_arn,
        "AccessKeyId": credentials.key_id,
        "SecretAccessKey": credentials.secret.expose_secret(),
        "Token": credentials.token.expose_secret(),
        "Expiration": iso(credentials.expires),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Region;
    use std::net::SocketAddr;

    #[test]
    fn the_path_is_relative_where_it_can_be() {
        let variable = |address: &str| {
            let frame = Frame {
                name: "job".into(),
                account: "111122223333".parse().unwrap(),
                region: Region::us_east_1(),
                address: address.parse::<SocketAddr>().unwrap(),
            };
            let credentials = Credentials::new(&Task::new("puller"), &frame).unwrap();
            let (name, value) = credentials.environment(&frame).swap_remove(0);
            (name, value.replace(&credentials.id, "ID"))
        };
        let relative = (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v2/credentials/ID".to_owned(),
        );
        assert_eq!(variable("169.254.170.2:80"), relative);
        let full = |uri: &str| ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.to_owned());
        for address in ["169.254.170.2:8080", "127.0.0.1:80"] {
            assert_eq!(variable(address), full(&format!("http://{address}/v2/credentials/ID")));
        }
    }
}

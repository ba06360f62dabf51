//! IAM's errors, in the words in which it was seen to write them.

use http::StatusCode;

use crate::query::Fault;

pub(super) fn no_such_entity(message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "NoSuchEntity", message)
}

pub(super) fn already_exists(message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::CONFLICT, "EntityAlreadyExists", message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::CONFLICT, "LimitExceeded", message)
}

pub(super) fn quota(name: &str, limit: usize) -> Fault {
    limit_exceeded(format!("Cannot exceed quota for {name}: {limit}"))
}

pub(super) fn delete_conflict(message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::CONFLICT, "DeleteConflict", message)
}

pub(super) fn invalid_input(message: impl Into<String>) -> Fault {
    Fault::bad_request("InvalidInput", message)
}

/// A policy that cannot be attached to anything because it is not there.
pub(super) fn not_attachable(arn: &str) -> Fault {
    no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

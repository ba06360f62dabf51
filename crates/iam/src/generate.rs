//! The smallest policies for each way of working: what they are for is allowed, and nothing else.
//!
//! Every function gives a [`Document`], which prints as pretty JSON and is a [`Policy`](crate::Policy) by
//! [`Document::policy`]. Texts that come from outside (subjects, audiences, external ids) never act as wildcards or
//! policy variables.

mod deployment;
mod document;
mod permissions;
mod repository;
mod trust;

pub use deployment::{Deployment, Holder, IamName, InvalidName, InvalidRepository, Repository};
pub use document::{Document, EmptyList};
pub use permissions::{assume_only, inventory_permissions, pull_permissions};
pub use repository::pull_from_elsewhere;
pub use trust::{assume_role_trust, web_identity_trust, web_identity_trust_with_tags};

#[cfg(test)]
mod tests;

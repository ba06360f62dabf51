#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod actions;
mod arn;
mod catalog;
mod condition;
mod context;
mod dossier;
mod engine;
pub mod explain;
pub mod generate;
mod json;
pub mod lint;
mod pattern;
mod policy;
mod principal;
mod reason;
mod request;
mod truth;
pub mod wire;

pub use account::{AccountId, AccountIdError};
pub use arn::{Arn, ArnError, OidcProviderArn, RoleArn};
pub use catalog::AwsManagedPolicy;
pub use condition::{Condition, Operator};
pub use context::Context;
pub use dossier::{Dossier, Provider};
pub use engine::{decide, evaluate};
pub use json::{ParseError, Position};
pub use policy::{Effect, Kind, Policy, Statement};
pub use principal::Principal;
pub use reason::{
    ConditionReason, Decision, Denial, ElementReason, Evaluation, LayerReason, NearMiss, PolicyReason, StatementReason,
};
pub use request::{Named, PolicySet, Request};
pub use truth::Truth;

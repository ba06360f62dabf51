#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod identity;
mod permit;

pub use identity::{Identity, Unauthenticated, authenticate};
pub use permit::{Denied, Permit, Target, permit};

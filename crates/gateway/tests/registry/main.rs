//! The registry as clients see it, over a real socket each way: a client in front, and behind it an AWS that does exactly
//! what the test tells it, misbehaviour included. That pulls work against an AWS that checks everything is shown
//! elsewhere, with the simulated one.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod aws;
mod clauses;
mod conversion;
mod counts;
mod delivery;
mod lists;
mod membership;
mod names;
mod permissions;
mod secrets;
mod sharing;
mod stale;
mod trouble;
mod wharf;

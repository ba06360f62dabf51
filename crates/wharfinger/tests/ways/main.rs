//! The ways of working that Wharfinger is for, each from its configuration to the pulled image: a simulated AWS in this
//! process, `wharfinger serve` in one of its own, and skopeo as the client. What is configured is what docs/ways.md shows.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../clients/address.rs"]
mod address;
#[path = "../clients/child.rs"]
#[expect(dead_code, reason = "nobody types here, and nothing is ended by a signal")]
mod child;
#[path = "../../../sim/tests/engines/home.rs"]
mod home;
#[path = "../clients/own.rs"]
#[expect(dead_code, reason = "whoever is no role here pulls with skopeo")]
mod own;
#[path = "../clients/pull.rs"]
#[expect(dead_code, reason = "these tests have logins of their own")]
mod pull;
#[path = "../clients/skopeo.rs"]
#[expect(dead_code, reason = "these tests only pull")]
mod skopeo;
#[path = "../clients/tunnel.rs"]
mod tunnel;

mod build_service;
mod clients_apart;
mod cluster;
mod cross_account;
mod issuer;
mod machine;
mod narrowed;
mod page;
mod public;
mod scanner;
mod site;
mod user_key;
mod vendor;

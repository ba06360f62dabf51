//! The simulated AWS as people use it: with the `aws` command line, as the documents say that are read by those who set
//! ECR up, and with the clients that push and pull.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../engines/containerd.rs"]
mod daemon;
#[path = "../engines/podman.rs"]
mod engine;
#[path = "../engines/home.rs"]
mod home;
#[path = "../sim/issuer.rs"]
#[expect(dead_code, reason = "these tests do not spoil what the issuer says")]
mod issuer;
#[path = "../python/mod.rs"]
#[expect(dead_code, reason = "these tests run the command line alone")]
mod python;

mod documents;
mod image;
mod machines;
mod memory;
mod push_and_pull;
mod shell;
mod stage;

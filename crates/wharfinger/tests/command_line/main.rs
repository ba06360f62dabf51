//! The program as a user meets it: what it prints, its exit status, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../../../sim/tests/clients/image.rs"]
#[expect(dead_code, reason = "here nobody pulls what is generated")]
mod image;
#[path = "../../../sim/tests/python/mod.rs"]
#[expect(dead_code, reason = "here a shell runs what is installed")]
mod python;

mod admin;
mod cache;
mod client;
mod configuration;
mod credential;
mod edges;
mod help;
mod house;
mod http;
mod page;
mod program;
mod pull;
mod reload;
mod resources;
mod robot;
mod served;
mod serving;
mod setup;
mod simulator;
mod warm;

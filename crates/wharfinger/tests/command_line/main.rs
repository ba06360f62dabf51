//! The program as a user meets it: what it prints, its exit status, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

mod configuration;
mod edges;
mod help;
mod house;
mod http;
mod program;
mod pull;
mod reload;
mod resources;
mod robot;
mod served;
mod serving;
mod setup;
mod simulator;

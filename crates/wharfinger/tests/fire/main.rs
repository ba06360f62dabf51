//! Pulls under fire: whatever goes wrong on the way from AWS, at whatever stage, a client gets the right image or a clear
//! error, and never a wrong byte that counts as success.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../clients/child.rs"]
#[expect(dead_code, reason = "nobody types here, and no process is started")]
mod child;
#[path = "../freshness/harbour.rs"]
#[expect(dead_code, reason = "these tests move no clock and change no rights")]
mod harbour;

mod client;
mod layers;
mod stages;

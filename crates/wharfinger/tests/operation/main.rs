//! The server in front of a simulated AWS, as whoever runs it and whoever names images sees it, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../clients/child.rs"]
#[expect(dead_code, reason = "the server runs in this process")]
mod child;
#[path = "../freshness/harbour.rs"]
#[expect(dead_code, reason = "no clock is moved here")]
mod harbour;

mod exposition;
mod forms;
mod metrics;

//! Logins stay fresh, whatever happens to AWS, to the network and to clocks. Each test sets up a simulated AWS and the
//! server in this process, moves their clocks, and pulls over real sockets. Tags count for no time at all here, so that
//! each pull asks the registry, with a login that has to be good.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../clients/child.rs"]
#[expect(dead_code, reason = "the server runs until it is dropped, and is not spoken to")]
mod child;
#[path = "../clients/leak.rs"]
mod leak;

mod clocks;
mod cold;
#[expect(dead_code, reason = "the administrator's listener is another story")]
mod harbour;
mod keys;
mod log;
mod outage;
mod rights;
mod session;

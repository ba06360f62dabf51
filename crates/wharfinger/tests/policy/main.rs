//! `wharfinger policy`, as somebody who has the binary alone sees it.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

mod evaluate;
mod generate;
mod process;

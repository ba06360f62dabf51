//! The store in processes of its own: that are killed, that have a disk to themselves, and that meet.
//!
//! What starts processes is kept apart from other tests: until a process has become another program, it has what this one
//! had open, and with it the lock of a store that a test closes and opens again.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../store/link.rs"]
#[expect(dead_code, reason = "other tests make more trouble")]
mod link;
#[path = "../store/scripted.rs"]
#[expect(dead_code, reason = "other tests need more")]
mod scripted;

mod child;
mod crashes;
mod disks;
mod kills;
mod read_only;

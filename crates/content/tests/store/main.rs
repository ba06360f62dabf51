//! The store as its users see it: one directory, sources that behave and sources that do not.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

mod cache;
mod child;
mod crashes;
mod damage;
mod disks;
mod faults;
mod followers;
mod kills;
mod limits;
mod link;
mod parallel;
mod passages;
mod ranges;
mod read_only;
mod records;
mod resuming;
mod scripted;

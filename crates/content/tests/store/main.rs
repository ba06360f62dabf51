//! The store as its users see it: one directory, sources that behave and sources that do not.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

mod cache;
mod damage;
mod faults;
mod followers;
mod limits;
mod link;
mod parallel;
mod passages;
mod ranges;
mod records;
mod resuming;
mod scripted;

//! What is asked of AWS where nobody answers.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

mod circuit;
mod endpoints;
mod explanation;
mod nowhere;

//! Pulls by the clients that people have: skopeo, podman, docker, containerd, and Wharfinger's own. Each test sets up a
//! simulated AWS in this process, a `wharfinger serve` in one of its own, and lets a client do what its user would do.

#![allow(clippy::unwrap_used, reason = "a test program: what fails to unwrap fails a test")]

#[path = "../../../sim/tests/engines/containerd.rs"]
mod daemon;
#[path = "../../../sim/tests/engines/podman.rs"]
mod engine;
#[path = "../../../sim/tests/engines/home.rs"]
mod home;
#[path = "../../../sim/tests/clients/image.rs"]
#[expect(dead_code, reason = "these tests know the digests of their images otherwise")]
mod image;
#[path = "../../../sim/tests/python/mod.rs"]
#[expect(dead_code, reason = "these tests run the command line alone")]
mod python;

mod address;
mod buildah;
mod child;
mod configured;
mod containerd;
mod crash;
mod credential;
mod demonstration;
mod docker;
mod flood_gate;
mod helper;
mod index;
mod installation;
mod leak;
mod own;
mod platforms;
mod podman;
mod pull;
mod pulls;
mod refusals;
mod rehearsal;
mod secrets;
mod skopeo;
mod tunnel;
mod warm;

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod blob;
mod brief;
mod contents;
mod engine;
mod failure;
mod flight;
mod gateway;
mod manifest;
mod memo;
mod naming;
mod prefetch;
mod ready;
mod source;
mod standing;
mod upstream;

pub use gateway::Gateway;

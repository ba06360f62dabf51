#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod asked;
mod blob;
mod brief;
mod conditional;
mod contents;
mod conversion;
mod engine;
mod failure;
mod flight;
mod gateway;
mod listing;
mod manifest;
mod memo;
mod naming;
mod prefetch;
mod query;
mod ready;
mod referrers;
mod source;
mod standing;
mod tags;
mod tally;
mod unanswered;
mod upstream;

pub use asked::{Asked, Unread, is_of_registry};
pub use gateway::Gateway;
pub use naming::Unnamed;
pub use query::TooLong;
pub use tally::{Kind, Outcome, Peer, Reply, Tally};

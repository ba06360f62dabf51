#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod admission;
mod blob;
mod blocking;
mod cache;
mod canvas;
mod directory;
mod download;
mod hold;
mod inventory;
mod layout;
mod limits;
mod passage;
mod place;
mod reader;
mod record;
mod source;
mod staging;
mod store;
mod tag;
mod verification;

pub use admission::Admission;
pub use blob::Blob;
pub use cache::{Budget, CacheStatus, Index, Pin, Pinned, Usage};
pub use download::{Content, Download, FetchError};
pub use hold::OpenError;
pub use inventory::{Inventory, Item, KnownTag, Verdict};
pub use limits::Limits;
pub use passage::Passage;
pub use place::{InvalidScope, Place, Scope};
pub use reader::{ByteStream, Parts};
pub use source::{Incoming, Source, SourceError};
pub use store::{PutError, Store};
pub use tag::TagRecord;
pub use verification::Mismatch;

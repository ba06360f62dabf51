#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admission;
mod blob;
mod blocking;
mod cache;
mod directory;
mod download;
mod layout;
mod limits;
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
pub use cache::{Budget, CacheStatus, Index, Pin, Usage};
pub use directory::OpenError;
pub use download::{Content, Download, FetchError};
pub use limits::Limits;
pub use place::{InvalidScope, Place, Scope};
pub use reader::ByteStream;
pub use source::{Incoming, Source, SourceError};
pub use store::{PutError, Store};
pub use tag::TagRecord;
pub use verification::Mismatch;

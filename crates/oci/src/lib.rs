#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod digest;
mod error;
mod manifest;
mod media_type;
mod name;
mod range;
mod reference;
mod route;
mod tag;
mod text;

pub use digest::{Algorithm, Digest, Hasher, InvalidDigest};
pub use error::{ErrorCode, ErrorEnvelope, ErrorInfo};
pub use manifest::{Descriptor, InvalidManifest, Manifest, Platform};
pub use media_type::MediaType;
pub use name::{InvalidName, RepositoryName};
pub use range::{ByteRange, Unsatisfiable};
pub use reference::{ImageReference, InvalidReference, Reference};
pub use route::{InvalidRoute, Route};
pub use tag::{InvalidTag, Tag};

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod issuer;
mod key;
mod seal;
mod token;
mod url;

pub use issuer::Issuer;
pub use key::{KeyError, SigningKey};
pub use seal::{InvalidSealKey, SealError, SealKey, SealedFile};
pub use token::{Claims, MAX_LIFETIME, Minted, SessionTags, Wanted};
pub use url::{InvalidIssuerUrl, IssuerUrl};

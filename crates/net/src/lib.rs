#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod certificate;
mod file;
mod listener;
mod outgoing;
mod resolve;
mod roots;
mod wire;

pub use body::{Body, BoxError};
pub use certificate::{Certificate, CertificateError, CertificateFile};
pub use listener::{BindError, Limits, Listener};
pub use outgoing::{Outgoing, OutgoingError};
pub use resolve::{InvalidResolve, Resolve};
pub use roots::{Roots, RootsError};

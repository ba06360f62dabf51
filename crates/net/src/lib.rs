#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod certificate;
mod file;
mod line;
mod listener;
mod outgoing;
mod owed;
mod remainder;
mod request;
mod resolve;
mod roots;
mod traffic;
mod wire;

pub use body::{Body, BoxError};
pub use certificate::{Certificate, CertificateError, CertificateFile};
pub use listener::{BindError, Limits, Listener};
pub use outgoing::{Outgoing, OutgoingError};
pub use resolve::{InvalidResolve, Resolve};
pub use roots::{Roots, RootsError};
pub use traffic::Traffic;

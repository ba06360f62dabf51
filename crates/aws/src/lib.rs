#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod broker;
mod connector;
mod error;
mod event;
mod exchange;
mod explain;
mod host;
mod login;
mod session_name;
mod source;

pub use broker::{Account, Broker};
pub use error::{AwsError, Document, Kind};
pub use event::{Event, Observer, Silent};
pub use explain::registry::{Refusal, explain as explain_refusal, unreachable as explain_unreachable};
pub use host::{InvalidRegistryHost, RegistryHost};
pub use login::Login;
pub use session_name::SessionName;
pub use source::{Source, WebIdentity};

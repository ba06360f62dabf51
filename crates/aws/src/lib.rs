#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod allowance;
mod broker;
mod caller;
mod calls;
mod chain;
mod clock;
mod connector;
mod endpoints;
mod error;
mod event;
mod exchange;
mod explain;
mod host;
mod login;
mod reading;
mod secret;
mod session;
mod session_name;
mod source;
mod template;

pub use allowance::Allowance;
pub use broker::{Broker, Settings};
pub use caller::Caller;
pub use calls::{Calls, Operation, Reply};
pub use chain::{Chain, Hop, InvalidChain};
pub use endpoints::{Endpoint, Endpoints, InvalidEndpoint};
pub use error::{AwsError, Cause, Document, Kind};
pub use event::{Event, Observer, Silent};
pub use explain::registry::{Refusal, explain as explain_refusal, unreachable as explain_unreachable};
pub use host::{InvalidRegistryHost, RegistryHost};
pub use login::{Login, Pass};
pub use secret::{Secret, Whereabouts};
pub use session::Session;
pub use session_name::{InvalidSessionName, SessionName};
pub use source::{AccessKey, Source, TokenOrigin, WebIdentity};
pub use template::{InvalidTemplate, NoValue, Template};

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod document;
mod domain;
mod live;
mod load;
mod name;
mod robot;
mod snapshot;
mod team;
mod upstream;
pub mod wildcard;

pub use document::{Documents, InvalidDocument, Located, Resource};
pub use domain::{DomainName, InvalidDomainName};
pub use live::Live;
pub use load::{LoadError, load};
pub use name::{InvalidResourceName, ResourceName};
pub use robot::{InvalidTokenHash, Robot, RobotToken, TokenHash};
pub use snapshot::{Inconsistent, Snapshot};
pub use team::Team;
pub use upstream::{
    Asker, Attribution, Delivery, InvalidRepositoryPattern, InvalidTagPattern, NoCaller, RepositoryPattern, SessionTag,
    TagPattern, Upstream,
};

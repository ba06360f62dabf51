//! What lies in the store: how it was used, what may go, and whether it is what it was.

mod alarm;
mod budget;
mod check;
mod index;
mod keeper;
mod pins;
mod recount;
mod shelf;
mod status;
mod table;
mod usage;

pub(crate) use alarm::{Alarm, remedy};
pub use budget::Budget;
pub(crate) use check::{Check, damaged, is_right};
pub use index::Index;
pub(crate) use keeper::{Keeper, digest as digest_of_name};
pub use pins::{Pin, Pinned};
pub(crate) use pins::{all as all_pins, pinned, write as write_pin};
pub(crate) use shelf::Shelf;
pub use status::CacheStatus;
pub use usage::Usage;

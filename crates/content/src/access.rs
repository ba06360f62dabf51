use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{directory::Directory, place::Place, record};

/// When upstream last let the place's owner in.
#[derive(Serialize, Deserialize)]
struct Stored {
    confirmed_at: Timestamp,
}

pub(crate) fn write(directory: &Directory, place: &Place, confirmed_at: Timestamp) -> io::Result<()> {
    record::write(directory, &directory.layout().access(place), Stored { confirmed_at })
}

pub(crate) fn read(directory: &Directory, place: &Place) -> io::Result<Option<Timestamp>> {
    let stored: Option<Stored> = record::read(directory, &directory.layout().access(place))?;
    Ok(stored.map(|stored| stored.confirmed_at))
}

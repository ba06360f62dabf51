//! What is measured, each in a file of its own.

mod large_blob;
mod manifests;
mod small_blobs;

use anyhow::Result;

use super::row::Row;
use super::stage::Stage;

/// A measure, and what it is called on the command line and in the table.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Stage<'_>) -> Result<Vec<Row>>,
}

/// In the order of the table.
pub(crate) const MEASURES: &[Measure] = &[
    Measure {
        name: "manifests",
        about: "cached manifests by digest and by tag: requests a second, processor time, tail",
        run: manifests::run,
    },
    Measure {
        name: "small-blobs",
        about: "cached blobs of 1 KiB: requests a second",
        run: small_blobs::run,
    },
    Measure {
        name: "large-blob",
        about: "a cached blob of 500 MB: processor time a GiB, plain and under TLS",
        run: large_blob::run,
    },
];

pub(crate) fn names() -> Vec<&'static str> {
    MEASURES.iter().map(|measure| measure.name).collect()
}

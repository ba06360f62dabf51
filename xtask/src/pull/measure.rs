//! What is measured, each in a file of its own.

mod cold;
mod crowd;
mod herd;
mod large_blob;
mod manifests;
mod meanwhile;
mod memory;
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
    Measure {
        name: "cold",
        about: "a layer of 500 MB that is not cached, beside pulling it directly",
        run: cold::run,
    },
    Measure {
        name: "herd",
        about: "50 and 200 clients who want the same layer of 100 MB that is not cached",
        run: herd::run,
    },
    Measure {
        name: "memory",
        about: "the memory that 1,000 concurrent downloads take",
        run: memory::run,
    },
    Measure {
        name: "meanwhile",
        about: "a cached manifest while a layer of 500 MB comes that is not cached",
        run: meanwhile::run,
    },
    Measure {
        name: "crowd",
        about: "a cached manifest with 10,000 upstreams and 1,000,000 blobs",
        run: crowd::run,
    },
];

pub(crate) fn names() -> Vec<&'static str> {
    MEASURES.iter().map(|measure| measure.name).collect()
}

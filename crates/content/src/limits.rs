use std::time::Duration;

/// What a download may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest blob in bytes.
    pub largest_blob: u64,
    /// How many downloads run at the same time; further ones wait for their turn.
    pub downloads: usize,
    /// How many connections to its source a download may have. They are used as far as they make it faster.
    pub connections: usize,
    /// How many connections all downloads together may have, besides the first of each.
    pub further_connections: usize,
    /// How long a source may give nothing before the attempt counts as failed.
    pub idle: Duration,
    /// How many attempts in a row may fail. An attempt that brought at least 1 MiB begins a new row.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one, up to 5 seconds.
    pub first_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The largest layer of Amazon ECR ("Amazon ECR service quotas").
            largest_blob: 52_000 * 1024 * 1024,
            downloads: 256,
            connections: 16,
            further_connections: 128,
            idle: Duration::from_secs(30),
            attempts: 5,
            first_pause: Duration::from_millis(100),
        }
    }
}

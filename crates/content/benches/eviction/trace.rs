//! What a registry is asked for in two weeks: an hour's pulls of a hot set, by Zipf's law, again and again, and in the
//! middle one crawl of everything that there is.

use std::collections::HashMap;

use content::{Index, Usage};
use jiff::Timestamp;
use oci::Digest;

/// How many blobs are pulled again and again; the most popular one first.
pub(crate) const HOT: u32 = 1_000;
/// How many there are besides, each of which is pulled by the crawl alone.
pub(crate) const COLD: u32 = 20_000;
/// How many blobs the cache holds.
pub(crate) const ROOM: usize = 1_500;

const HOURS: u32 = 14 * 24;
const PULLS_AN_HOUR: u32 = 200;
const CRAWL_BEGINS: u32 = 7 * 24;
const CRAWL_TAKES: u32 = 4;

/// A cache of [`ROOM`] blobs under some rule.
pub(crate) trait Cache {
    /// Uses the blob at this second; false where it had to be fetched.
    fn is_hit(&mut self, blob: u32, second: u32) -> bool;
}

/// Hits among the pulls of the hot set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    pub(crate) hits: u32,
    pub(crate) pulls: u32,
}

/// Before the crawl, and in the day after it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) before: Rate,
    pub(crate) after: Rate,
}

impl Rate {
    pub(crate) fn percent(self) -> f64 {
        100.0 * f64::from(self.hits) / f64::from(self.pulls)
    }
}

/// Runs the same trace through any cache.
pub(crate) fn run(cache: &mut dyn Cache) -> Rates {
    let popularity = Zipf::new();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut rates = Rates::default();
    for hour in 0..HOURS {
        let crawl = hour.checked_sub(CRAWL_BEGINS).filter(|hour| *hour < CRAWL_TAKES);
        let crawled = crawl.map(|hour| COLD / CRAWL_TAKES * hour..COLD / CRAWL_TAKES * (hour + 1));
        let mut crawled = crawled.unwrap_or_default();
        let crawled_at_once = crawled.len() as u32 / PULLS_AN_HOUR;
        for pull in 0..PULLS_AN_HOUR {
            let second = hour * 3600 + pull * 3600 / PULLS_AN_HOUR;
            for blob in crawled.by_ref().take(crawled_at_once as usize) {
                cache.is_hit(HOT + blob, second);
            }
            let is_hit = cache.is_hit(popularity.draw(&mut dice), second);
            let rate = match hour {
                hour if (CRAWL_BEGINS - 24..CRAWL_BEGINS).contains(&hour) => &mut rates.before,
                hour if (CRAWL_BEGINS..CRAWL_BEGINS + 24).contains(&hour) => &mut rates.after,
                _ => continue,
            };
            rate.pulls += 1;
            rate.hits += u32::from(is_hit);
        }
    }
    rates
}

/// The product's: [`Index::candidate`] says what goes.
#[derive(Default)]
pub(crate) struct Product {
    index: Index,
}

impl Cache for Product {
    fn is_hit(&mut self, blob: u32, second: u32) -> bool {
        let digest = Digest::of(&blob.to_be_bytes());
        let now = Timestamp::from_second(1_800_000_000 + i64::from(second)).expect("a time of this century");
        let known = self.index.usage(&digest);
        let usage = known.map_or(Usage::first(now), |usage| usage.used(now));
        self.index.insert(&digest, 1, usage);
        while self.index.len() > ROOM {
            let candidate = self.index.candidate(now, |_| true).expect("it is not empty");
            self.index.remove(&candidate);
        }
        known.is_some()
    }
}

/// What was used longest ago goes.
#[derive(Default)]
pub(crate) struct Lru {
    used: HashMap<u32, u64>,
    by_use: std::collections::BTreeMap<u64, u32>,
    uses: u64,
}

impl Cache for Lru {
    fn is_hit(&mut self, blob: u32, _: u32) -> bool {
        self.uses += 1;
        let before = self.used.insert(blob, self.uses);
        if let Some(before) = before {
            self.by_use.remove(&before);
        }
        self.by_use.insert(self.uses, blob);
        if self.used.len() > ROOM
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.used.remove(&oldest);
        }
        before.is_some()
    }
}

/// The blob of rank n is wanted in proportion to 1/n.
struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let sums = (1..=HOT).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, dice: &mut u64) -> u32 {
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        let total = self.sums.last().copied().unwrap_or_default();
        let drawn = (*dice >> 11) as f64 / (1_u64 << 53) as f64 * total;
        self.sums.partition_point(|sum| *sum < drawn) as u32
    }
}

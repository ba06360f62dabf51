//! What a crawl of everything does to the hot set, under the product's rule and under LRU, and what the index of a
//! million entries costs. Prints the tables of docs/performance.md.

#[path = "eviction/trace.rs"]
mod trace;

use std::time::Instant;

use content::{Index, Usage};
use jiff::Timestamp;
use oci::Digest;
use trace::{COLD, Cache, HOT, Lru, Product, ROOM};

fn main() {
    println!(
        "A cache of {ROOM} blobs; {HOT} hot ones by Zipf's law, 200 pulls an hour; a crawl of {COLD} in four hours.\n"
    );
    println!("| rule | hits among the hot, the day before the crawl | the day that begins with it |\n|---|---|---|");
    let caches: [(&str, &mut dyn Cache); 2] = [("this", &mut Product::default()), ("LRU", &mut Lru::default())];
    for (name, cache) in caches {
        let rates = trace::run(cache);
        println!(
            "| {name} | {:.1} % | {:.1} % |",
            rates.before.percent(),
            rates.after.percent()
        );
    }
    index();
}

fn index() {
    let now = Timestamp::from_second(1_800_000_000).expect("a time of this century");
    let digests: Vec<_> = (0..MILLION).map(|number| Digest::of(&number.to_be_bytes())).collect();
    let mut index = Index::new();
    let begun = Instant::now();
    for digest in &digests {
        index.insert(digest, 1, Usage::first(now));
    }
    let inserted = begun.elapsed();
    println!(
        "\nAn index of {MILLION} entries: {:.1} MiB",
        index.memory() as f64 / 1_048_576.0
    );
    println!("an entry is added in {:?}", inserted / MILLION);
    let begun = Instant::now();
    let evicted = MILLION / 20;
    for _ in 0..evicted {
        let candidate = index.candidate(now, |_| true).expect("it is not empty");
        index.remove(&candidate);
    }
    println!("what goes is found in {:?}", begun.elapsed() / evicted);
}

const MILLION: u32 = 1_000_000;

//! A one-time crawl of everything does not push out the hot set: the benchmark's trace, asserted.

#[path = "../benches/eviction/trace.rs"]
mod trace;

use trace::{Lru, Product};

#[test]
fn a_crawl_costs_the_hot_set_little_and_under_lru_much() {
    let (ours, lru) = (trace::run(&mut Product::default()), trace::run(&mut Lru::default()));
    assert!(
        ours.before.percent() > 97.0 && lru.before.percent() > 97.0,
        "{ours:?} {lru:?}"
    );
    assert!(ours.after.percent() > ours.before.percent() - 2.0, "{ours:?}");
    assert!(ours.after.percent() > lru.after.percent() + 5.0, "{ours:?} {lru:?}");
}

//! What stays when there is too much.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use content::{Budget, Inventory, Limits, Pin, Store};
use futures_util::StreamExt;
use jiff::Timestamp;
use oci::Digest;

use crate::scripted::{CHUNK, content, everything, files};

/// A store with a limit, and with time that the test moves.
struct House {
    store: Store,
    now: Arc<AtomicI64>,
}

impl House {
    fn open(directory: &Path, max_size: u64) -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = Arc::clone(&now);
        let budget = Budget {
            max_size: Some(max_size),
            clock: Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap()),
        };
        let store = Store::with_budget(directory, Limits::default(), budget).unwrap();
        Self { store, now }
    }

    fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn put(&self, number: u32) -> Digest {
        let (digest, bytes) = numbered(number);
        self.store.put(&digest, bytes).await.unwrap();
        digest
    }

    async fn has(&self, digest: &Digest) -> bool {
        self.store.blob(digest).await.unwrap().is_some()
    }
}

/// A block of content.
fn numbered(number: u32) -> (Digest, Bytes) {
    let bytes = Bytes::from(vec![number.to_be_bytes()[3]; 4096 - number as usize]);
    (Digest::of(&bytes), bytes)
}

const BLOCK: u64 = 4096;

#[tokio::test]
async fn a_crawl_of_everything_leaves_what_is_used_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 40 * BLOCK);
    let mut hot = Vec::new();
    for number in 0..10 {
        hot.push(house.put(number).await);
    }
    house.later(3600);
    for digest in &hot {
        assert!(house.has(digest).await);
    }
    for number in 10..250 {
        house.later(1);
        house.put(number).await;
    }
    house.store.settled().await;
    let status = house.store.status();
    assert!(status.bytes <= 40 * BLOCK && status.entries >= 36, "{status:?}");
    assert!(status.evicted >= 210, "{status:?}");
    assert_eq!(files(directory.path()).len(), status.entries);
    for digest in &hot {
        assert!(house.has(digest).await, "the hot set is there");
    }
}

#[tokio::test]
async fn content_too_large_for_the_cache_goes_itself_and_takes_nothing_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 40 * BLOCK);
    let mut others = Vec::new();
    for number in 0..10 {
        others.push(house.put(number).await);
    }
    // The one could never stay, the other just fits as long as there is nothing else.
    for size in [41 * BLOCK, 39 * BLOCK] {
        house.later(3600);
        let bytes = Bytes::from(vec![7; size as usize]);
        let large = Digest::of(&bytes);
        house.store.put(&large, bytes).await.unwrap();
        house.store.settled().await;
        assert!(!house.has(&large).await, "{size}");
        for digest in &others {
            assert!(house.has(digest).await, "{size}");
        }
    }
    let status = house.store.status();
    assert_eq!((status.evicted, status.entries), (2, 10), "{status:?}");
}

/// The machine's clock was wrong for a time.
#[tokio::test]
async fn content_from_the_future_goes_before_what_is_used_now() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 40 * BLOCK);
    house.later(10 * 365 * 24 * 3600);
    let mut early = Vec::new();
    for number in 0..20 {
        early.push(house.put(number).await);
    }
    house.later(-10 * 365 * 24 * 3600);
    for _ in 0..3 {
        assert!(house.has(&early[0]).await);
        house.later(60);
    }
    for number in 20..58 {
        house.later(60);
        house.put(number).await;
    }
    house.store.settled().await;
    assert!(house.has(&early[0]).await, "it was used again and again since");
    let inventory = Inventory::of(directory.path()).unwrap();
    let left = early.iter().filter(|digest| inventory.has(digest)).count();
    assert!(left <= 5, "{left} of 20 are left");
}

#[tokio::test]
async fn usage_is_known_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 100 * BLOCK);
    let used_twice = house.put(0).await;
    house.later(3600);
    assert!(house.has(&used_twice).await);
    for number in 1..60 {
        house.later(1);
        house.put(number).await;
    }
    drop(house);
    // All that there is is too much now, and nothing was used in this process.
    let house = House::open(directory.path(), 20 * BLOCK);
    house.store.settled().await;
    assert!(house.store.status().bytes <= 20 * BLOCK);
    assert!(house.has(&used_twice).await);
}

#[tokio::test]
async fn pinned_content_is_never_evicted() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 10 * BLOCK);
    let inventory = Inventory::of(directory.path()).unwrap();
    let pinned = [house.put(0).await, house.put(1).await];
    let pin = Pin::new("r.test/app:1".to_owned(), pinned[0].clone(), pinned.to_vec());
    inventory.pin(&pin).unwrap();
    assert_eq!(inventory.pins(), [pin]);
    for number in 2..100 {
        house.later(100);
        house.put(number).await;
    }
    house.store.settled().await;
    assert!(inventory.has(&pinned[0]) && inventory.has(&pinned[1]));

    assert!(inventory.unpin("r.test/app:1").unwrap());
    assert!(!inventory.unpin("r.test/app:1").unwrap());
    for number in 100..200 {
        house.later(100);
        house.put(number).await;
    }
    house.store.settled().await;
    assert!(!inventory.has(&pinned[0]) && !inventory.has(&pinned[1]));
}

#[tokio::test]
async fn an_image_that_is_pinned_while_content_is_removed_stays() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 10 * BLOCK);
    let inventory = Inventory::of(directory.path()).unwrap();
    let digests = [house.put(0).await, house.put(1).await];
    let mut pinned = inventory.pinned();
    assert!(inventory.remove_unless(&mut pinned, &digests[0]).unwrap());
    let pin = Pin::new("r.test/app:1".to_owned(), digests[1].clone(), vec![digests[1].clone()]);
    inventory.pin(&pin).unwrap();
    assert!(!inventory.remove_unless(&mut pinned, &digests[1]).unwrap());
    assert!(!inventory.has(&digests[0]) && inventory.has(&digests[1]));
}

#[tokio::test]
async fn a_cache_of_pinned_content_alone_grows_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 2 * BLOCK);
    let inventory = Inventory::of(directory.path()).unwrap();
    let digests: Vec<_> = (0..4).map(|number| numbered(number).0).collect();
    let pin = Pin::new("r.test/app:1".to_owned(), digests[0].clone(), digests.clone());
    inventory.pin(&pin).unwrap();
    for number in 0..4 {
        house.put(number).await;
    }
    house.store.settled().await;
    assert_eq!(files(directory.path()).len(), 4);
}

#[tokio::test]
async fn a_reader_reads_on_when_its_content_is_evicted() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 40 * BLOCK);
    let large = content(CHUNK / 2 * 3);
    let digest = Digest::of(&large);
    // It is too large for the cache, so it goes as soon as it is there.
    let blob = house.store.put(&digest, large.clone()).await.unwrap();
    let mut stream = blob.stream(..);
    let first = stream.next().await.unwrap().unwrap();
    house.store.settled().await;
    assert!(files(directory.path()).is_empty());
    assert!(!house.has(&digest).await);
    let rest = everything(stream).await.unwrap();
    assert!([first.to_vec(), rest].concat() == large);
}

#[tokio::test]
async fn content_that_vanishes_is_not_missed() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), 100 * BLOCK);
    house.store.settled().await;
    let digest = house.put(0).await;
    Inventory::of(directory.path()).unwrap().remove(&digest).unwrap();
    assert!(!house.has(&digest).await);
    assert_eq!((house.store.status().entries, house.store.status().bytes), (0, 0));
    house.put(0).await;
    assert!(house.has(&digest).await);
}

/// What is there is not looked at before the first answer; a survey in the background finds it.
#[tokio::test]
async fn a_start_does_not_wait_for_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path()).unwrap());
    let blobs = directory.path().join("blobs/sha256");
    std::fs::write(directory.path().join("empty"), "").unwrap();
    for shard in 0..=255 {
        std::fs::create_dir(blobs.join(format!("{shard:02x}"))).unwrap();
    }
    // Links are quickly made; more than this number of one file is more than some file systems take.
    for number in 0..20_000_u32 {
        let name = format!("{:02x}{number:062x}", number % 256);
        std::fs::hard_link(directory.path().join("empty"), blobs.join(&name[..2]).join(&name)).unwrap();
    }
    // The shortest of some attempts: others use this machine as well.
    let first_answer = (0..5).map(|_| {
        let begun = std::time::Instant::now();
        let store = Store::open(directory.path()).unwrap();
        assert!(!store.status().is_surveyed);
        begun.elapsed()
    });
    let shortest = first_answer.min().unwrap();
    assert!(shortest.as_millis() < 50, "{shortest:?}");

    let store = Store::open(directory.path()).unwrap();
    store.settled().await;
    assert_eq!(store.status().entries, 20_000);
}

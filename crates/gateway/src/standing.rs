use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use content::{Place, Store};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

/// When AWS last let each place's owner in. What AWS has revoked is to end here too: what is at hand is served only while
/// that was confirmed within the upstream's `accessLifetime`, and not at all after a refusal.
#[derive(Clone)]
pub(crate) struct Standings(Arc<Inner>);

struct Inner {
    store: Store,
    by_place: Mutex<HashMap<Place, Arc<Standing>>>,
    /// How often somebody who was let in has been refused since. Decisions that were kept from before count no more.
    refusals: AtomicU64,
}

/// What AWS last said to the owner of a place.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Seconds since the epoch; [`NEVER`] where the owner was not let in, or has been refused since.
    confirmed: AtomicI64,
    /// The same as it is on disk.
    written: AtomicI64,
}

impl Standings {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Inner {
            store,
            by_place: Mutex::default(),
            refusals: AtomicU64::new(0),
        }))
    }

    /// The standing of a place, as far as it is known.
    pub(crate) async fn of(&self, place: &Place) -> std::io::Result<Arc<Standing>> {
        if let Some(standing) = self.lock().get(place) {
            return Ok(standing.clone());
        }
        let seconds = self.0.store.access(place).await?.map_or(NEVER, Timestamp::as_second);
        let mut places = self.lock();
        if places.len() >= MOST {
            // What nobody holds is read again from the disk when it is asked for.
            places.retain(|_, standing| Arc::strong_count(standing) > 1 || standing.is_refused_in_memory_alone());
        }
        let standing = places.entry(place.clone()).or_insert_with(|| {
            Arc::new(Standing {
                confirmed: AtomicI64::new(seconds),
                written: AtomicI64::new(seconds),
            })
        });
        Ok(standing.clone())
    }

    /// AWS let the owner in. Written to the disk now and then, so that a restart does not forget it.
    pub(crate) async fn confirm(&self, place: &Place, standing: &Standing, now: Timestamp) {
        standing.confirmed.store(now.as_second(), Ordering::Release);
        let written = standing.written.load(Ordering::Acquire);
        if (written..written.saturating_add(WRITTEN_EVERY)).contains(&now.as_second()) {
            return;
        }
        standing.written.store(now.as_second(), Ordering::Release);
        if let Err(error) = self.0.store.set_access(place, Some(now)).await {
            // The store tells the administrator.
            debug!(%error, %place, "what AWS confirmed could not be kept");
        }
    }

    /// AWS refused the owner: nothing of the place is served any more until it lets them in again.
    pub(crate) async fn refuse(&self, place: &Place, standing: &Standing) {
        if standing.confirmed.swap(NEVER, Ordering::AcqRel) == NEVER {
            return;
        }
        self.0.refusals.fetch_add(1, Ordering::AcqRel);
        info!(%place, "AWS refuses what it allowed before; what is cached of it is not served any more");
        match self.0.store.set_access(place, None).await {
            Ok(()) => standing.written.store(NEVER, Ordering::Release),
            Err(error) => warn!(%error, %place, "a refusal could not be kept; it counts until the next restart"),
        }
    }

    /// Changes when somebody who was let in is refused.
    pub(crate) fn epoch(&self) -> u64 {
        self.0.refusals.load(Ordering::Acquire)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Arc<Standing>>> {
        self.0.by_place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// The disk does not know of the refusal, and would let the owner in.
    fn is_refused_in_memory_alone(&self) -> bool {
        self.confirmed.load(Ordering::Acquire) == NEVER && self.written.load(Ordering::Acquire) != NEVER
    }

    /// Until when the owner may have what is at hand, where AWS let them in. A time from the future was written under
    /// another clock; it says nothing.
    pub(crate) fn good_until(&self, lifetime: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        if confirmed == NEVER || confirmed > now.as_second() {
            return None;
        }
        let until = Timestamp::from_second(confirmed).ok()?.checked_add(lifetime).ok()?;
        (now < until).then_some(until)
    }
}

const NEVER: i64 = i64::MIN;
/// Seconds. An hour of the twelve may be forgotten by a crash: then AWS is asked sooner.
const WRITTEN_EVERY: i64 = 600;
/// So many places are held in memory, of about half a KiB each, before those that nobody uses are dropped.
const MOST: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;
    use content::Scope;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn place() -> Place {
        Place {
            scope: Scope::new(["acme"]).unwrap(),
            repository: "team/app".parse().unwrap(),
        }
    }

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[tokio::test]
    async fn a_place_is_good_for_its_time_and_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let standings = Standings::new(Store::open(folder.path()).unwrap());
        let standing = standings.of(&place()).await.unwrap();
        assert_eq!(standing.good_until(HOUR, at(0)), None, "nobody has asked AWS yet");
        standings.confirm(&place(), &standing, at(0)).await;
        assert_eq!(standing.good_until(HOUR, at(3599)), Some(at(3600)));
        assert_eq!(standing.good_until(HOUR, at(3600)), None);
        assert_eq!(standing.good_until(HOUR, at(-1)), None, "the clock was set back");
        drop((standings, standing));

        let standings = Standings::new(Store::open(folder.path()).unwrap());
        let standing = standings.of(&place()).await.unwrap();
        assert_eq!(standing.good_until(HOUR, at(10)), Some(at(3600)));
    }

    #[tokio::test]
    async fn a_refusal_ends_it_at_once_and_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let standings = Standings::new(Store::open(folder.path()).unwrap());
        let standing = standings.of(&place()).await.unwrap();
        standings.confirm(&place(), &standing, at(0)).await;
        let epoch = standings.epoch();
        standings.refuse(&place(), &standing).await;
        assert_eq!(standing.good_until(HOUR, at(1)), None);
        assert_ne!(standings.epoch(), epoch);
        let epoch = standings.epoch();
        standings.refuse(&place(), &standing).await;
        assert_eq!(standings.epoch(), epoch, "who was refused already changes nothing");
        drop((standings, standing));
        let standings = Standings::new(Store::open(folder.path()).unwrap());
        let standing = standings.of(&place()).await.unwrap();
        assert_eq!(standing.good_until(HOUR, at(1)), None);
    }

    /// What was written before would let the owner in again.
    #[tokio::test]
    async fn a_refusal_that_the_disk_does_not_take_stays_in_memory_however_many_places_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let standings = Standings::new(Store::open(folder.path()).unwrap());
        let standing = standings.of(&place()).await.unwrap();
        standings.confirm(&place(), &standing, at(0)).await;
        let record = walk(folder.path()).find(|path| path.ends_with("_access")).unwrap();
        std::fs::remove_file(&record).unwrap();
        std::fs::create_dir(&record).unwrap();
        standings.refuse(&place(), &standing).await;
        drop(standing);
        for number in 0..=MOST {
            let repository = format!("team/{number}").parse().unwrap();
            let standing = Arc::new(Standing {
                confirmed: AtomicI64::new(NEVER),
                written: AtomicI64::new(NEVER),
            });
            standings.lock().insert(Place { repository, ..place() }, standing);
        }
        let other = "team/other".parse().unwrap();
        standings
            .of(&Place {
                repository: other,
                ..place()
            })
            .await
            .unwrap();
        let places = standings.lock();
        assert!(places.len() < 10, "those that nobody holds are gone");
        assert!(places.contains_key(&place()));
    }

    fn walk(folder: &std::path::Path) -> Box<dyn Iterator<Item = std::path::PathBuf>> {
        let entries = std::fs::read_dir(folder).unwrap();
        Box::new(entries.flat_map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path),
                false => Box::new(std::iter::once(path)),
            }
        }))
    }
}

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use oci::Digest;
use tokio::sync::watch;

use super::Phase;
use crate::{blob::Blob, place::Place};

/// The downloads that run, at most one for each digest.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    by_digest: Mutex<HashMap<Digest, Flight>>,
}

/// A running download, seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// For whom it was begun.
    pub(crate) place: Place,
    pub(crate) progress: watch::Receiver<Phase>,
}

/// The right and the duty to run a download.
pub(crate) struct Commission {
    pub(crate) progress: watch::Sender<Phase>,
    pub(crate) registration: Registration,
}

/// Keeps a download registered; ends with it, however it ends.
pub(crate) struct Registration {
    flights: Arc<Flights>,
    digest: Digest,
}

impl Flights {
    /// The running download of the digest. Where there is none, it counts as running from now on, and whoever gets the
    /// commission must run it.
    pub(crate) fn join(self: &Arc<Self>, place: &Place, digest: &Digest) -> (Flight, Option<Commission>) {
        match self.lock().entry(digest.clone()) {
            Entry::Occupied(running) => (running.get().clone(), None),
            Entry::Vacant(vacant) => {
                let (progress, follower) = watch::channel(Phase::Opening);
                let flight = Flight {
                    place: place.clone(),
                    progress: follower,
                };
                vacant.insert(flight.clone());
                let registration = Registration {
                    flights: Arc::clone(self),
                    digest: digest.clone(),
                };
                let commission = Commission { progress, registration };
                (flight, Some(commission))
            }
        }
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Content that is verified and about to get its name on disk.
    pub(crate) fn verified(&self, digest: &Digest) -> Option<Blob> {
        match &*self.lock().get(digest)?.progress.borrow() {
            Phase::Whole(blob) => Some(blob.clone()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Flight>> {
        // Every change under the lock is a single step, so a panic elsewhere leaves nothing half done.
        self.by_digest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Scope;

    #[test]
    fn one_commission_for_each_digest_until_it_ends() {
        let flights = Arc::new(Flights::default());
        let place = Place {
            scope: Scope::new(["acme"]).unwrap(),
            repository: "app".parse().unwrap(),
        };
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let (_, commission) = flights.join(&place, &one);
        assert!(commission.is_some());
        assert!(flights.join(&place, &one).1.is_none());
        assert!(flights.join(&place, &two).1.is_some());
        drop(commission);
        assert!(flights.join(&place, &one).1.is_some());
    }
}

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// Work that several want at the same time and that is done once. It goes on when those who want it go away.
pub(crate) struct Flights<K, V: Clone>(Arc<Mutex<HashMap<K, Flight<V>>>>);

type Flight<V> = Shared<BoxFuture<'static, Option<V>>>;

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The outcome of the work for this key that is under way, or else of `work`. Nothing where the work panicked.
    pub(crate) async fn join<W>(&self, key: K, work: impl FnOnce() -> W) -> Option<V>
    where
        W: Future<Output = V> + Send + 'static,
    {
        let flight = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let landing = Landing {
                        key: key.clone(),
                        flights: self.0.clone(),
                    };
                    let work = work();
                    let task = tokio::spawn(async move {
                        let _landing = landing;
                        work.await
                    });
                    let flight = async move { task.await.ok() }.boxed().shared();
                    flights.insert(key, flight.clone());
                    flight
                }
            }
        };
        flight.await
    }
}

impl<K, V: Clone> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Takes the work off the list when it ends, however it ends.
struct Landing<K: Eq + Hash, V: Clone> {
    key: K,
    flights: Arc<Mutex<HashMap<K, Flight<V>>>>,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn those_who_want_the_same_at_the_same_time_share_it() {
        let flights: Flights<u8, usize> = Flights::default();
        let (count, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (count, gate) = (count.clone(), gate.clone());
            async move {
                gate.notified().await;
                count.fetch_add(1, Ordering::SeqCst)
            }
        };
        let opener = async {
            tokio::task::yield_now().await;
            gate.notify_one();
        };
        let (one, other, ()) = tokio::join!(flights.join(1, work), flights.join(1, work), opener);
        assert_eq!((one, other), (Some(0), Some(0)));
        gate.notify_one();
        assert_eq!(
            flights.join(1, work).await,
            Some(1),
            "what is over is not shared any more"
        );
    }

    #[tokio::test]
    async fn a_panic_is_nobodys_outcome_and_blocks_nothing() {
        let flights: Flights<u8, ()> = Flights::default();
        assert_eq!(flights.join(1, || async { panic!("on purpose") }).await, None);
        assert_eq!(flights.join(1, || async {}).await, Some(()));
    }
}

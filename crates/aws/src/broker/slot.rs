use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{AwsError, Cause, Kind, Login};

/// The place of one login: what is good now, and the exchange that is under way for the next.
#[derive(Default)]
pub(super) struct Slot {
    current: ArcSwapOption<Held>,
    work: Mutex<Work>,
}

struct Held {
    login: Arc<Login>,
    /// From when on the next one is fetched.
    renew_at: Timestamp,
}

type Outcome = Result<Arc<Login>, AwsError>;

#[derive(Default)]
struct Work {
    /// What the exchange that is under way comes to.
    running: Option<watch::Receiver<Option<Outcome>>>,
    /// How many exchanges in a row came to nothing.
    failures: u32,
    /// Until when no renewal is tried, because the last one failed.
    patience: Option<Timestamp>,
}

impl Slot {
    /// The login at hand while it is good, else the outcome of the exchange that is under way or begins now.
    pub(super) async fn login<F, M>(
        self: Arc<Self>,
        now: impl Fn() -> Timestamp + Send + 'static,
        make: M,
    ) -> Result<Arc<Login>, AwsError>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Login, AwsError>> + Send + 'static,
    {
        let time = now();
        if let Some(held) = self.good(time) {
            if held.renew_at <= time {
                self.begin(now, make, true);
            }
            return Ok(held.login.clone());
        }
        let mut outcome = self.begin(now, make, false);
        let outcome = outcome
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(abandoned()))
    }

    pub(super) fn forget(&self, login: &Arc<Login>) {
        self.current.rcu(|current| match current {
            Some(held) if Arc::ptr_eq(&held.login, login) => None,
            other => other.clone(),
        });
    }

    /// Whether there is a login that is good, or going to be.
    pub(super) fn is_of_use(&self, now: Timestamp) -> bool {
        self.good(now).is_some() || self.work().running.is_some()
    }

    fn good(&self, now: Timestamp) -> Option<Arc<Held>> {
        self.current.load_full().filter(|held| held.login.is_good(now))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the exchange that is under way, or begins one, in a task of its own: whoever asked for it may leave. For a
    /// renewal that is not due again nothing begins.
    fn begin<F, M>(
        self: &Arc<Self>,
        now: impl Fn() -> Timestamp + Send + 'static,
        make: M,
        is_renewal: bool,
    ) -> watch::Receiver<Option<Outcome>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Login, AwsError>> + Send + 'static,
    {
        let mut work = self.work();
        if let Some(running) = &work.running {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let time = now();
        // Between the first look and this one, the exchange that was under way may have ended.
        if !is_renewal && let Some(held) = self.good(time) {
            sender.send_replace(Some(Ok(held.login.clone())));
            return receiver;
        }
        if is_renewal && work.patience.is_some_and(|until| time < until) {
            return receiver;
        }
        work.running = Some(receiver.clone());
        drop(work);
        let slot = self.clone();
        tokio::spawn(async move {
            let end = Ending(&slot);
            let outcome = make().await.map(Arc::new);
            slot.end(&outcome, now());
            sender.send_replace(Some(outcome));
            drop(end);
        });
        receiver
    }

    fn end(&self, outcome: &Outcome, now: Timestamp) {
        let mut work = self.work();
        match outcome {
            Ok(login) => {
                work.failures = 0;
                work.patience = None;
                self.current.store(Some(Arc::new(Held {
                    login: login.clone(),
                    renew_at: renew_at(login),
                })));
            }
            Err(error) => {
                work.failures = work.failures.saturating_add(1);
                work.patience = Some(now + patience(work.failures));
                if self.current.load().is_some() {
                    tracing::warn!(%error, "a login is not renewed yet; the one at hand stays in use");
                }
            }
        }
        work.running = None;
    }
}

/// Lets the next exchange begin, also where this one panics.
struct Ending<'a>(&'a Slot);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.work().running = None;
        }
    }
}

/// Somewhere between three and four fifths of a login's life, so that many that were made together are not renewed
/// together.
fn renew_at(login: &Login) -> Timestamp {
    let life = login.expires_at.duration_since(login.made_at).as_secs().max(0);
    login.made_at + SignedDuration::from_secs(life * 3 / 5 + life / 5 * draw(1000) / 1000)
}

/// 5 s after the first failure, then twice as long each time up to 80 s, and up to a fifth more by chance.
fn patience(failures: u32) -> SignedDuration {
    let millis = 5_000_i64 << failures.saturating_sub(1).min(4);
    SignedDuration::from_millis(millis + millis / 5 * draw(1000) / 1000)
}

/// A number below `limit`. Nothing depends on that nobody can guess it.
fn draw(limit: i64) -> i64 {
    let random = RandomState::new().build_hasher().finish() >> 1;
    i64::try_from(random).unwrap_or_default() % limit
}

fn abandoned() -> AwsError {
    let cause = Cause::new(
        "the exchange was given up, such as when the server is about to stop",
        "the server's log",
        "try again",
    );
    AwsError::new(Kind::Unavailable, "a login to ECR", "nothing yet", [cause])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use super::*;
    use crate::Pass;
    use tokio::sync::Semaphore;

    /// A slot with a clock that stands still, and an AWS that gives logins of an hour while it is there.
    struct Stage {
        slot: Arc<Slot>,
        seconds: Arc<AtomicI64>,
        made: Arc<AtomicUsize>,
        /// An exchange takes one of these.
        gate: Arc<Semaphore>,
        is_up: bool,
    }

    impl Stage {
        fn new() -> Self {
            Self {
                slot: Arc::default(),
                seconds: Arc::new(AtomicI64::new(1_800_000_000)),
                made: Arc::default(),
                gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
                is_up: true,
            }
        }

        fn wait(&self, minutes: i64) {
            self.seconds.fetch_add(minutes * 60, Ordering::Relaxed);
        }

        async fn login(&self) -> Outcome {
            let (now, made, gate, is_up) = (self.now(), self.made.clone(), self.gate.clone(), self.is_up);
            let time = now.clone();
            let make = move || async move {
                gate.acquire().await.unwrap().forget();
                made.fetch_add(1, Ordering::Relaxed);
                is_up.then(|| login(time())).ok_or_else(abandoned)
            };
            self.slot.clone().login(now, make).await
        }

        fn now(&self) -> impl Fn() -> Timestamp + Clone + Send + 'static {
            let seconds = self.seconds.clone();
            move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap()
        }

        /// Waits until no exchange is under way.
        async fn settle(&self) {
            let running = self.slot.work().running.clone();
            if let Some(mut running) = running {
                let _ = running.wait_for(Option::is_some).await;
            }
        }

        fn made(&self) -> usize {
            self.made.load(Ordering::Relaxed)
        }
    }

    fn login(now: Timestamp) -> Login {
        Login {
            principal: "p".into(),
            pass: Pass::Bearer("t".into()),
            session: None,
            made_at: now,
            expires_at: now + SignedDuration::from_hours(1),
        }
    }

    #[tokio::test]
    async fn however_many_ask_one_exchange_is_made() {
        let stage = Stage {
            gate: Arc::new(Semaphore::new(0)),
            ..Stage::new()
        };
        let (logins, ()) = tokio::join!(
            futures_util::future::join_all((0..1000).map(|_| stage.login())),
            async { stage.gate.add_permits(1) }
        );
        assert!(logins.iter().all(Result::is_ok));
        assert_eq!(stage.made(), 1);
    }

    #[tokio::test]
    async fn an_exchange_goes_on_when_whoever_began_it_leaves() {
        let stage = Stage {
            gate: Arc::new(Semaphore::new(0)),
            ..Stage::new()
        };
        let left = tokio::time::timeout(std::time::Duration::ZERO, stage.login()).await;
        assert!(left.is_err());
        stage.gate.add_permits(1);
        assert!(stage.login().await.is_ok());
        assert_eq!(stage.made(), 1);
    }

    #[tokio::test]
    async fn a_renewal_makes_nobody_wait() {
        let stage = Stage {
            gate: Arc::new(Semaphore::new(1)),
            ..Stage::new()
        };
        let first = stage.login().await.unwrap();
        stage.wait(30);
        assert!(Arc::ptr_eq(&stage.login().await.unwrap(), &first));
        assert!(stage.slot.work().running.is_none(), "half of its life is too early");
        stage.wait(20);
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&stage.login().await.unwrap(), &first), "the exchange hangs");
        }
        stage.gate.add_permits(1);
        stage.settle().await;
        assert!(!Arc::ptr_eq(&stage.login().await.unwrap(), &first));
        assert_eq!(stage.made(), 2);
    }

    #[tokio::test]
    async fn a_good_login_serves_while_aws_is_down_and_no_longer() {
        let mut stage = Stage::new();
        let first = stage.login().await.unwrap();
        stage.is_up = false;
        stage.wait(49);
        for _ in 0..9 {
            stage.wait(1);
            assert!(Arc::ptr_eq(&stage.login().await.unwrap(), &first));
            stage.settle().await;
        }
        assert!((3..=10).contains(&stage.made()), "{} exchanges", stage.made());
        stage.wait(1);
        assert!(stage.login().await.is_err(), "it ends in a minute");
        stage.is_up = true;
        assert!(stage.login().await.is_ok(), "nobody waits for patience to end");
    }

    #[tokio::test]
    async fn renewals_that_fail_are_tried_less_and_less_often() {
        let mut stage = Stage::new();
        stage.login().await.unwrap();
        stage.is_up = false;
        stage.wait(50);
        for _ in 0..60 {
            stage.login().await.unwrap();
            stage.settle().await;
            stage.seconds.fetch_add(1, Ordering::Relaxed);
        }
        assert!(
            (3..=6).contains(&stage.made()),
            "{} exchanges in a minute",
            stage.made()
        );
        for (failures, least) in [(1, 5_000), (2, 10_000), (5, 80_000), (9, 80_000), (u32::MAX, 80_000)] {
            let patience = patience(failures).as_millis();
            assert!(
                (least..=least + least / 5).contains(&patience),
                "{failures}: {patience}"
            );
        }
    }

    #[tokio::test]
    async fn what_aws_refuses_is_forgotten_but_not_its_successor() {
        let stage = Stage::new();
        let first = stage.login().await.unwrap();
        stage.slot.forget(&first);
        let second = stage.login().await.unwrap();
        stage.slot.forget(&first);
        assert!(Arc::ptr_eq(&stage.login().await.unwrap(), &second));
        assert_eq!(stage.made(), 2);
    }

    #[tokio::test]
    async fn an_exchange_that_breaks_keeps_nobody_from_the_next() {
        let stage = Stage::new();
        let broken = || async { panic!("broken") };
        let outcome = stage.slot.clone().login(stage.now(), broken).await;
        assert!(outcome.is_err());
        assert!(stage.login().await.is_ok());
    }
}

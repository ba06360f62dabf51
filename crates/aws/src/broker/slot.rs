use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::watch, time::Instant};

use crate::{AwsError, Cause, Kind, Login, clock::Moment};

/// The place of one login: what is good now, and the exchange that is under way for the next.
#[derive(Default)]
pub(super) struct Slot {
    current: ArcSwapOption<Held>,
    work: Mutex<Work>,
}

/// A login with its times by AWS's clock: they hold when this machine's clock is set.
struct Held {
    login: Arc<Login>,
    /// From when on it is not used.
    end: Timestamp,
    /// From when on the next one is fetched.
    renew_at: Timestamp,
}

impl Held {
    fn new(login: Arc<Login>, now: Moment) -> Self {
        let ahead = now.theirs.duration_since(now.own);
        Self {
            end: login.expires_at + ahead - Login::MARGIN,
            renew_at: renew_at(&login) + ahead,
            login,
        }
    }
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
    /// What the last exchange failed with, and when.
    last: Option<(AwsError, Instant)>,
}

impl Work {
    /// The exchange that is under way. One that panicked, or whose runtime ended, is not.
    fn running(&self) -> Option<&watch::Receiver<Option<Outcome>>> {
        self.running.as_ref().filter(|running| running.has_changed().is_ok())
    }

    /// Whether it is too early for another renewal. What lies further ahead than any patience was noted before the clock
    /// was set back, and says nothing.
    fn is_patient(&self, now: Timestamp) -> bool {
        self.patience
            .is_some_and(|until| now < until && until <= now + LONGEST_PATIENCE)
    }

    /// What those are told who ask again at once for what has failed several times in a row: else each request of a
    /// client that does not give up would be calls of AWS.
    fn refusal(&self) -> Option<AwsError> {
        let (error, at) = self.last.as_ref().filter(|_| self.failures >= TOLERATED)?;
        (at.elapsed() < MEMORY).then(|| error.clone())
    }
}

impl Slot {
    /// The login at hand while it is good, else the outcome of the exchange that is under way or begins now.
    pub(super) async fn login<F, M>(
        self: Arc<Self>,
        now: impl Fn() -> Moment + Send + 'static,
        make: M,
    ) -> Result<Arc<Login>, AwsError>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Login, AwsError>> + Send + 'static,
    {
        let time = now().theirs;
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
        self.good(now).is_some() || self.work().running().is_some()
    }

    fn good(&self, now: Timestamp) -> Option<Arc<Held>> {
        self.current.load_full().filter(|held| now < held.end)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the exchange that is under way, or begins one, in a task of its own: whoever asked for it may leave. For a
    /// renewal that is not due again nothing begins.
    fn begin<F, M>(
        self: &Arc<Self>,
        now: impl Fn() -> Moment + Send + 'static,
        make: M,
        is_renewal: bool,
    ) -> watch::Receiver<Option<Outcome>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Login, AwsError>> + Send + 'static,
    {
        let mut work = self.work();
        if let Some(running) = work.running() {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let time = now().theirs;
        // Between the first look and this one, the exchange that was under way may have ended.
        if let Some(held) = self.good(time)
            && (!is_renewal || time < held.renew_at)
        {
            sender.send_replace(Some(Ok(held.login.clone())));
            return receiver;
        }
        if is_renewal && work.is_patient(time) {
            return receiver;
        }
        if let Some(error) = work.refusal() {
            sender.send_replace(Some(Err(error)));
            return receiver;
        }
        work.running = Some(receiver.clone());
        drop(work);
        let slot = self.clone();
        tokio::spawn(async move {
            let outcome = make().await.map(Arc::new);
            slot.end(&outcome, now());
            sender.send_replace(Some(outcome));
        });
        receiver
    }

    fn end(&self, outcome: &Outcome, now: Moment) {
        let mut work = self.work();
        match outcome {
            Ok(login) => {
                work.failures = 0;
                work.patience = None;
                work.last = None;
                self.current.store(Some(Arc::new(Held::new(login.clone(), now))));
            }
            Err(error) => {
                work.failures = work.failures.saturating_add(1);
                work.patience = Some(now.theirs + patience(work.failures));
                work.last = Some((error.clone(), Instant::now()));
                if self.current.load().is_some() {
                    tracing::warn!(%error, "a login is not renewed yet; the one at hand stays in use");
                }
            }
        }
        work.running = None;
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

/// How many exchanges in a row may fail before failures are remembered: whoever repairs a policy and tries again at once
/// is not told of yesterday.
const TOLERATED: u32 = 8;
/// How long a failure is remembered then.
const MEMORY: Duration = Duration::from_secs(1);
/// See [`patience`].
const LONGEST_PATIENCE: SignedDuration = SignedDuration::from_secs(96);

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
        /// By how many seconds AWS's clock is ahead.
        ahead: Arc<AtomicI64>,
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
                ahead: Arc::default(),
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
                is_up.then(|| login(time().own)).ok_or_else(abandoned)
            };
            self.slot.clone().login(now, make).await
        }

        fn now(&self) -> impl Fn() -> Moment + Clone + Send + 'static {
            let (seconds, ahead) = (self.seconds.clone(), self.ahead.clone());
            move || {
                let own = Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap();
                let theirs = own + SignedDuration::from_secs(ahead.load(Ordering::Relaxed));
                Moment { own, theirs }
            }
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

    #[tokio::test(start_paused = true)]
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
        tokio::time::advance(MEMORY).await;
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
    #[tokio::test]
    async fn a_renewal_that_another_one_made_meanwhile_is_not_made_again() {
        let stage = Stage::new();
        stage.login().await.unwrap();
        // Whoever saw the login before this one comes late.
        stage
            .slot
            .begin(stage.now(), || async { panic!("there is nothing to do") }, true);
        assert!(stage.slot.work().running.is_none());
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_puts_no_renewal_off() {
        let mut stage = Stage::new();
        stage.login().await.unwrap();
        stage.wait(58);
        stage.is_up = false;
        stage.login().await.unwrap();
        stage.settle().await;
        assert_eq!(stage.made(), 2);
        stage.wait(-10);
        stage.is_up = true;
        stage.login().await.unwrap();
        stage.settle().await;
        assert_eq!(stage.made(), 3);
    }

    #[tokio::test]
    async fn a_login_ends_by_the_clock_of_aws_however_the_own_one_is_set() {
        let stage = Stage::new();
        let first = stage.login().await.unwrap();
        // The own clock is set back by ten minutes, and AWS's next answer shows it.
        stage.wait(47 - 10);
        stage.ahead.store(600, Ordering::Relaxed);
        stage.wait(11);
        assert!(
            Arc::ptr_eq(&stage.login().await.unwrap(), &first),
            "58 minutes by AWS's clock"
        );
        stage.settle().await;
        assert_eq!(stage.made(), 2);
        let second = stage.login().await.unwrap();
        // It is set right again, which does not make the login any older.
        stage.wait(10);
        stage.ahead.store(0, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&stage.login().await.unwrap(), &second));
        assert_eq!(stage.made(), 2);
        stage.wait(60);
        assert!(!Arc::ptr_eq(&stage.login().await.unwrap(), &second));
    }

    #[tokio::test]
    async fn an_exchange_that_ended_with_its_runtime_keeps_nobody_from_the_next() {
        let stage = Arc::new(Stage::new());
        let (slot, now) = (stage.slot.clone(), stage.now());
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { slot.begin(now, std::future::pending, false) })
        });
        ended.join().unwrap();
        assert!(!stage.slot.is_of_use(stage.now()().theirs));
        assert!(stage.login().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_again_and_again_is_remembered_for_a_moment() {
        let mut stage = Stage::new();
        stage.is_up = false;
        for _ in 0..1000 {
            assert!(stage.login().await.is_err());
        }
        assert_eq!(stage.made(), 8);
        stage.is_up = true;
        assert!(stage.login().await.is_err());
        tokio::time::advance(MEMORY).await;
        assert!(stage.login().await.is_ok());
        assert_eq!(stage.made(), 9);
    }
}

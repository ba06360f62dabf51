use std::time::Duration;

use tokio::time::Instant;

use super::plan::WINDOW;

/// How many connections a download uses, and how much each is asked for at a time: what the link is worth.
///
/// Connections are multiplied by four as long as that raises the rate of all together by a quarter or more. Where it does
/// not, the link, the disk or the processor is what is slow, and there is one step back; after a while it is tried again.
/// Smaller steps would find a better number, and the download would be over by then.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    wanted: usize,
    /// What the last step has to beat: how many there were before it, and their rate.
    before: Option<(usize, f64)>,
    measured_from: Option<(Instant, u64)>,
    changed_at: Instant,
    rests_until: Option<Instant>,
    rest: Duration,
    disturbances: u32,
    /// Bytes per second of all connections.
    rate: Option<f64>,
}

/// How a download stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Bytes that have come so far.
    pub(super) received: u64,
    /// Bytes that no connection has.
    pub(super) unclaimed: u64,
    /// The longest that the source took to begin with an answer.
    pub(super) opening: Duration,
    /// How often a connection broke off.
    pub(super) disturbances: u32,
    /// How many connections broke off and are not made again yet.
    pub(super) resting: u32,
}

impl Pace {
    pub(super) fn new(most: usize, now: Instant) -> Self {
        Self {
            most: most.max(1),
            wanted: 1,
            before: None,
            measured_from: None,
            changed_at: now,
            rests_until: None,
            rest: FIRST_REST,
            disturbances: 0,
            rate: None,
        }
    }

    /// How many connections there should be.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// No more than this many can be had at present, and perhaps fewer than were wanted.
    pub(super) fn cap(&mut self, connections: usize, now: Instant) {
        self.step(connections.max(1), now);
        self.rest(now);
    }

    /// Looks at what has come, and changes its mind or does not.
    pub(super) fn look(&mut self, now: Instant, standing: &Standing) {
        if self.rests_until.is_some_and(|until| now < until) || standing.unclaimed < WORTH_PARALLEL {
            return;
        }
        // A connection that brought nothing for a while does not tell what it can bring.
        if self.disturbances != standing.disturbances || standing.resting > 0 {
            self.disturbances = standing.disturbances;
            self.step(self.wanted, now);
            return;
        }
        // New connections take a moment until they bring what they can.
        let warm_at = self.changed_at + (standing.opening * 2).min(LONGEST_WARMUP);
        if now < warm_at {
            return;
        }
        let Some((from, received)) = self.measured_from else {
            self.measured_from = Some((now, standing.received));
            return;
        };
        let elapsed = now - from;
        if elapsed < SHORTEST_MEASUREMENT.max((standing.opening * 3).min(LONGEST_MEASUREMENT)) {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        let rate = (standing.received - received) as f64 / elapsed.as_secs_f64();
        self.rate = Some(rate);
        match self.before {
            Some((fewer, before)) if rate < before * WORTH_A_STEP => {
                self.step(fewer, now);
                self.rest(now);
            }
            _ if self.wanted == self.most || self.is_fast(rate) => self.rest(now),
            _ => {
                self.before = Some((self.wanted, rate));
                self.step((self.wanted * STEP).min(self.most), now);
            }
        }
    }

    /// How many bytes one connection is asked for, where nobody has the last `unclaimed`.
    ///
    /// Long enough that asking hardly counts, short enough that all have room within the window, and shorter towards the
    /// end, so that all end at about the same time.
    pub(super) fn piece(&self, unclaimed: u64) -> u64 {
        let connections = self.wanted as u64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a length need not be exact"
        )]
        let usual = self
            .rate
            .map_or(USUAL, |rate| (rate * WORTH_ASKING.as_secs_f64()) as u64 / connections);
        let usual = usual.clamp(SMALL, LARGE).min(WINDOW * 2 / 3 / connections);
        match connections {
            1 => usual,
            _ => usual.min((unclaimed / (2 * connections)).max(SMALLEST)),
        }
    }

    /// Whether each connection brings so much that not they are what is slow.
    fn is_fast(&self, rate: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "connections are few")]
        let connections = self.wanted as f64;
        rate / connections >= FAST
    }

    fn step(&mut self, connections: usize, now: Instant) {
        self.wanted = connections;
        self.changed_at = now;
        self.measured_from = None;
    }

    fn rest(&mut self, now: Instant) {
        self.before = None;
        self.measured_from = None;
        self.rests_until = Some(now + self.rest);
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }
}

/// How often to look.
pub(super) const LOOK: Duration = Duration::from_millis(10);
const SHORTEST_MEASUREMENT: Duration = Duration::from_millis(40);
const LONGEST_MEASUREMENT: Duration = Duration::from_secs(2);
const LONGEST_WARMUP: Duration = Duration::from_secs(1);
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(30);
const STEP: usize = 4;
/// By which factor a step has to raise the rate.
const WORTH_A_STEP: f64 = 1.25;
/// Bytes per second of one connection. S3 gives one a third of it; what gives this is next to the disk's own rate, and
/// more connections would only have content come out of order, which is then read again to be hashed.
const FAST: f64 = 300e6;
/// How much has to be left for another connection.
const WORTH_PARALLEL: u64 = 8 * 1024 * 1024;
/// How long a request should keep a connection busy.
const WORTH_ASKING: Duration = Duration::from_millis(500);
const SMALLEST: u64 = 1024 * 1024;
const SMALL: u64 = 4 * 1024 * 1024;
/// What a connection is asked for before the rate is known.
pub(super) const USUAL: u64 = 8 * 1024 * 1024;
const LARGE: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    /// Lets time pass over a link that gives so many bytes per second to so many connections; answers with how many
    /// there were at each look.
    fn watch(pace: &mut Pace, begin: Instant, seconds: u32, link: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut standing = Standing {
            unclaimed: u64::MAX,
            opening: Duration::from_millis(10),
            ..Standing::default()
        };
        let looks = seconds * 100;
        let look = |number| {
            pace.look(begin + LOOK * number, &standing);
            standing.received += link(pace.wanted()) / 100;
            pace.wanted()
        };
        (0..looks).map(look).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_connections_are_multiplied_up_to_the_limit() {
        let now = Instant::now();
        let mut pace = Pace::new(12, now);
        let wanted = watch(&mut pace, now, 2, |connections| connections as u64 * 30 * MB);
        let mut steps = wanted.clone();
        steps.dedup();
        assert_eq!(steps, [1, 4, 12]);
        assert!(wanted[20] == 12, "within a fifth of a second");
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_one_connection_fills_keeps_one_and_is_tried_again_more_and_more_seldom() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        let wanted = watch(&mut pace, now, 60, |_| 200 * MB);
        let with_more = wanted.iter().filter(|wanted| **wanted > 1).count();
        let mut steps = wanted.clone();
        steps.dedup();
        assert!(steps.iter().all(|step| *step <= STEP));
        assert!(
            steps.len() > 6 && with_more * 20 < wanted.len(),
            "{with_more} of {}",
            wanted.len()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_connection_brings_fast_enough_is_left_to_it() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        let wanted = watch(&mut pace, now, 60, |connections| connections as u64 * 301 * MB);
        assert!(wanted.iter().all(|wanted| *wanted == 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_four_connections_fill_keeps_four() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        watch(&mut pace, now, 2, |connections| {
            (connections as u64 * 30 * MB).min(125 * MB)
        });
        assert_eq!(pace.wanted(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_measured_while_a_connection_is_broken() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        for number in 0..100 {
            let standing = Standing {
                received: u64::from(number) * MB,
                unclaimed: u64::MAX,
                disturbances: number,
                ..Standing::default()
            };
            pace.look(now + LOOK * number, &standing);
        }
        assert_eq!(pace.wanted(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_measured_while_a_connection_rests() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        for number in 0..100 {
            let standing = Standing {
                unclaimed: u64::MAX,
                disturbances: 1,
                resting: 1,
                ..Standing::default()
            };
            pace.look(now + LOOK * number, &standing);
        }
        assert_eq!(pace.wanted(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_nearly_all_claimed_gets_no_further_connection() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        for number in 0..100 {
            let standing = Standing {
                received: u64::from(number) * MB,
                unclaimed: WORTH_PARALLEL - 1,
                ..Standing::default()
            };
            pace.look(now + LOOK * number, &standing);
        }
        assert_eq!(pace.wanted(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_fit_into_the_window_and_shrink_towards_the_end() {
        let now = Instant::now();
        let mut pace = Pace::new(16, now);
        assert_eq!(pace.piece(u64::MAX), USUAL);
        watch(&mut pace, now, 2, |connections| connections as u64 * 30 * MB);
        assert_eq!(pace.wanted(), 16);
        let usual = pace.piece(u64::MAX);
        assert!((SMALL..=WINDOW / 16).contains(&usual), "{usual}");
        assert_eq!(pace.piece(64 * 1024 * 1024), 2 * 1024 * 1024);
        assert_eq!(pace.piece(0), SMALLEST);
    }
}

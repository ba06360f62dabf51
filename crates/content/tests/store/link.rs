//! A source behind a link: every connection gives so many bytes per second, all together give so many, and some break.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use content::{Incoming, Source, SourceError};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::{self, Instant};

pub(crate) const MB: u64 = 1_000_000;

/// What one request meets.
#[derive(Clone, Debug, Default)]
pub(crate) enum Fate {
    #[default]
    Served,
    /// No answer but an error.
    Refused(&'static str),
    /// The connection is reset after so many bytes.
    Reset(u64),
    /// The body ends after so many bytes.
    Ends(u64),
    /// Nothing comes any more after so many bytes.
    Stalls(u64),
    /// The byte at this distance is a wrong one.
    Flips(u64),
    /// It is answered with the whole content, whatever part was asked for.
    Whole,
    /// It is answered from this many bytes later on.
    Later(u64),
    /// The size that it is told is this much larger.
    Larger(u64),
}

pub(crate) struct Link {
    /// What the content consists of, again and again.
    content: Bytes,
    size: u64,
    /// Bytes per second of one connection, and of all together.
    each: u64,
    all: u64,
    /// When the last bytes that were promised to any connection are through.
    busy_until: Mutex<Instant>,
    requests: Mutex<Vec<(u64, Option<u64>)>>,
    fates: Box<dyn Fn(usize, usize) -> Fate + Send + Sync>,
    sent: AtomicU64,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Link {
    pub(crate) fn new(content: Bytes, each: u64, all: u64) -> Self {
        Self {
            size: content.len() as u64,
            content,
            each,
            all,
            busy_until: Mutex::new(Instant::now()),
            requests: Mutex::default(),
            fates: Box::new(|_, _| Fate::Served),
            sent: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        }
    }

    /// The content is what it was, again and again, up to this size.
    pub(crate) fn repeated(self, size: u64) -> Self {
        Self { size, ..self }
    }

    /// A link on which nothing goes wrong.
    pub(crate) fn without_trouble(self) -> Arc<Self> {
        Arc::new(self)
    }

    /// What the requests meet, by their number and how many connections there are already.
    pub(crate) fn with_fates(self, fates: impl Fn(usize, usize) -> Fate + Send + Sync + 'static) -> Arc<Self> {
        let fates = Box::new(fates);
        Arc::new(Self { fates, ..self })
    }

    /// The ranges that were asked for, in order.
    pub(crate) fn requests(&self) -> Vec<(u64, Option<u64>)> {
        self.requests.lock().unwrap().clone()
    }

    /// How many bytes went over it.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many connections there were at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::Relaxed)
    }

    fn answer(self: &Arc<Self>, offset: u64, end: Option<u64>) -> Result<Incoming, SourceError> {
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push((offset, end));
            requests.len() - 1
        };
        let fate = (self.fates)(number, self.open.load(Ordering::Relaxed));
        let total = self.size;
        let (start, end) = match fate {
            Fate::Refused(why) => return Err(SourceError::transient(why)),
            Fate::Whole => (0, total),
            Fate::Later(by) => (offset + by, end.unwrap_or(total)),
            _ => (offset, end.unwrap_or(total)),
        };
        Ok(Incoming {
            total: if let Fate::Larger(by) = fate { total + by } else { total },
            offset: start,
            body: self.clone().body(start, end, fate),
        })
    }

    fn body(self: Arc<Self>, start: u64, end: u64, fate: Fate) -> BoxStream<'static, Result<Bytes, SourceError>> {
        let (last, then): (u64, Option<BoxStream<'static, _>>) = match fate {
            Fate::Reset(after) => (
                start + after,
                Some(stream::iter([Err(SourceError::transient("connection reset"))]).boxed()),
            ),
            Fate::Ends(after) => (start + after, None),
            Fate::Stalls(after) => (start + after, Some(stream::pending().boxed())),
            _ => (end, None),
        };
        let (broken, last) = (last < end, last.min(end));
        let connection = Connection::new(self);
        let pieces = stream::unfold((connection, start), move |(mut connection, position)| {
            let fate = fate.clone();
            async move {
                let part = &connection.link.content;
                let within = position % part.len() as u64;
                let length = PIECE.min(last - position).min(part.len() as u64 - within);
                let piece = part.slice(within as usize..(within + length) as usize);
                if length == 0 {
                    return None;
                }
                connection.carry(length).await;
                let piece = match fate {
                    Fate::Flips(at) if (position..position + length).contains(&(start + at)) => {
                        let mut wrong = piece.to_vec();
                        wrong[(start + at - position) as usize] ^= 1;
                        wrong.into()
                    }
                    _ => piece,
                };
                Some((Ok(piece), (connection, position + length)))
            }
        });
        match then {
            Some(then) if broken => pieces.chain(then).boxed(),
            _ => pieces.boxed(),
        }
    }
}

struct Connection {
    link: Arc<Link>,
    busy_until: Instant,
}

impl Connection {
    fn new(link: Arc<Link>) -> Self {
        let open = link.open.fetch_add(1, Ordering::Relaxed) + 1;
        link.most_open.fetch_max(open, Ordering::Relaxed);
        Self {
            link,
            busy_until: Instant::now(),
        }
    }

    async fn carry(&mut self, length: u64) {
        let now = Instant::now();
        let taking = |rate: u64| Duration::from_nanos(length * 1_000_000_000 / rate);
        self.busy_until = self.busy_until.max(now) + taking(self.link.each);
        let shared = {
            let mut shared = self.link.busy_until.lock().unwrap();
            *shared = (*shared).max(now) + taking(self.link.all);
            *shared
        };
        time::sleep_until(self.busy_until.max(shared)).await;
        self.link.sent.fetch_add(length, Ordering::Relaxed);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The source that is the link's other end.
pub(crate) struct Far(pub(crate) Arc<Link>);

impl Source for Far {
    fn open(&self, offset: u64, end: Option<u64>) -> BoxFuture<'_, Result<Incoming, SourceError>> {
        async move {
            time::sleep(LATENCY).await;
            self.0.answer(offset, end)
        }
        .boxed()
    }
}

/// The beginning of long content, which is made once for all tests.
pub(crate) fn long_content(size: usize) -> Bytes {
    static LONG: OnceLock<Bytes> = OnceLock::new();
    LONG.get_or_init(|| crate::scripted::content(48_000_000)).slice(..size)
}

const PIECE: u64 = 100_000;
const LATENCY: Duration = Duration::from_millis(20);

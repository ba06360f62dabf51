//! A load generator: kept connections, requests that were made beforehand, one thread.
//!
//! It shares two processors with what it measures, so it spends as little as it can: no runtime, no copies of bodies, and
//! of the answers it reads no more than where they end.

mod connection;
mod histogram;
mod response;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use connection::Connection;
pub(crate) use histogram::Histogram;

/// What is asked, of whom, and how fast.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Whole requests, which are sent in turn.
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
    /// When it ends.
    pub(crate) until: Until,
}

/// When the next request is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// When the answer before it has come.
    Closed,
    /// So many a second, whatever has come. An answer's time counts from when its request was due, so a server that
    /// stops for a moment pays for all who would have come then.
    Open(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time, wherever the answers are.
    Time(Duration),
    /// When every connection has had one answer.
    Once,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    /// From the request to the first byte of the answer.
    pub(crate) first_byte: Histogram,
    /// From the request to the last byte of the answer.
    pub(crate) whole: Histogram,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        let requests = self.requests as f64;
        requests / self.elapsed.as_secs_f64()
    }
}

/// How long nothing at all may happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the timer is called among the connections, which are numbered.
const TIMER: u64 = u64::MAX;

impl Load {
    /// Carries it out. Fails with the first answer that is not what was asked for; what the server closes in between is
    /// a failure too.
    pub(crate) fn run(&self) -> Result<Outcome> {
        Run::begin(self)?.finish()
    }
}

struct Run<'a> {
    load: &'a Load,
    epoll: OwnedFd,
    timer: OwnedFd,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    started: Instant,
    /// What the timer is set to.
    alarm: Option<Instant>,
    /// How many requests were sent.
    sent: u64,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    fn begin(load: &'a Load) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        let readable = epoll::EventFlags::IN;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), readable)?;
        let mut connections = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let connection = Connection::open(load.address)?;
            epoll::add(&epoll, &connection, epoll::EventData::new_u64(number as u64), readable)?;
            connections.push(connection);
        }
        Ok(Self {
            idle: (0..load.connections).rev().collect(),
            load,
            epoll,
            timer,
            connections,
            started: Instant::now(),
            alarm: None,
            sent: 0,
            outcome: Outcome {
                requests: 0,
                bytes: 0,
                elapsed: Duration::ZERO,
                first_byte: Histogram::new(),
                whole: Histogram::new(),
            },
        })
    }

    fn finish(mut self) -> Result<Outcome> {
        let mut buffer = vec![0; 256 * 1024];
        let mut events = Vec::with_capacity(256);
        loop {
            let now = Instant::now();
            let (due, over) = self.send_what_is_due(now)?;
            if over {
                self.outcome.elapsed = self.started.elapsed();
                return Ok(self.outcome);
            }
            self.wake_at(due, now)?;
            events.clear();
            let came = epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&PATIENCE_TIMESPEC),
            );
            match came {
                Ok(0) => bail!("nothing came for {} s from {}", PATIENCE.as_secs(), self.load.address),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("epoll"),
            }
            for event in &events {
                let name = event.data.u64();
                if name == TIMER {
                    // Setting it again is what makes it unreadable again.
                    self.alarm = None;
                } else {
                    self.receive(usize::try_from(name)?, &mut buffer)?;
                }
            }
        }
    }

    /// Sends what can be sent: the time at which something is due next, and whether all is over.
    fn send_what_is_due(&mut self, now: Instant) -> Result<(Option<Instant>, bool)> {
        let end = match self.load.until {
            Until::Time(time) => Some(self.started + time),
            Until::Once => None,
        };
        if end.is_some_and(|end| now >= end) {
            return Ok((None, true));
        }
        let limit = match self.load.until {
            Until::Time(_) => u64::MAX,
            Until::Once => self.load.connections as u64,
        };
        if self.outcome.requests == limit {
            return Ok((None, true));
        }
        while self.sent < limit {
            let due = match self.load.pace {
                Pace::Closed => now,
                Pace::Open(rate) => self.started + Duration::from_secs_f64(self.sent as f64 / rate),
            };
            if due > now {
                return Ok((Some(end.map_or(due, |end| end.min(due))), false));
            }
            let Some(number) = self.idle.pop() else {
                break;
            };
            let requests = &self.load.requests;
            let index = usize::try_from(self.sent % requests.len() as u64)?;
            self.connections[number].send(&requests[index], due)?;
            self.sent += 1;
        }
        Ok((end, false))
    }

    /// A timer of the kernel's, because waiting itself has a grain of a millisecond.
    fn wake_at(&mut self, time: Option<Instant>, now: Instant) -> Result<()> {
        let Some(time) = time.filter(|time| self.alarm != Some(*time)) else {
            return Ok(());
        };
        let wait = time.saturating_duration_since(now);
        let value = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            // Nothing would switch the timer off.
            it_value: timespec(wait.max(Duration::from_nanos(1))),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value)?;
        self.alarm = Some(time);
        Ok(())
    }

    fn receive(&mut self, number: usize, buffer: &mut [u8]) -> Result<()> {
        let connection = &mut self.connections[number];
        let came = connection.receive(buffer)?;
        self.outcome.bytes += came.bytes;
        if let Some(time) = came.first_byte {
            self.outcome.first_byte.add(time);
        }
        if let Some(time) = came.complete {
            self.outcome.whole.add(time);
            self.outcome.requests += 1;
            self.idle.push(number);
        }
        Ok(())
    }
}

const PATIENCE_TIMESPEC: Timespec = Timespec {
    tv_sec: 120,
    tv_nsec: 0,
};

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// A server that answers every request with this, on as many connections as come.
    fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut request = [0; REQUEST.len()];
                    while stream.read_exact(&mut request).is_ok() && stream.write_all(answer).is_ok() {}
                });
            }
        });
        address
    }

    fn load(address: SocketAddr, pace: Pace, until: Until) -> Load {
        Load {
            address,
            requests: vec![REQUEST.to_vec()],
            connections: 4,
            pace,
            until,
        }
    }

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn every_connection_has_one_answer() {
        let outcome = load(server(ANSWER), Pace::Closed, Until::Once).run().unwrap();
        assert_eq!(outcome.requests, 4);
        assert_eq!(outcome.bytes, 4 * ANSWER.len() as u64);
        assert!(outcome.first_byte.largest() <= outcome.whole.largest());
    }

    #[test]
    fn requests_are_sent_when_they_are_due() {
        let time = Duration::from_millis(300);
        let outcome = load(server(ANSWER), Pace::Open(100.0), Until::Time(time))
            .run()
            .unwrap();
        // At 0, 10, …, 290 ms; the last answers may come too late to be counted.
        assert!((1..=30).contains(&outcome.requests), "{}", outcome.requests);
        let outcome = load(server(ANSWER), Pace::Closed, Until::Time(time)).run().unwrap();
        assert!(outcome.rate() > 100.0, "{}", outcome.rate());
        assert!(outcome.elapsed >= time);
    }

    #[test]
    fn a_refusal_ends_it() {
        let address = server(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        let error = load(address, Pace::Closed, Until::Once).run().unwrap_err();
        assert_eq!(error.to_string(), "an answer is `HTTP/1.1 401 Unauthorized`");
    }
}

//! Who has which processor, while times of single requests are measured.
//!
//! Left to itself, the scheduler has the load generator wait now and then for a thread of the server on the same
//! processor, or two threads of the server for each other, and whatever is due meanwhile counts as late. That says nothing
//! about the server, and there is more of it than of anything that does.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps the last processor for the load generator, which is this thread. Servers that are started before it sits down
/// have the others, and as many threads as those are. With its end, this thread has all of them again.
#[derive(Debug)]
pub(crate) struct Seats {
    all: CpuSet,
    own: CpuSet,
    others: CpuSet,
}

impl Seats {
    /// Where there is but one processor, it stays everybody's.
    pub(crate) fn keep_one() -> Result<Self> {
        let all = sched_getaffinity(None).context("the processors of this thread are not told")?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| all.is_set(*cpu));
        let last = last.context("this thread has no processor")?;
        let (mut own, mut others) = (CpuSet::new(), all);
        own.set(last);
        others.unset(last);
        let seats = match others.count() {
            0 => Self {
                all,
                own: all,
                others: all,
            },
            _ => Self { all, own, others },
        };
        seats.stand()?;
        Ok(seats)
    }

    /// More servers are to be started.
    pub(crate) fn stand(&self) -> Result<()> {
        sched_setaffinity(None, &self.others).context("processors cannot be kept from the servers")
    }

    /// The servers are started: this thread takes what was kept for it.
    pub(crate) fn sit(&self) -> Result<()> {
        sched_setaffinity(None, &self.own).context("this thread got no processor of its own")
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        // They were this thread's before.
        let _ = sched_setaffinity(None, &self.all);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use rustix::process::Pid;

    use super::*;

    #[test]
    fn nobody_shares_the_load_generator_s_processor() {
        // In a thread of its own, for it is this thread that moves.
        let moves = thread::spawn(|| {
            let before = sched_getaffinity(None).unwrap();
            let seats = Seats::keep_one().unwrap();
            let mut server = Command::new("sleep").arg("60").spawn().unwrap();
            let servers = sched_getaffinity(Some(Pid::from_child(&server))).unwrap();
            seats.sit().unwrap();
            let own = sched_getaffinity(None).unwrap();
            server.kill().unwrap();
            server.wait().unwrap();
            drop(seats);
            (before, own, servers, sched_getaffinity(None).unwrap())
        });
        let (before, own, servers, after) = moves.join().unwrap();
        assert_eq!(after, before);
        if before.count() > 1 {
            assert_eq!((own.count(), servers.count()), (1, before.count() - 1));
            assert!((0..CpuSet::MAX_CPU).all(|cpu| !(own.is_set(cpu) && servers.is_set(cpu))));
        }
    }
}

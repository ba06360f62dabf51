//! Who has which processor, while times of single requests are measured.
//!
//! Left to itself, the scheduler has the load generator wait now and then for a server's thread on the same processor, and
//! whatever was due meanwhile counts as late. That says nothing about the server, and there is more of it than of anything
//! that does.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::usage;

/// The load generator, which is this thread, has the last processor to itself, and a server all others. With its end,
/// everybody has all of them again.
#[derive(Debug)]
pub(crate) struct Seats {
    server: u32,
    all: CpuSet,
}

impl Seats {
    /// Where there is but one processor, it stays everybody's.
    pub(crate) fn take(server: u32) -> Result<Self> {
        let all = sched_getaffinity(None).context("the processors of this thread are not told")?;
        let seats = Self { server, all };
        let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|cpu| all.is_set(*cpu)) else {
            return Ok(seats);
        };
        let (mut own, mut others) = (CpuSet::new(), all);
        own.set(last);
        others.unset(last);
        if others.count() > 0 {
            give(server, &others)?;
            sched_setaffinity(None, &own).context("this thread got no processor of its own")?;
        }
        Ok(seats)
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        // What fails here fails with the server that has gone, or is noticed by the next who take their seats.
        let _ = sched_setaffinity(None, &self.all);
        let _ = give(self.server, &self.all);
    }
}

/// To every thread of the server and of its children. Those that they start later inherit it.
fn give(server: u32, processors: &CpuSet) -> Result<()> {
    for process in [vec![server], usage::children(server)?].concat() {
        let path = format!("/proc/{process}/task");
        for thread in fs::read_dir(&path).with_context(|| format!("{path} cannot be read"))? {
            let name = thread?.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            // A thread that has ended since needs none.
            let _ = sched_setaffinity(id, processors);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    #[test]
    fn nobody_shares_the_load_generator_s_processor() {
        let mut server = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&server);
        // In a thread of its own, for it is this thread that moves.
        let seats = thread::spawn(move || {
            let before = sched_getaffinity(None).unwrap();
            let seats = Seats::take(u32::try_from(pid.as_raw_nonzero().get()).unwrap()).unwrap();
            let during = [None, Some(pid)].map(|who| sched_getaffinity(who).unwrap());
            drop(seats);
            (
                before,
                during,
                [None, Some(pid)].map(|who| sched_getaffinity(who).unwrap()),
            )
        });
        let (before, [own, others], after) = seats.join().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(after, [before; 2]);
        if before.count() > 1 {
            assert_eq!((own.count(), others.count()), (1, before.count() - 1));
            assert!((0..CpuSet::MAX_CPU).all(|cpu| !(own.is_set(cpu) && others.is_set(cpu))));
        }
    }
}

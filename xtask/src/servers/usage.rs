//! What a server has used of the machine, by `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The time that the process and its children have spent on processors so far.
///
/// nginx serves in children of its first process, so they count. The kernel scales user and system time to what the
/// scheduler has measured: their sum is exact to the tick that it is shown in.
pub(crate) fn processor_time(process: u32) -> Result<Duration> {
    let mut ticks = stat(process)?.ticks;
    for child in children(process)? {
        // A child that has ended since has been waited for, or counts in the next look at the parent.
        ticks += stat(child).map_or(0, |stat| stat.ticks);
    }
    let a_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / a_second)))
}

/// The most memory that the process has had at one time, in bytes; with its own code and with files that it has mapped.
pub(crate) fn peak_memory(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    field(&text, "VmHWM").with_context(|| format!("{path} has no VmHWM"))
}

/// What the process has at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Bytes of memory.
    pub(crate) memory: u64,
    pub(crate) threads: u64,
    /// Open file descriptors.
    pub(crate) files: u64,
}

/// What the process has at this moment.
pub(crate) fn held(process: u32) -> Result<Held> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let threads = text.lines().find_map(|line| line.strip_prefix("Threads:"));
    let threads = threads.with_context(|| format!("{path} has no Threads"))?;
    Ok(Held {
        memory: field(&text, "VmRSS").with_context(|| format!("{path} has no VmRSS"))?,
        threads: threads.trim().parse()?,
        files: fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64,
    })
}

/// How many bytes the process has read from files so far, from the disk or from memory; what came by sockets does not
/// count.
pub(crate) fn read(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/io");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let read = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    let read = read.with_context(|| format!("{path} has no rchar"))?;
    Ok(read.parse()?)
}

/// Processes whose parent is this one.
fn children(process: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").context("/proc cannot be read")? {
        let name = entry.context("/proc cannot be read")?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if stat(id).is_ok_and(|stat| stat.parent == process) {
            children.push(id);
        }
    }
    Ok(children)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, its own and that of the children it has waited for.
    ticks: u64,
}

fn stat(process: u32) -> Result<Stat> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    parse(&text).with_context(|| format!("{path} is not as expected: {text}"))
}

/// The second field is the program's name in parentheses, and may hold both spaces and parentheses.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<_> = rest.split(' ').collect();
    // `proc_pid_stat(5)` counts from 1, and the first field here is its third.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        ticks: number(14)? + number(15)? + number(16)? + number(17)?,
    })
}

/// A line of `/proc/PID/status` that is in kB, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "71 (a ) b (c) S 70 71 71 0 -1 4194560 1 2 3 4 250 50 6 4 20 0 1 0 7\n";
        assert_eq!(parse(text), Some(Stat { parent: 70, ticks: 310 }));
        assert_eq!(parse("71 (a"), None);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let text = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 100 kB\n";
        assert_eq!(field(text, "VmHWM"), Some(2048 * 1024));
        assert_eq!(field(text, "VmSwap"), None);
    }

    #[test]
    fn a_file_that_is_opened_is_held() {
        let own = std::process::id();
        let _files: Vec<_> = (0..100).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let held = held(own).unwrap();
        assert!(
            held.files > 100 && held.threads >= 2 && held.memory > 100_000,
            "{held:?}"
        );
    }

    #[test]
    fn what_is_read_shows() {
        let before = read(std::process::id()).unwrap();
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(read(std::process::id()).unwrap() - before >= own.len() as u64);
    }

    #[test]
    fn work_of_this_process_shows() {
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let mut sum = 0_u64;
        while processor_time(own).unwrap() == before {
            sum = sum.wrapping_add((0..100_000).map(std::hint::black_box).sum());
        }
        assert!(peak_memory(own).unwrap() > 100_000, "{sum}");
    }
}

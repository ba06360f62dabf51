//! How much memory this process takes. The simulator lives in it, and its clients do not.

use std::fs;

/// The memory that was resident when the watch began.
pub(crate) struct Watch {
    before: u64,
}

impl Watch {
    /// Forgets the peaks of before: tests may share the process.
    pub(crate) fn begin() -> Self {
        // proc(5): "5: Reset the peak resident set size ("high water mark") to the process's current resident set size".
        fs::write("/proc/self/clear_refs", "5").unwrap();
        Self {
            before: status("VmRSS:"),
        }
    }

    /// By how many bytes more there were at the worst moment since.
    pub(crate) fn growth(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.before)
    }
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

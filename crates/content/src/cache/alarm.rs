use std::{
    io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Tells that the disk takes nothing, or does not give something back, seldom enough that it does not flood the log.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    told: Mutex<Option<Told>>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// How many failures there were since.
    untold: u64,
}

impl Alarm {
    /// A write failed.
    pub(crate) fn ring(&self, error: &io::Error, now: Instant) {
        let Some(untold) = self.untold(now) else {
            return;
        };
        tracing::warn!(
            %error,
            untold,
            "the cache's disk takes nothing: what is not cached is passed through and not kept; {}",
            remedy(error.kind())
        );
    }

    /// A file cannot be read.
    pub(crate) fn ring_for(&self, path: &Path, error: &io::Error, now: Instant) {
        let Some(untold) = self.untold(now) else {
            return;
        };
        tracing::warn!(
            path = %path.display(),
            %error,
            untold,
            "a file of the cache cannot be read, and counts as absent: what was in it is fetched again; let this user read \
             and write everything below `data_dir`, or look into the system's log for trouble with its disk"
        );
    }

    /// Counts a failure. Where it is time to tell, how many there were besides it since it was told last.
    fn untold(&self, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *told {
            Some(told) if now.saturating_duration_since(told.at) < TOLD_EVERY => {
                told.untold += 1;
                None
            }
            told => {
                let untold = told.as_ref().map_or(0, |told| told.untold);
                *told = Some(Told { at: now, untold: 0 });
                Some(untold)
            }
        }
    }
}

/// What puts an end to such errors.
pub(crate) fn remedy(error: io::ErrorKind) -> &'static str {
    match error {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on the disk of `data_dir`, and set `cache.max_size` below what it holds"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "mount the file system of `data_dir` for writing; if the system made it read-only, its log says why"
        }
        io::ErrorKind::PermissionDenied => "let this user write everything below `data_dir`",
        _ => "look for `data_dir` at whether it is still there, and into the system's log for trouble with its disk",
    }
}

const TOLD_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_stays_full_is_told_of_once_a_minute_and_with_how_often() {
        let (alarm, begin) = (Alarm::default(), Instant::now());
        let told: Vec<_> = (0..=1_250)
            .filter_map(|tenth| {
                let second = tenth / 10;
                let untold = alarm.untold(begin + Duration::from_millis(tenth * 100))?;
                Some((second, untold))
            })
            .collect();
        assert_eq!(told, [(0, 0), (60, 599), (120, 599)]);
    }
}

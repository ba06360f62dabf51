use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;

use crate::{LoadError, Snapshot, load};

/// The snapshot in force, and where it comes from.
#[derive(Debug)]
pub struct Live {
    paths: Vec<PathBuf>,
    current: ArcSwap<Snapshot>,
}

impl Live {
    /// Loads the resources for the first time.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(paths: Vec<PathBuf>) -> Result<Self, LoadError> {
        let current = ArcSwap::from_pointee(load(&paths)?);
        Ok(Self { paths, current })
    }

    /// The snapshot in force. Whoever holds it keeps it while others move on.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Loads the resources again.
    ///
    /// # Errors
    /// See [`LoadError`]; the former snapshot stays in force then.
    pub fn reload(&self) -> Result<Arc<Snapshot>, LoadError> {
        let snapshot = Arc::new(load(&self.paths)?);
        self.current.store(snapshot.clone());
        Ok(snapshot)
    }

    /// The files and directories that are read.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_effect_as_a_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("resources.yaml");
        let team = |name| format!("---\napiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: {name} }}\n");
        std::fs::write(&file, team("a")).unwrap();
        let live = Live::load(vec![file.clone()]).unwrap();
        let before = live.snapshot();
        std::fs::write(&file, team("a") + &team("b") + "---\nkind: Nope\n").unwrap();
        assert!(live.reload().is_err());
        assert_eq!(live.snapshot().counts(), (1, 0, 0));
        std::fs::write(&file, team("a") + &team("b")).unwrap();
        live.reload().unwrap();
        assert_eq!(live.snapshot().counts(), (2, 0, 0));
        assert_eq!(before.counts(), (1, 0, 0));
    }
}

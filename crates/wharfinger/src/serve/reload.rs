use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use net::Certificate;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use state::Live;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};
use tracing::{error, info, warn};

/// Loads resources and certificate again when their files change, and at SIGHUP.
pub(crate) struct Reload {
    live: Arc<Live>,
    certificate: Option<Certificate>,
    changed: Arc<Notify>,
    /// From its making on, SIGHUP does not end the process.
    hangups: Option<Signal>,
    /// Watches as long as it lives.
    watcher: Option<RecommendedWatcher>,
}

impl Reload {
    pub(crate) fn new(live: Arc<Live>, certificate: Option<Certificate>) -> Self {
        let hangups = signal(SignalKind::hangup())
            .inspect_err(|error| warn!(%error, "SIGHUP is not waited for"))
            .ok();
        let mut reload = Self {
            live,
            certificate,
            changed: Arc::default(),
            hangups,
            watcher: None,
        };
        reload.watch();
        reload
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let hangup = async {
                match &mut self.hangups {
                    Some(hangups) => drop(hangups.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => tokio::time::sleep(SETTLING).await,
                () = hangup => {}
            }
            // Anew, before the files are read: a folder may have been replaced, and the watch is on what it was.
            self.watch();
            self.load();
        }
    }

    fn load(&self) {
        match self.live.reload() {
            Ok(snapshot) => {
                let (teams, upstreams, robots) = snapshot.counts();
                info!(teams, upstreams, robots, "resources loaded");
            }
            Err(error) => error!(%error, "the resources changed and cannot be used; the former stay in force"),
        }
        if let Some(certificate) = &self.certificate
            && let Err(error) = certificate.reload()
        {
            error!(%error, "the certificate changed and cannot be used; the former stays in force");
        }
    }

    fn watch(&mut self) {
        let certificate = self.certificate.iter().flat_map(Certificate::files);
        let watched = self
            .live
            .paths()
            .iter()
            .map(PathBuf::as_path)
            .chain(certificate)
            .map(Path::to_owned)
            .collect();
        self.watcher = watcher(watched, self.changed.clone())
            .inspect_err(|error| warn!(%error, "files are not watched; send SIGHUP after a change"))
            .ok();
    }
}

fn watcher(watched: Vec<PathBuf>, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let folders = folders(&watched);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change; loading would else cause the next loading.
        let is_change =
            |event: notify::Event| !event.kind.is_access() && event.paths.iter().any(|path| concerns(&watched, path));
        if event.is_ok_and(is_change) {
            changed.notify_one();
        }
    })?;
    for folder in &folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// The folders in which something may change: those with resources, and those in which a file, a folder or a link may be
/// replaced. Watching a file alone would lose it then.
fn folders(watched: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for path in watched {
        folders.insert(parent(path).to_owned());
        if path.is_dir() {
            folders.insert(path.clone());
        }
    }
    folders
}

/// Whether a change of `path` is one of what is watched. The server's own log may lie in the same folder: if that were
/// one, each line would cause the next.
fn concerns(watched: &[PathBuf], path: &Path) -> bool {
    // Kubernetes replaces the files of a volume by a link whose name begins so.
    let is_volume = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
    let is_document = path
        .extension()
        .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e));
    watched
        .iter()
        .any(|watched| watched == path || is_volume || is_document && parent(path) == watched)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// How long to wait after a change for the others that come with it.
const SETTLING: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_concerns() {
        let watched = ["/etc/w/resources", "/etc/w/tls.crt", "/etc/w/one.yaml"].map(PathBuf::from);
        for path in [
            "/etc/w/resources",
            "/etc/w/resources/a.yaml",
            "/etc/w/resources/..data",
            "/etc/w/tls.crt",
            "/etc/w/..data",
            "/etc/w/one.yaml",
        ] {
            assert!(concerns(&watched, Path::new(path)), "{path}");
        }
        for path in [
            "/etc/w/server.log",
            "/etc/w/resources/server.log",
            "/etc/w/other.yaml",
            "/etc/w/tls.key",
        ] {
            assert!(!concerns(&watched, Path::new(path)), "{path}");
        }
    }

    #[test]
    fn the_folders_are_those_of_files_and_those_above_folders() {
        let directory = tempfile::tempdir().unwrap();
        let (folder, file) = (directory.path().join("resources"), directory.path().join("tls.crt"));
        std::fs::create_dir(&folder).unwrap();
        let found: Vec<_> = folders(&[folder.clone(), file]).into_iter().collect();
        assert_eq!(found, [directory.path().to_owned(), folder]);
    }
}

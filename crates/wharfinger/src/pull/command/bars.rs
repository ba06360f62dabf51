use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use oci::Digest;

use super::lines::line;
use crate::pull::progress::{Blob, Event, Progress};

/// Progress on a terminal: a bar for each blob.
pub(crate) struct Bars {
    all: MultiProgress,
    blobs: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            blobs: Mutex::default(),
        }
    }

    /// Leaves the terminal to others: bars of blobs that are not whole go, so that nothing hides a message.
    pub(super) fn end(&self) {
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in blobs.values().filter(|bar| !bar.is_finished()) {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, blob: Blob<'_>) -> ProgressBar {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let bar = self.all.add(ProgressBar::new(blob.size));
            bar.set_style(style());
            bar.set_prefix(format!("{} {:.12}", blob.kind.as_str(), blob.digest.hex()));
            bar
        };
        blobs.entry(blob.digest.clone()).or_insert_with(new).clone()
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Started { blob, received } => {
                let bar = self.bar(blob);
                bar.reset_eta();
                bar.set_position(received);
            }
            Event::Received { blob, received } => self.bar(blob).set_position(received),
            Event::Reused(blob) => {
                let bar = self.bar(blob);
                bar.set_position(blob.size);
                bar.finish_with_message("already there");
            }
            Event::Finished(blob) => self.bar(blob).finish_with_message("verified"),
            Event::Manifest { .. } | Event::Platform { .. } | Event::Retry { .. } | Event::Done { .. } => {
                if let Some(line) = line(event) {
                    // Fails only where standard error is gone.
                    let _ = self.all.println(line);
                }
            }
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

const TEMPLATE: &str = "{prefix:26} [{bar:24}] {bytes:>11} / {total_bytes:11} {msg}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::progress::BlobKind;
    use indicatif::ProgressDrawTarget;

    #[test]
    fn a_bar_follows_its_blob() {
        let bars = Bars {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            blobs: Mutex::default(),
        };
        let digests = [Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"3")];
        let [verified, reused, broken] = digests.each_ref().map(|digest| Blob {
            kind: BlobKind::Layer,
            digest,
            size: 1024,
        });
        for event in [
            Event::Started {
                blob: verified,
                received: 100,
            },
            Event::Started {
                blob: broken,
                received: 0,
            },
            Event::Reused(reused),
            Event::Received {
                blob: verified,
                received: 1024,
            },
            Event::Received {
                blob: broken,
                received: 512,
            },
            Event::Finished(verified),
        ] {
            bars.event(&event);
        }
        let state = |blob| (bars.bar(blob).position(), bars.bar(blob).message());
        assert_eq!(state(verified), (1024, "verified".to_owned()));
        assert_eq!(state(reused), (1024, "already there".to_owned()));
        assert_eq!(state(broken).0, 512);
        assert!(!bars.bar(broken).is_finished());
        bars.end();
        assert!(bars.bar(broken).is_finished());
    }

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}

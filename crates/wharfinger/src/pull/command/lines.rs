use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use indicatif::HumanBytes;

use crate::pull::{
    platform,
    progress::{Event, Progress},
};

/// Progress as plain lines, for logs.
pub(super) struct Lines<W>(Mutex<W>);

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self(Mutex::new(out))
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn event(&self, event: &Event<'_>) {
        if let Some(line) = line(event) {
            let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody reads the progress any more, the pull goes on.
            let _ = writeln!(out, "{line}");
        }
    }
}

/// The line for an event, where it deserves one.
pub(super) fn line(event: &Event<'_>) -> Option<String> {
    let line = match event {
        Event::Manifest {
            digest,
            media_type,
            size,
        } => format!("manifest {digest}: {media_type}, {size} bytes"),
        Event::Platform { platform, digest } => format!("platform {}: {digest}", platform::name(platform)),
        Event::Reused(blob) => format!("{} {}: already there", blob.kind.as_str(), blob.digest),
        Event::Started { blob, received: 0 } => {
            format!("{} {}: {}", blob.kind.as_str(), blob.digest, HumanBytes(blob.size))
        }
        Event::Started { blob, received } => format!(
            "{} {}: {}, resumed behind {}",
            blob.kind.as_str(),
            blob.digest,
            HumanBytes(blob.size),
            HumanBytes(*received)
        ),
        Event::Received { .. } => return None,
        Event::Finished(blob) => format!("{} {}: verified", blob.kind.as_str(), blob.digest),
        Event::Done { digest } => format!("image {digest}: whole and verified"),
        Event::Retry { reason, pause } => format!("trying again in {} s: {reason}", pause.as_secs_f32().ceil()),
    };
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::progress::{Blob, BlobKind};
    use oci::Digest;

    #[test]
    fn a_blob_gets_a_line_at_its_begin_and_at_its_end() {
        let digest = &Digest::of(b"");
        let blob = Blob {
            kind: BlobKind::Layer,
            digest,
            size: 2048,
        };
        let mut out = Vec::new();
        let lines = Lines::new(&mut out);
        for event in [
            Event::Started { blob, received: 1024 },
            Event::Received { blob, received: 2000 },
            Event::Finished(blob),
        ] {
            lines.event(&event);
        }
        let expected = format!("layer {digest}: 2.00 KiB, resumed behind 1.00 KiB\nlayer {digest}: verified\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

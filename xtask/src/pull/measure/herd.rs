//! Many clients who want one layer of 100 MB at the same time, which nobody has pulled yet.

use std::time::Instant;

use anyhow::Result;
use serde_json::Value;

use crate::pull::aws::Image;
use crate::pull::row::{Aim, Row, Unit};
use crate::pull::server::Server;
use crate::pull::stage::Stage;

const SIZE: u64 = 100_000_000;
const CAP: u64 = 25_000_000;
const CLIENTS: [usize; 2] = [50, 200];

/// 200 clients take 20 GB, and that twice in a round.
const MOST_ROUNDS: usize = 3;

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("herd", &[SIZE])?;
    stage.aws.layers_come_at(Some(CAP))?;
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let (mut totals, mut bounds, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut downloads, mut reads) = (Vec::new(), Vec::new());
        let (mut parts, mut questions) = (Vec::new(), Vec::new());
        for _ in 0..stage.options.rounds.min(MOST_ROUNDS) {
            let folder = stage.folder()?;
            let server = cold(stage, folder.path(), &image)?;
            let layer = server.layers(&image).concat();
            let alone = stage.once(&server, &layer, 1)?.outcome.elapsed;
            let cached = stage.once(&server, &layer, clients)?.outcome.elapsed;
            drop(server);

            let folder = stage.folder()?;
            let server = cold(stage, folder.path(), &image)?;
            let layer = server.layers(&image).concat();
            let (before, read) = (stage.aws.calls()?, stage.aws.read()?);
            let herd = stage.once(&server, &layer, clients)?.outcome;
            let calls = stage.aws.trail(stage.aws.calls()? - before)?;
            let read = stage.aws.read()? - read;
            downloads.push(times_read(read));
            reads.push(read as f64);
            parts.push(count(&calls, "layerBucket"));
            questions.push(count(&calls, "registry"));
            totals.push(herd.elapsed.as_secs_f64());
            bounds.push(alone.max(cached).as_secs_f64());
            firsts.push(herd.first_byte.largest().as_secs_f64());
            stage.tell(
                begun,
                &format!(
                    "{clients} clients: {:.2} s; one alone {:.2} s, from the cache {:.2} s; {:.3} of the layer was read",
                    herd.elapsed.as_secs_f64(),
                    alone.as_secs_f64(),
                    cached.as_secs_f64(),
                    read as f64 / SIZE as f64
                ),
            );
        }
        let what = format!("{clients} clients, one layer of 100 MB, 25 MB/s a connection");
        rows.extend([
            Row::limited(&format!("{what}: downloads"), Unit::Count, &downloads, Aim::AtMost(1.0)),
            Row::alone(&format!("{what}: read of the layer, 95.4 MiB"), Unit::Bytes, &reads),
            Row::alone(&format!("{what}: requests to the bucket"), Unit::Count, &parts),
            Row::alone(&format!("{what}: requests to the registry"), Unit::Count, &questions),
            Row::limited(
                &format!("{what}: worst first byte"),
                Unit::Time,
                &firsts,
                Aim::AtMost(0.1),
            ),
            Row::beside(
                &format!("{what}: all of them"),
                Unit::Time,
                &totals,
                ("one alone, or from the cache", &bounds),
                Aim::AtMost(1.2),
            ),
        ]);
    }
    stage.aws.layers_come_at(None)?;
    Ok(rows)
}

/// A server that has the manifest and no layer.
fn cold(stage: &Stage<'_>, folder: &std::path::Path, image: &Image) -> Result<Server> {
    let server = stage.installation(folder)?.serve(&stage.aws, None)?;
    stage.warm(&server, &[server.by_tag(image)])?;
    Ok(server)
}

fn count(calls: &[Value], service: &str) -> f64 {
    calls.iter().filter(|call| call["service"] == service).count() as f64
}

/// How many downloads were made or begun, in whatever pieces, by what the simulator read. It reads a little besides, and ahead
/// on sixteen connections, of which some are ended because another one is to have the rest of their range.
fn times_read(bytes: u64) -> f64 {
    let times = bytes as f64 / SIZE as f64;
    (times - READ_AHEAD).ceil()
}

const READ_AHEAD: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_that_was_begun_counts() {
        for (bytes, times) in [
            (SIZE, 1.0),
            (SIZE + SIZE / 100, 1.0),
            (SIZE + SIZE / 10, 2.0),
            (2 * SIZE, 2.0),
        ] {
            assert!((times_read(bytes) - times).abs() < 1e-9, "{bytes}");
        }
    }
}

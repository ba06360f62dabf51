//! A thousand clients in the middle of a large layer at the same time: the server's memory at its peak.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::pull::aws::Image;
use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::server::Server;
use crate::pull::stage::Stage;
use crate::pull::usage::peak_memory;

const SIZE: u64 = 500_000_000;
const CONNECTIONS: usize = 1000;

/// 64 MiB, and 64 KiB for each connection.
const LIMIT: f64 = 64.0 * 1_048_576.0 + 1000.0 * 65_536.0;

/// Until everybody is served, on a machine that is busy.
const LEAST_TIME: Duration = Duration::from_secs(5);

const MOST_ROUNDS: usize = 3;

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("memory", &[SIZE])?;
    let (mut coming, mut cached) = (Vec::new(), Vec::new());
    for _ in 0..stage.options.rounds.min(MOST_ROUNDS) {
        let folder = stage.folder()?;
        let installation = stage.installation(folder.path())?;
        let server = installation.serve(&stage.aws, None)?;
        coming.push(peak(stage, &server, &image)?);
        // All of them left in the middle; the download goes on, and this waits for it.
        stage.warm(&server, &server.layers(&image))?;
        drop(server);
        // Another process, for a peak of its own.
        cached.push(peak(stage, &installation.serve(&stage.aws, None)?, &image)?);
        stage.tell(
            begun,
            &format!(
                "{:.1} MiB while the layer came, {:.1} MiB out of the cache",
                median(&coming) / 1_048_576.0,
                median(&cached) / 1_048_576.0
            ),
        );
    }
    let what = "memory at the peak of 1,000 downloads of 500 MB";
    Ok(vec![
        Row::limited(&format!("{what}, cached"), Unit::Bytes, &cached, Aim::AtMost(LIMIT)),
        Row::limited(&format!("{what}, not cached"), Unit::Bytes, &coming, Aim::AtMost(LIMIT)),
    ])
}

fn peak(stage: &Stage<'_>, server: &Server, image: &Image) -> Result<f64> {
    stage.warm(server, &[server.by_tag(image)])?;
    let load = Load {
        address: server.address,
        requests: server.layers(image),
        connections: CONNECTIONS,
        pace: Pace::Closed,
        until: Until::Time(stage.time().max(LEAST_TIME)),
    };
    let begun = stage.measure(server, &load)?.outcome.first_byte.count();
    if begun < CONNECTIONS as u64 {
        bail!("only {begun} of {CONNECTIONS} downloads have begun: `--seconds` has to be longer on this machine");
    }
    let peak = peak_memory(server.process.id())? as f64;
    Ok(peak)
}

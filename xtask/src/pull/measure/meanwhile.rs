//! A cached manifest while a layer comes that is not cached: what one pull does to everybody else.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::pull::curl;
use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::stage::Stage;

const SIZE: u64 = 500_000_000;
/// Each round needs a layer that nobody has.
const IMAGES: [&str; 5] = [
    "meanwhile-1",
    "meanwhile-2",
    "meanwhile-3",
    "meanwhile-4",
    "meanwhile-5",
];
const CONNECTIONS: usize = 16;
/// Requests a second: few, for it is not they that are to be too much.
const RATE: f64 = 4_000.0;
/// Shorter than any of the downloads.
const TURN: Duration = Duration::from_millis(250);

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let asked = stage.push("asked", &[10_000])?;
    let folder = stage.folder()?;
    let servers = stage.servers(folder.path())?.without_slow();
    let mut tails = vec![(Vec::new(), Vec::new()); servers.all.len()];
    for server in &servers.all {
        stage.warm(server, &[server.by_digest(&asked)])?;
    }
    for tag in &IMAGES[..IMAGES.len().min(stage.options.rounds)] {
        let image = stage.push(tag, &[SIZE])?;
        for (server, (quiet, meanwhile)) in servers.all.iter().zip(&mut tails) {
            stage.warm(server, &[server.by_digest(&image)])?;
            let load = Load {
                address: server.address,
                requests: vec![server.by_digest(&asked)],
                connections: CONNECTIONS,
                pace: Pace::Open(RATE),
                until: Until::Time(TURN),
            };
            let tail = || -> Result<f64> {
                let cost = stage.measure(server, &load)?;
                Ok(cost.outcome.whole.quantile(0.99).as_secs_f64())
            };
            quiet.push(tail()?);
            let url = format!("http://{}{}/blobs/{}", server.address, server.base, image.layers[0]);
            let transfer = curl::begin(&url, server.login.as_deref())?;
            meanwhile.push(tail()?);
            let transferred = transfer.end()?;
            if transferred.bytes != SIZE || transferred.whole < TURN {
                bail!("{} was done with the layer too soon: {transferred:?}", server.name);
            }
        }
    }
    for (server, (quiet, meanwhile)) in servers.all.iter().zip(&tails) {
        let ms = |times: &[f64]| median(times) * 1000.0;
        stage.tell(
            begun,
            &format!(
                "{}: p99 {:.2} ms, without a layer {:.2} ms",
                server.name,
                ms(meanwhile),
                ms(quiet)
            ),
        );
    }
    let what = format!("cached manifest while a layer of 500 MB comes: p99 at {RATE:.0}/s");
    let (_, ours) = &tails[0];
    Ok(match servers.all.get(1).zip(tails.get(1)) {
        Some((other, (_, theirs))) => {
            vec![Row::beside(
                &what,
                Unit::Time,
                ours,
                (other.name, theirs),
                Aim::AtMost(1.0),
            )]
        }
        None => vec![Row::alone(&what, Unit::Time, ours)],
    })
}

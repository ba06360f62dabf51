//! A cached layer of 500 MB: what a GiB costs the server's processors, in plain HTTP and under TLS 1.3.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::pull::aws::Image;
use crate::pull::curl;
use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::seats::Seats;
use crate::pull::server::Server;
use crate::pull::stage::{Servers, Stage};
use crate::pull::usage::processor_time;

const SIZE: u64 = 500_000_000;
const CLIENTS: [usize; 2] = [1, 4];

/// A round's time is divided into so many turns: their costs differ more from each other than from those of the other.
const TURNS: usize = 3;

/// How much of nginx's time is aimed at under TLS.
const TLS_FACTOR: f64 = 0.6;

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("large", &[SIZE])?;
    let folder = stage.folder()?;
    let installation = stage.installation(folder.path())?;
    // On a processor that both have, it is the one or the other who pays for what the kernel does for both.
    let seats = Seats::keep_one()?;
    let mut servers = stage.servers_with(folder.path(), &installation)?.without_slow();
    seats.sit()?;
    for server in &servers.all {
        stage.warm(server, &[server.by_digest(&image)])?;
        stage.warm(server, &server.layers(&image))?;
    }
    let mut rows = in_turn(stage, begun, &servers, &image, "plain HTTP", Aim::AtMost(1.0), plain)?;
    // Ours listens once, so it is started again, with what it has; the directory is one process's at a time.
    drop(servers.all.remove(0));
    seats.stand()?;
    let ours = installation.serve(&stage.aws, Some(&stage.certificate))?;
    seats.sit()?;
    servers.all.insert(0, ours);
    rows.extend(in_turn(
        stage,
        begun,
        &servers,
        &image,
        "TLS 1.3",
        Aim::AtMost(TLS_FACTOR),
        tls,
    )?);
    Ok(rows)
}

/// The seconds of processor time that a GiB took the server.
type Way = fn(&Stage<'_>, &Server, &Image, usize) -> Result<f64>;

fn in_turn(
    stage: &Stage<'_>,
    begun: Instant,
    servers: &Servers,
    image: &Image,
    by: &str,
    aim: Aim,
    way: Way,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let mut costs = vec![Vec::new(); servers.all.len()];
        for round in 0..=stage.options.rounds * TURNS {
            for (index, server) in servers.all.iter().enumerate() {
                let cost = way(stage, server, image, clients)?;
                // The first round only warms up.
                if round > 0 {
                    costs[index].push(cost);
                }
            }
        }
        let what = format!("500 MB by {by}, {clients} at a time: processor time a GiB");
        for (server, costs) in servers.all.iter().zip(&costs) {
            stage.tell(
                begun,
                &format!("{what}: {}: {:.0} ms", server.name, median(costs) * 1e3),
            );
        }
        rows.push(match servers.all.get(1) {
            Some(other) => Row::beside(&what, Unit::Time, &costs[0], (other.name, &costs[1]), aim),
            None => Row::alone(&what, Unit::Time, &costs[0]),
        });
    }
    Ok(rows)
}

fn plain(stage: &Stage<'_>, server: &Server, image: &Image, clients: usize) -> Result<f64> {
    let load = Load {
        address: server.address,
        requests: server.layers(image),
        connections: clients,
        pace: Pace::Closed,
        until: Until::Time(stage.time().div_f64(TURNS as f64)),
    };
    let cost = stage.measure(server, &load)?;
    Ok(a_gib(cost.processor, cost.outcome.bytes))
}

/// The clients are curl's: what they spend is not counted, and they bring a TLS of their own.
fn tls(stage: &Stage<'_>, server: &Server, image: &Image, clients: usize) -> Result<f64> {
    let address = server.tls.with_context(|| format!("{} has no TLS", server.name))?;
    let [layer] = image.layers.as_slice() else {
        bail!("the image has other than one layer")
    };
    let url = format!("https://{address}{}/blobs/{layer}", server.base);
    let before = processor_time(server.process.id())?;
    let mut bytes = 0;
    for _ in 0..TRANSFERS / clients {
        stage.interruption()?;
        let transfers = (0..clients).map(|_| curl::begin(&url, server.login.as_deref()));
        for transfer in transfers.collect::<Result<Vec<_>>>()? {
            bytes += transfer.end()?.bytes;
        }
    }
    Ok(a_gib(
        processor_time(server.process.id())?.saturating_sub(before),
        bytes,
    ))
}

/// Of each server in a round: processor time is told in hundredths of a second, and one transfer takes few of them.
const TRANSFERS: usize = 4;

fn a_gib(time: Duration, bytes: u64) -> f64 {
    let bytes = bytes as f64;
    time.as_secs_f64() * 1_073_741_824.0 / bytes
}

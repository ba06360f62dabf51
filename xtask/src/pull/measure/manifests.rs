//! Cached manifests, by digest and by tag: the requests that every pull and every check for something newer makes.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::seats::Seats;
use crate::pull::server::Server;
use crate::pull::stage::{SLOW, Servers, Stage};

const CONNECTIONS: [usize; 2] = [16, 64];

/// What one server showed in all rounds.
#[derive(Debug, Default)]
struct Shown {
    rates: Vec<f64>,
    /// Seconds of processor time a request.
    costs: Vec<f64>,
    tails: Vec<f64>,
}

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("manifests", &[50_000, 70_000, 10_000])?;
    let folder = stage.folder()?;
    let servers = stage.servers(folder.path())?;
    let mut rows = Vec::new();
    for (by, request) in [
        ("by digest", Server::by_digest as fn(&_, &_) -> _),
        ("by tag", Server::by_tag),
    ] {
        for server in &servers.all {
            stage.warm(server, &[request(server, &image)])?;
        }
        for connections in CONNECTIONS {
            let requests: Vec<Vec<u8>> = servers.all.iter().map(|server| request(server, &image)).collect();
            let what = format!("{by}, {connections} connections");
            rows.extend(in_turn(stage, begun, &servers, &requests, connections, &what)?);
        }
    }
    Ok(rows)
}

fn in_turn(
    stage: &Stage<'_>,
    begun: Instant,
    servers: &Servers,
    requests: &[Vec<u8>],
    connections: usize,
    what: &str,
) -> Result<Vec<Row>> {
    let mut shown: Vec<Shown> = servers.all.iter().map(|_| Shown::default()).collect();
    let load = |index: usize, pace, time| Load {
        address: servers.all[index].address,
        requests: vec![requests[index].clone()],
        connections,
        pace,
        until: Until::Time(time),
    };
    for index in 0..servers.all.len() {
        stage.measure(&servers.all[index], &load(index, Pace::Closed, WARMING))?;
    }
    for _ in 0..stage.options.rounds {
        for (index, server) in servers.all.iter().enumerate() {
            let cost = stage.measure(server, &load(index, Pace::Closed, stage.time()))?;
            shown[index].rates.push(cost.outcome.rate());
            shown[index].costs.push(cost.a_request());
        }
    }
    // The same load for both, which is half of what the slower of them takes: else the slower had less to do.
    let fast = shown.iter().zip(&servers.all).filter(|(_, server)| server.name != SLOW);
    let half = fast
        .map(|(shown, _)| median(&shown.rates) / 2.0)
        .fold(f64::INFINITY, f64::min);
    for _ in 0..stage.options.rounds {
        for (index, server) in servers.all.iter().enumerate().filter(|(_, server)| server.name != SLOW) {
            let _seats = Seats::take(server.process.id())?;
            let cost = stage.measure(server, &load(index, Pace::Open(half), stage.time()))?;
            shown[index].tails.push(cost.outcome.whole.quantile(0.99).as_secs_f64());
        }
    }
    let mut rows = Vec::new();
    let ours = &shown[0];
    let rate = format!("manifest {what}");
    let cost = format!("{rate}: processor time a request");
    let tail = format!("{rate}: p99 at {half:.0}/s");
    for (server, other) in servers.all.iter().zip(&shown) {
        stage.tell(
            begun,
            &format!(
                "{rate}: {}: {:.0}/s, {:.1} µs",
                server.name,
                median(&other.rates),
                median(&other.costs) * 1e6
            ),
        );
    }
    if servers.all.len() == 1 {
        rows.push(Row::alone(&rate, Unit::Rate, &ours.rates));
        rows.push(Row::alone(&cost, Unit::Time, &ours.costs));
        rows.push(Row::alone(&tail, Unit::Time, &ours.tails));
    }
    for (server, other) in servers.all.iter().zip(&shown).skip(1) {
        let factor = if server.name == SLOW { 50.0 } else { 1.0 };
        rows.push(Row::beside(
            &rate,
            Unit::Rate,
            &ours.rates,
            (server.name, &other.rates),
            Aim::AtLeast(factor),
        ));
        if server.name != SLOW {
            rows.push(Row::beside(
                &cost,
                Unit::Time,
                &ours.costs,
                (server.name, &other.costs),
                Aim::AtMost(1.0),
            ));
            rows.push(Row::beside(
                &tail,
                Unit::Time,
                &ours.tails,
                (server.name, &other.tails),
                Aim::AtMost(1.0),
            ));
        }
    }
    Ok(rows)
}

const WARMING: Duration = Duration::from_millis(500);

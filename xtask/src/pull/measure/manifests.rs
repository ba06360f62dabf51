//! Cached manifests, by digest and by tag: the requests that every pull and every check for something newer makes.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::pull::aws::Image;
use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::seats::Seats;
use crate::pull::server::Server;
use crate::pull::stage::{SLOW, Servers, Stage};

const CONNECTIONS: [usize; 2] = [16, 64];

/// What is asked for, and by how many.
struct Case {
    what: String,
    request: fn(&Server, &Image) -> Vec<u8>,
    connections: usize,
}

/// What one server showed in all rounds.
#[derive(Debug, Default)]
struct Shown {
    name: &'static str,
    rates: Vec<f64>,
    /// Seconds of processor time a request.
    costs: Vec<f64>,
    tails: Vec<f64>,
}

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("manifests", &[50_000, 70_000, 10_000])?;
    let mut cases = Vec::new();
    for (by, request) in [
        ("by digest", Server::by_digest as fn(&_, &_) -> _),
        ("by tag", Server::by_tag),
    ] {
        cases.extend(CONNECTIONS.map(|connections| Case {
            what: format!("manifest {by}, {connections} connections"),
            request,
            connections,
        }));
    }
    let mut shown = Vec::new();
    {
        let folder = stage.folder()?;
        let servers = stage.servers(folder.path())?;
        warm(stage, &servers, &cases, &image)?;
        for case in &cases {
            shown.push(rates(stage, begun, &servers, case, &image)?);
        }
    }
    let seats = Seats::keep_one()?;
    let folder = stage.folder()?;
    let servers = stage.servers(folder.path())?.without_slow();
    seats.sit()?;
    warm(stage, &servers, &cases, &image)?;
    let mut rows = Vec::new();
    for (case, shown) in cases.iter().zip(&mut shown) {
        let rate = tails(stage, &servers, case, &image, shown)?;
        rows.extend(told(case, shown, rate));
    }
    Ok(rows)
}

fn warm(stage: &Stage<'_>, servers: &Servers, cases: &[Case], image: &Image) -> Result<()> {
    for server in &servers.all {
        for case in cases {
            stage.warm(server, &[(case.request)(server, image)])?;
        }
    }
    Ok(())
}

impl Case {
    fn load(&self, server: &Server, image: &Image, pace: Pace, time: Duration) -> Load {
        Load {
            address: server.address,
            requests: vec![(self.request)(server, image)],
            connections: self.connections,
            pace,
            until: Until::Time(time),
        }
    }
}

/// As many requests as each server takes.
fn rates(stage: &Stage<'_>, begun: Instant, servers: &Servers, case: &Case, image: &Image) -> Result<Vec<Shown>> {
    let mut shown: Vec<Shown> = servers
        .all
        .iter()
        .map(|server| Shown {
            name: server.name,
            ..Shown::default()
        })
        .collect();
    for server in &servers.all {
        stage.measure(server, &case.load(server, image, Pace::Closed, WARMING))?;
    }
    for _ in 0..stage.options.rounds {
        for (server, shown) in servers.all.iter().zip(&mut shown) {
            let cost = stage.measure(server, &case.load(server, image, Pace::Closed, stage.time()))?;
            shown.rates.push(cost.outcome.rate());
            shown.costs.push(cost.a_request());
        }
    }
    for Shown { name, rates, costs, .. } in &shown {
        let (rate, cost) = (median(rates), median(costs) * 1e6);
        stage.tell(begun, &format!("{}: {name}: {rate:.0}/s, {cost:.1} µs", case.what));
    }
    Ok(shown)
}

/// The same load for all, which is half of what the slowest of them takes: else that one had less to do. Answers with its
/// rate.
fn tails(stage: &Stage<'_>, servers: &Servers, case: &Case, image: &Image, shown: &mut [Shown]) -> Result<f64> {
    let fast = shown.iter().filter(|shown| shown.name != SLOW);
    let half = fast
        .map(|shown| median(&shown.rates) / 2.0)
        .fold(f64::INFINITY, f64::min);
    for round in 0..=stage.options.rounds * TURNS {
        for server in &servers.all {
            // The first round only warms up.
            let time = if round == 0 {
                WARMING
            } else {
                stage.time().div_f64(TURNS as f64)
            };
            let cost = stage.measure(server, &case.load(server, image, Pace::Open(half), time))?;
            let own = shown.iter_mut().find(|shown| shown.name == server.name);
            if let Some(shown) = own.filter(|_| round > 0) {
                shown.tails.push(cost.outcome.whole.quantile(0.99).as_secs_f64());
            }
        }
    }
    Ok(half)
}

fn told(case: &Case, shown: &[Shown], half: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    let ours = &shown[0];
    let rate = &case.what;
    let cost = format!("{rate}: processor time a request");
    let tail = format!("{rate}: p99 at {half:.0}/s");
    if shown.len() == 1 {
        rows.push(Row::alone(rate, Unit::Rate, &ours.rates));
        rows.push(Row::alone(&cost, Unit::Time, &ours.costs));
        rows.push(Row::alone(&tail, Unit::Time, &calm(&ours.tails)));
    }
    for other in &shown[1..] {
        let factor = if other.name == SLOW { 50.0 } else { 1.0 };
        rows.push(Row::beside(
            rate,
            Unit::Rate,
            &ours.rates,
            (other.name, &other.rates),
            Aim::AtLeast(factor),
        ));
        if other.name != SLOW {
            rows.push(Row::beside(
                &cost,
                Unit::Time,
                &ours.costs,
                (other.name, &other.costs),
                Aim::AtMost(1.0),
            ));
            rows.push(Row::beside(
                &tail,
                Unit::Time,
                &calm(&ours.tails),
                (other.name, &calm(&other.tails)),
                Aim::AtMost(1.0),
            ));
        }
    }
    rows
}

/// The half of the turns that the machine disturbed least. What it does to a turn only ever makes a tail longer, by as much
/// as a hundred requests take; what the server does is in every turn.
fn calm(tails: &[f64]) -> Vec<f64> {
    let mut sorted = tails.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(tails.len().div_ceil(2));
    sorted
}

/// A round's time is divided into so many for tails: one moment without a processor makes the tail of a whole turn.
const TURNS: usize = 5;
const WARMING: Duration = Duration::from_millis(500);

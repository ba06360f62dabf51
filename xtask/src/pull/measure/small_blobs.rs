//! Cached blobs of 1 KiB: configurations and small layers, of which there are many.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::stage::Stage;

const CONNECTIONS: [usize; 2] = [16, 64];

/// So many that no server comes far with the one it served last.
const BLOBS: usize = 64;

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("small", &[1024; BLOBS])?;
    let folder = stage.folder()?;
    let servers = stage.servers(folder.path())?.without_slow();
    for server in &servers.all {
        stage.warm(server, &[server.by_digest(&image)])?;
        stage.warm(server, &server.layers(&image))?;
    }
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let load = |index: usize, time| Load {
            address: servers.all[index].address,
            requests: servers.all[index].layers(&image),
            connections,
            pace: Pace::Closed,
            until: Until::Time(time),
        };
        let mut rates = vec![Vec::new(); servers.all.len()];
        let mut costs = vec![Vec::new(); servers.all.len()];
        for round in 0..=stage.options.rounds {
            for (index, server) in servers.all.iter().enumerate() {
                // The first round only warms up.
                let time = if round == 0 { WARMING } else { stage.time() };
                let cost = stage.measure(server, &load(index, time))?;
                if round > 0 {
                    rates[index].push(cost.outcome.rate());
                    costs[index].push(cost.a_request());
                }
            }
        }
        let what = format!("blobs of 1 KiB, {connections} connections");
        for (server, rates) in servers.all.iter().zip(&rates) {
            stage.tell(begun, &format!("{what}: {}: {:.0}/s", server.name, median(rates)));
        }
        let cost = format!("{what}: processor time a request");
        match servers.all.get(1) {
            Some(other) => {
                rows.push(Row::beside(
                    &what,
                    Unit::Rate,
                    &rates[0],
                    (other.name, &rates[1]),
                    Aim::AtLeast(1.0),
                ));
                rows.push(Row::beside(
                    &cost,
                    Unit::Time,
                    &costs[0],
                    (other.name, &costs[1]),
                    Aim::AtMost(1.0),
                ));
            }
            None => {
                rows.push(Row::alone(&what, Unit::Rate, &rates[0]));
                rows.push(Row::alone(&cost, Unit::Time, &costs[0]));
            }
        }
    }
    Ok(rows)
}

const WARMING: Duration = Duration::from_millis(500);

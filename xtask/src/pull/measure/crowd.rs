//! A cached manifest in an installation that has little, and in one that has 10,000 upstreams and 1,000,000 blobs.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::pull::load::{Load, Pace, Until};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::stage::Stage;

/// Upstreams beside the one that is pulled from, and blobs beside those of the image.
const FEW: (usize, u64) = (9, 100);
const MANY: (usize, u64) = (9_999, 1_000_000);

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("crowd", &[10_000])?;
    let folders = [stage.folder()?, stage.folder()?];
    let mut servers = Vec::new();
    for (folder, (upstreams, blobs)) in folders.iter().zip([FEW, MANY]) {
        let installation = stage.crowded_installation(folder.path(), upstreams)?;
        // The first start makes the folders, and the first pull shows where blobs lie.
        let server = installation.serve(&stage.aws, None)?;
        stage.warm(&server, &[server.by_tag(&image)])?;
        drop(server);
        fill(&shards(&installation.data())?, blobs)?;
        let started = Instant::now();
        servers.push(installation.serve(&stage.aws, None)?);
        let start = started.elapsed().as_secs_f64();
        stage.tell(
            begun,
            &format!("{upstreams} further upstreams, {blobs} blobs: up after {start:.2} s"),
        );
    }
    let mut rows = Vec::new();
    for connections in [1, 16] {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=stage.options.rounds {
            for (server, times) in servers.iter().zip(&mut times) {
                let load = Load {
                    address: server.address,
                    requests: vec![server.by_digest(&image), server.by_tag(&image)],
                    connections,
                    pace: Pace::Closed,
                    until: Until::Time(stage.time()),
                };
                let cost = stage.measure(server, &load)?;
                // The first round only warms up.
                if round > 0 {
                    times.push(cost.outcome.whole.quantile(0.5).as_secs_f64());
                }
            }
        }
        let [few, many] = &times;
        let us = |times: &[f64]| Duration::from_secs_f64(median(times)).as_micros();
        stage.tell(
            begun,
            &format!(
                "{connections} connections: {} µs, and with little {} µs",
                us(many),
                us(few)
            ),
        );
        rows.push(Row::beside(
            &format!("manifest with 10,000 upstreams and 1,000,000 blobs, {connections} connections: median"),
            Unit::Time,
            many,
            ("with 10 and 100", few),
            Aim::AtMost(1.2),
        ));
    }
    Ok(rows)
}

/// The folder in which blobs are spread over folders, below the data of an installation that has one.
fn shards(data: &Path) -> Result<std::path::PathBuf> {
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.ends_with("blobs/sha256") {
            return Ok(folder);
        }
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    bail!("no folder of blobs is in {}", data.display())
}

/// Puts files there that are named as blobs are. They have a size and no content: nothing reads a blob that nobody asks
/// for, and a million of them take no room.
fn fill(shards: &Path, blobs: u64) -> Result<()> {
    for number in 0..blobs {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let name = format!("{mixed:016x}{number:048x}");
        let shard = shards.join(&name[..2]);
        let file = match File::create(shard.join(&name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(&shard)?;
                File::create(shard.join(&name))
            }
            created => created,
        };
        file.with_context(|| format!("{} cannot be made", shard.join(&name).display()))?
            .set_len(1024)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_filled_with_names_of_digests() {
        let data = tempfile::tempdir().unwrap();
        let blobs = data.path().join("content/blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        fs::create_dir_all(data.path().join("content/links")).unwrap();
        assert_eq!(shards(data.path()).unwrap(), blobs);
        fill(&blobs, 1000).unwrap();
        let mut count = 0;
        for shard in fs::read_dir(&blobs).unwrap() {
            let shard = shard.unwrap();
            for file in fs::read_dir(shard.path()).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                assert_eq!(name.len(), 64);
                assert_eq!(name[..2], *shard.file_name().to_str().unwrap());
                count += 1;
            }
        }
        assert_eq!(count, 1000);
    }

    #[test]
    fn an_empty_folder_has_no_blobs() {
        assert!(shards(tempfile::tempdir().unwrap().path()).is_err());
    }
}

//! A layer of 500 MB that nobody has pulled yet: through ourselves, and directly out of the registry.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::pull::aws::{HOST, Image, REPOSITORY};
use crate::pull::curl::{self, Transferred};
use crate::pull::row::{Aim, Row, Unit, median};
use crate::pull::skopeo;
use crate::pull::stage::Stage;
use crate::pull::tls::Certificate;

const SIZE: u64 = 500_000_000;

/// What a connection out of S3 brings to a machine that has room for several.
const CAP: u64 = 30_000_000;

/// Each takes a quarter of a minute, and differs little from the one before.
const CAPPED_ROUNDS: usize = 3;
/// These are over soon, and differ by a tenth.
const UNCAPPED_ROUNDS: usize = 2 * TURNS;
/// How many ways are measured in turn without a cap.
const TURNS: usize = 5;

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let image = stage.push("cold", &[SIZE])?;
    stage.aws.layers_come_at(Some(CAP))?;
    let (mut ours, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..stage.options.rounds.min(CAPPED_ROUNDS) {
        ours.push(by_skopeo(stage, &image, None)?);
        stage.interruption()?;
        direct.push(directly_by_skopeo(stage, &image)?);
        stage.interruption()?;
    }
    stage.aws.layers_come_at(None)?;
    stage.tell(
        begun,
        &format!(
            "skopeo, capped: {:.2} s, directly {:.2} s",
            median(&ours),
            median(&direct)
        ),
    );
    let faster = median(&direct) / median(&ours);
    let row = Row::beside(
        "500 MB by skopeo, 30 MB/s a connection",
        Unit::Time,
        &ours,
        ("directly", &direct),
        Aim::AtMost(1.0 / 4.0),
    );
    let mut rows = vec![row.judged("≥ 4 × as fast", faster >= 4.0)];
    rows.extend(uncapped(stage, begun, &image)?);
    Ok(rows)
}

fn uncapped(stage: &Stage<'_>, begun: Instant, image: &Image) -> Result<Vec<Row>> {
    let (mut clear, mut tls, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare, mut bare_direct) = (Vec::new(), Vec::new());
    for round in 0..UNCAPPED_ROUNDS {
        // What one leaves to the disk, the next one pays for: each has every place in the order.
        for turn in 0..TURNS {
            match (round + turn) % TURNS {
                0 => clear.push(by_skopeo(stage, image, None)?),
                1 => tls.push(by_skopeo(stage, image, Some(&stage.certificate))?),
                2 => direct.push(directly_by_skopeo(stage, image)?),
                3 => bare.push(by_curl(stage, image)?),
                _ => bare_direct.push(directly_by_curl(stage, image)?),
            }
            stage.interruption()?;
        }
    }
    let whole = |all: &[Transferred]| all.iter().map(|one| one.whole.as_secs_f64()).collect::<Vec<_>>();
    let first = |all: &[Transferred]| all.iter().map(|one| one.first_byte.as_secs_f64()).collect::<Vec<_>>();
    let later = median(&first(&bare)) - median(&first(&bare_direct));
    stage.tell(
        begun,
        &format!(
            "skopeo: {:.2} s, by TLS {:.2} s, directly {:.2} s; curl: {:.2} s, directly {:.2} s",
            median(&clear),
            median(&tls),
            median(&direct),
            median(&whole(&bare)),
            median(&whole(&bare_direct))
        ),
    );
    Ok(vec![
        Row::beside(
            "500 MB by skopeo, no cap",
            Unit::Time,
            &clear,
            ("directly", &direct),
            Aim::AtMost(1.05),
        ),
        Row::beside(
            "the same by TLS",
            Unit::Time,
            &tls,
            ("directly", &direct),
            Aim::AtMost(1.05),
        ),
        Row::beside(
            "500 MB by a client that throws everything away, TLS, no cap",
            Unit::Time,
            &whole(&bare),
            ("directly", &whole(&bare_direct)),
            Aim::AtMost(f64::INFINITY),
        )
        .judged("", true),
        Row::beside(
            "its first byte",
            Unit::Time,
            &first(&bare),
            ("directly", &first(&bare_direct)),
            Aim::AtMost(f64::INFINITY),
        )
        .judged("≤ 5 ms later", later <= 0.005),
    ])
}

/// Through a server that has nothing yet.
fn by_skopeo(stage: &Stage<'_>, image: &Image, certificate: Option<&Certificate>) -> Result<f64> {
    let folder = stage.folder()?;
    let server = stage.installation(folder.path())?.serve(&stage.aws, certificate)?;
    let login = server.login.as_deref().and_then(|login| login.strip_prefix("Basic "));
    let name = format!("prod/{REPOSITORY}:{}", image.tag);
    let login = login.context("ours has a login")?;
    Ok(skopeo::pull(folder.path(), server.address, &name, login)?.as_secs_f64())
}

fn directly_by_skopeo(stage: &Stage<'_>, image: &Image) -> Result<f64> {
    let folder = stage.folder()?;
    let name = format!("{REPOSITORY}:{}", image.tag);
    Ok(skopeo::pull_directly(folder.path(), &stage.aws, &name)?.as_secs_f64())
}

/// Through a server that has the manifest, as it has when a layer is asked for, and no layer.
fn by_curl(stage: &Stage<'_>, image: &Image) -> Result<Transferred> {
    let folder = stage.folder()?;
    let server = stage
        .installation(folder.path())?
        .serve(&stage.aws, Some(&stage.certificate))?;
    let url = |path: &str| format!("https://{}{}/{path}", server.address, server.base);
    curl::begin(&url(&format!("manifests/{}", image.tag)), server.login.as_deref())?.end()?;
    curl::begin(&url(&format!("blobs/{}", layer(image)?)), server.login.as_deref())?.end()
}

fn directly_by_curl(stage: &Stage<'_>, image: &Image) -> Result<Transferred> {
    let url = format!("https://{HOST}/v2/{REPOSITORY}/blobs/{}", layer(image)?);
    curl::begin_at(&url, &format!("Basic {}", stage.aws.login), stage.aws.simulator.names)?.end()
}

fn layer(image: &Image) -> Result<&str> {
    match image.layers.as_slice() {
        [layer] => Ok(layer),
        _ => bail!("the image has other than one layer"),
    }
}

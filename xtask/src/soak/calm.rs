//! After trouble: whether everything can be had again, and what the server then holds.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use super::catalog::{Place, UPSTREAMS};
use super::client::{Answer, Client, Manner, Request};
use super::crowd::{Crowd, accusation};
use super::installation::{Door, MAX_SIZE, Server};
use super::judge::{Outcome, judge};
use super::question::{May, Question, path_of};
use super::trouble::files_below;
use crate::servers::usage::{Held, held};

/// How long after the end of all faults something may still fail, or be waited for. A connection on which nothing comes
/// is given up after 60 s.
const RECOVERY: Duration = Duration::from_secs(75);
/// What takes longer is counted as waiting.
const SOON: Duration = Duration::from_secs(5);
/// How long after the last answer something may still be under way.
const REST: Duration = Duration::from_secs(30);

/// Pulls all images, and of the layers as many as are drawn: how long it took until nothing failed any more.
pub(super) fn everything_comes(crowd: &Crowd<'_>, door: Door, rng: &mut Rng) -> Result<Duration> {
    let began = Instant::now();
    let mut client = Client::default();
    let mut last_failure = began;
    for (number, place) in crowd.catalog.places.iter().enumerate() {
        let repository = &crowd.catalog.repositories[place.repository];
        let tags = (0..repository.tags.len()).map(|tag| {
            let path = format!("manifests/{}", repository.tags[tag].name);
            (path, May::HaveTag { place: number, tag })
        });
        let have = |digest: &String| May::Have {
            place: number,
            digest: digest.clone(),
        };
        let manifests = repository.manifests.iter().map(|manifest| &manifest.digest);
        let manifests = manifests.map(|digest| (format!("manifests/{digest}"), have(digest)));
        let blobs = repository.blobs.iter().filter(|_| rng.u8(..3) == 0);
        let blobs: Vec<_> = blobs.map(|digest| (format!("blobs/{digest}"), have(digest))).collect();
        for (path, may) in tags.chain(manifests).chain(blobs) {
            let question = question(crowd, *place, &path, may);
            loop {
                let asked = Instant::now();
                let why = failure(crowd, door, &mut client, &question)?;
                if why.is_none() && asked.elapsed() < SOON {
                    break;
                }
                let took = asked.elapsed();
                let why = why.unwrap_or_else(|| format!("{} takes {took:?}", question.request.path));
                println!("     after {:.1} s: {why}", began.elapsed().as_secs_f32());
                last_failure = Instant::now();
                if last_failure - began > RECOVERY {
                    bail!("{} s after the end of all faults, {why}", RECOVERY.as_secs());
                }
                crowd.go_on_for(Duration::from_millis(200))?;
            }
        }
    }
    Ok(last_failure - began)
}

fn question(crowd: &Crowd<'_>, place: Place, path: &str, may: May) -> Question {
    Question {
        request: Request {
            head: false,
            path: path_of(place, crowd.catalog, path, false),
            login: Some(crowd.installation.login(UPSTREAMS[place.upstream].team)),
            range: None,
            manner: Manner::Fast,
        },
        may,
    }
}

/// Why it did not come, where that may end by itself.
fn failure(crowd: &Crowd<'_>, door: Door, client: &mut Client, question: &Question) -> Result<Option<String>> {
    let answer = match door.tls {
        true => crowd.curl(true).ask(door, &question.request),
        false => client.ask(door, &question.request),
    };
    let told = |why: &str| accusation(why, question, &answer);
    match judge(crowd.catalog, &crowd.damages, question, &answer) {
        Ok(Outcome::Right) if is_the_latest(crowd, question, &answer) => Ok(None),
        Ok(Outcome::Right) => Ok(Some(told("the tag stands for what it was before"))),
        Ok(Outcome::Redirected) => Ok(None),
        Ok(_) => Ok(Some(told("it does not come"))),
        Err(wrong) => bail!("{}", told(&wrong)),
    }
}

fn is_the_latest(crowd: &Crowd<'_>, question: &Question, answer: &Answer) -> bool {
    let May::HaveTag { place, tag } = question.may else {
        return true;
    };
    let repository = &crowd.catalog.repositories[crowd.catalog.places[place].repository];
    *crowd.catalog.bytes[&repository.tags[tag].now()] == answer.body[..]
}

/// Waits until nothing is under way any more, and looks at what is left.
pub(super) fn nothing_is_left_over(crowd: &Crowd<'_>, server: &Server) -> Result<Held> {
    let until = Instant::now() + REST;
    let process = server.process.id();
    loop {
        let metrics = metrics(crowd, server)?;
        let metric = |name: &str| value(&metrics, name);
        let blobs = files_below(&crowd.installation.content().join("blobs"));
        let sizes = blobs.iter().filter_map(|path| fs::metadata(path).ok());
        let on_disk: u64 = sizes.map(|metadata| metadata.len()).sum();
        let unfinished = files_below(&crowd.installation.content().join("tmp"));
        let held = held(process)?;
        let mut left = Vec::new();
        for gauge in ["wharfinger_downloads", "wharfinger_connections_open"] {
            if metric(gauge)? > 0 {
                left.push(format!("{gauge} is {}", metric(gauge)?));
            }
        }
        if !unfinished.is_empty() {
            left.push(format!("unfinished files: {unfinished:?}"));
        }
        if on_disk > MAX_SIZE {
            left.push(format!("{on_disk} bytes lie in a cache of {MAX_SIZE}"));
        }
        let counted = metric("wharfinger_cache_bytes")?;
        // A file that was made shorter, or removed, by others is found out when it is next served.
        if counted < on_disk {
            left.push(format!("{on_disk} bytes lie in the cache, and {counted} are counted"));
        }
        if held.files > FILES || held.threads > THREADS || held.memory > MEMORY {
            left.push(format!("it holds {held:?} when nobody asks"));
        }
        if left.is_empty() {
            return Ok(held);
        }
        if Instant::now() > until {
            bail!("{} s after the last answer, {}", REST.as_secs(), left.join("; "));
        }
        crowd.go_on_for(Duration::from_millis(200))?;
    }
}

/// What is left when nobody asks: listeners, kept connections to AWS, the runtimes.
const FILES: u64 = 128;
/// With the runtime's threads for blocking calls, which stay for some seconds.
const THREADS: u64 = 64;
const MEMORY: u64 = 400 * 1024 * 1024;

fn metrics(crowd: &Crowd<'_>, server: &Server) -> Result<String> {
    let door = Door {
        address: server.admin,
        tls: false,
    };
    let request = Request {
        head: false,
        path: "/metrics".to_owned(),
        login: None,
        range: None,
        manner: Manner::Fast,
    };
    let answer = crowd.curl(false).ask(door, &request);
    String::from_utf8(answer.body).context("the metrics are no text")
}

fn value(metrics: &str, name: &str) -> Result<u64> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("the metrics have no {name}"))?;
    value.trim().parse().with_context(|| format!("{name} is `{value}`"))
}

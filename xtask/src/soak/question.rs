//! What a client asks next, and what it may be told.

use fastrand::Rng;

use super::catalog::{Catalog, Place, UPSTREAMS};
use super::client::{Manner, Request};
use super::installation::Installation;

#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) may: May,
}

/// What is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// These bytes.
    Have { place: usize, digest: String },
    /// The bytes of an image that the tag stands for, or has stood for.
    HaveTag { place: usize, tag: usize },
    /// A list of tags.
    List,
    /// Nothing: it is not there, or not for them.
    Nothing,
    /// Nothing, for it has not logged in.
    LogIn,
}

/// Draws a question.
pub(super) fn draw(catalog: &Catalog, installation: &Installation, rng: &mut Rng) -> Question {
    // Many want the same at the same time, as when something is rolled out.
    let crowded = rng.u8(..4) == 0;
    let number = if crowded { 0 } else { rng.usize(..catalog.places.len()) };
    let place = catalog.places[number];
    let repository = &catalog.repositories[place.repository];
    let team = UPSTREAMS[place.upstream].team;
    let (path, may) = match rng.u8(..100) {
        0..25 => {
            let tag = rng.usize(..repository.tags.len());
            let path = format!("manifests/{}", repository.tags[tag].name);
            (path, May::HaveTag { place: number, tag })
        }
        25..38 => {
            let digest = repository.manifests[rng.usize(..repository.manifests.len())]
                .digest
                .clone();
            (format!("manifests/{digest}"), May::Have { place: number, digest })
        }
        38..88 => {
            let blobs = if crowded { 4 } else { repository.blobs.len() };
            let digest = repository.blobs[rng.usize(..blobs)].clone();
            (format!("blobs/{digest}"), May::Have { place: number, digest })
        }
        88..91 => ("tags/list".to_owned(), May::List),
        91..98 => (foreign(catalog, place, rng), May::Nothing),
        _ => ("manifests/no-such-tag".to_owned(), May::Nothing),
    };
    let path = path_of(place, catalog, &path, rng.bool());
    let (login, may) = match rng.u8(..100) {
        0..2 => (None, May::LogIn),
        2..5 => {
            let login = crate::servers::login::basic("robot", "wharfinger_robot_nobody");
            (Some(login), May::LogIn)
        }
        // Under another team's name the same path is none of theirs, whatever it says.
        5..10 => other_team(catalog, installation, place, rng),
        _ => (Some(installation.login(team)), may),
    };
    let path = match may {
        May::Nothing if !path.contains("amazonaws.com") && login != Some(installation.login(team)) => {
            path_by_host(place, catalog, &path)
        }
        _ => path,
    };
    let size = match &may {
        May::Have { digest, .. } if path.contains("/blobs/") => catalog.bytes[digest].len() as u64,
        _ => 0,
    };
    let range = (size > 0 && rng.u8(..4) == 0).then(|| {
        let first = rng.u64(..size);
        (first, rng.u64(first..size + 10))
    });
    let head = range.is_none() && rng.u8(..10) == 0;
    let manner = match rng.u8(..100) {
        0..8 if size > 0 && !head => Manner::Leaves(rng.u64(..size)),
        8..15 => Manner::Slow,
        _ => Manner::Fast,
    };
    Question {
        request: Request {
            head,
            path,
            login,
            range,
            manner,
        },
        may,
    }
}

/// The path of something in a place, with the upstream's name or the registry's host.
pub(super) fn path_of(place: Place, catalog: &Catalog, rest: &str, by_host: bool) -> String {
    let upstream = &UPSTREAMS[place.upstream];
    let name = catalog.repositories[place.repository].name;
    match by_host {
        true => format!("/v2/{}/{name}/{rest}", upstream.host()),
        false => format!("/v2/{}/{name}/{rest}", upstream.name),
    }
}

/// Teams call their upstreams alike; hosts are what tells them apart.
fn path_by_host(place: Place, catalog: &Catalog, path: &str) -> String {
    let upstream = &UPSTREAMS[place.upstream];
    let name = catalog.repositories[place.repository].name;
    let before = format!("/v2/{}/{name}/", upstream.name);
    let rest = path.strip_prefix(&before).unwrap_or(path);
    path_of(place, catalog, rest, true)
}

/// A team that does not reach the place by any upstream.
fn other_team(catalog: &Catalog, installation: &Installation, place: Place, rng: &mut Rng) -> (Option<String>, May) {
    let reaches = |team: usize| {
        let mut places = catalog.places.iter();
        places.any(|other| UPSTREAMS[other.upstream].team == team && other.repository == place.repository)
    };
    let others: Vec<_> = (0..super::catalog::TEAMS.len())
        .filter(|team| !reaches(*team))
        .collect();
    let team = others[rng.usize(..others.len())];
    (Some(installation.login(team)), May::Nothing)
}

/// Something that is in another repository, and most likely in the cache.
fn foreign(catalog: &Catalog, place: Place, rng: &mut Rng) -> String {
    let own = &catalog.repositories[place.repository];
    let others: Vec<_> = catalog
        .repositories
        .iter()
        .filter(|other| other.name != own.name || other.registry != own.registry)
        .collect();
    let other = others[rng.usize(..others.len())];
    let blobs = other.blobs.iter().map(|digest| ("blobs", digest));
    let manifests = other.manifests.iter().map(|manifest| ("manifests", &manifest.digest));
    let all: Vec<_> = blobs.chain(manifests).filter(|(_, digest)| !own.has(digest)).collect();
    let (kind, digest) = all[rng.usize(..all.len())];
    format!("{kind}/{digest}")
}

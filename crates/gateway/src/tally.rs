use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use http::{Method, Request, StatusCode};
use oci::Route;

use crate::asked::Asked;

/// What became of pulls, and what the upstreams answered, counted since the gateway was made.
///
/// To count is one addition to a number that has its place from the beginning: no lock, no allocation. What a client sends
/// is no part of what is told apart, so that nobody can make more of it.
#[derive(Debug, Default)]
pub struct Tally {
    pulls: [[AtomicU64; Outcome::ALL.len()]; Kind::ALL.len()],
    replies: [[AtomicU64; Reply::ALL.len()]; Peer::ALL.len()],
}

/// Declares words that are counted by: each has a name, and a place in the order of all.
macro_rules! words {
    ($(#[$attribute:meta])* $type:ident { $($(#[$doc:meta])* $word:ident = $name:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$doc])* $word,)+ }

        impl $type {
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// Its name, as in a metric.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $name,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// What was pulled.
    Kind {
        /// A manifest.
        Manifest = "manifest",
        /// A blob.
        Blob = "blob",
        /// A list of tags or of referrers.
        List = "list",
    }
}

words! {
    /// What became of a pull, as far as it is known when the answer begins.
    Outcome {
        /// Answered as before, out of memory.
        Memory = "memory",
        /// Answered with what is on the disk. Of a blob, the upstream may have been asked whether it is in the repository.
        Disk = "disk",
        /// Answered with what the upstream sent, or confirmed, for this.
        Upstream = "upstream",
        /// Sent to the layer bucket.
        Redirect = "redirect",
        /// There is no such thing, or no such name for this client (404).
        Missing = "missing",
        /// The client did something wrong or may not: any other 4xx, a login that is asked for (401) included.
        Refused = "refused",
        /// The upstream, or this server, is in trouble: 429 and 5xx.
        Failed = "failed",
    }
}

words! {
    /// Whom the gateway asks.
    Peer {
        /// A registry.
        Registry = "registry",
        /// The bucket with its layers.
        Bucket = "bucket",
    }
}

words! {
    /// How an upstream answers.
    Reply {
        /// 2xx.
        Success = "success",
        /// 3xx; how a registry hands out layers.
        Redirect = "redirect",
        /// 401: the login is not taken.
        Unauthorized = "unauthorized",
        /// 403.
        Forbidden = "forbidden",
        /// 404.
        NotFound = "not_found",
        /// 429.
        Throttled = "throttled",
        /// Any other 4xx.
        ClientError = "client_error",
        /// 5xx.
        ServerError = "server_error",
        /// There was none.
        Nothing = "none",
    }
}

impl Tally {
    /// How many pulls had each outcome.
    pub fn pulls(&self) -> impl Iterator<Item = (Kind, Outcome, u64)> {
        table(Kind::ALL, Outcome::ALL).map(|(kind, outcome)| {
            let count = &self.pulls[kind as usize][outcome as usize];
            (kind, outcome, count.load(Relaxed))
        })
    }

    /// How many questions had each reply. Each attempt counts.
    pub fn replies(&self) -> impl Iterator<Item = (Peer, Reply, u64)> {
        table(Peer::ALL, Reply::ALL).map(|(peer, reply)| {
            let count = &self.replies[peer as usize][reply as usize];
            (peer, reply, count.load(Relaxed))
        })
    }

    pub(crate) fn note(&self, kind: Kind, outcome: Outcome) {
        self.pulls[kind as usize][outcome as usize].fetch_add(1, Relaxed);
    }

    /// A pull that came to an error with this status, if the request is one of a pull at all.
    pub(crate) fn note_failure<B>(&self, request: &Request<B>, status: StatusCode) {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        // Whoever was not let in had nothing of the path read. What is counted is told to nobody who asks for it.
        let kind = Asked::read(request).ok().and_then(|asked| Kind::of(&asked.route));
        if let Some(kind) = kind.filter(|_| is_read) {
            self.note(kind, Outcome::of_failure(status));
        }
    }

    pub(crate) fn note_reply<E>(&self, peer: Peer, answer: &Result<reqwest::Response, E>) {
        let reply = answer
            .as_ref()
            .map_or(Reply::Nothing, |answer| Reply::of(answer.status()));
        self.replies[peer as usize][reply as usize].fetch_add(1, Relaxed);
    }
}

fn table<A: Copy, B: Copy>(rows: &'static [A], columns: &'static [B]) -> impl Iterator<Item = (A, B)> {
    rows.iter()
        .flat_map(move |row| columns.iter().map(move |column| (*row, *column)))
}

impl Kind {
    fn of(route: &Route) -> Option<Self> {
        match route {
            Route::Manifest { .. } => Some(Self::Manifest),
            Route::Blob { .. } => Some(Self::Blob),
            Route::Tags { .. } | Route::Referrers { .. } => Some(Self::List),
            Route::Base | Route::Catalog | Route::Upload { .. } => None,
        }
    }
}

impl Outcome {
    fn of_failure(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::Missing,
            StatusCode::TOO_MANY_REQUESTS => Self::Failed,
            status if status.is_client_error() => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl Reply {
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled,
            status if status.is_success() => Self::Success,
            status if status.is_redirection() => Self::Redirect,
            status if status.is_client_error() => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(tally: &Tally) -> Vec<(Kind, Outcome, u64)> {
        tally.pulls().filter(|(.., count)| *count > 0).collect()
    }

    #[test]
    fn a_failure_is_counted_by_what_was_asked_for_and_why() {
        let manifest = "/v2/prod/app/manifests/1";
        for (method, path, status, expected) in [
            ("GET", manifest, 404, Some((Kind::Manifest, Outcome::Missing))),
            ("HEAD", manifest, 401, Some((Kind::Manifest, Outcome::Refused))),
            (
                "GET",
                "/prod/v2/app/tags/list",
                403,
                Some((Kind::List, Outcome::Refused)),
            ),
            ("GET", manifest, 429, Some((Kind::Manifest, Outcome::Failed))),
            ("GET", manifest, 502, Some((Kind::Manifest, Outcome::Failed))),
            ("PUT", manifest, 405, None),
            ("GET", "/v2/", 401, None),
            ("GET", "/v2/_catalog", 404, None),
            ("GET", "/v2/prod/app/other", 404, None),
        ] {
            let tally = Tally::default();
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            tally.note_failure(&request, StatusCode::from_u16(status).unwrap());
            let expected: Vec<_> = expected.into_iter().map(|(kind, outcome)| (kind, outcome, 1)).collect();
            assert_eq!(counted(&tally), expected, "{method} {path} {status}");
        }
    }

    #[test]
    fn every_pair_has_a_place_of_its_own() {
        let tally = Tally::default();
        for (kind, outcome, _) in tally.pulls() {
            tally.note(kind, outcome);
        }
        assert!(tally.pulls().all(|(.., count)| count == 1));
        assert_eq!(tally.pulls().count(), Kind::ALL.len() * Outcome::ALL.len());
        assert_eq!(tally.replies().count(), Peer::ALL.len() * Reply::ALL.len());
    }
}

use std::sync::{Arc, Weak};

use aws_lc_rs::digest::{Context, SHA256};
use http::{Method, Request, header};
use jiff::Timestamp;
use quick_cache::{Weighter, sync::Cache};
use state::Snapshot;

use crate::ready::Ready;

/// Answers that were given before, by the whole question. The same client that asks the same again is answered without
/// being authenticated, permitted and looked up once more, as long as nothing can have changed the outcome: the same
/// resources are in force, AWS has refused nobody since, and the tag and the access that it rests on still count.
///
/// What is remembered is the outcome alone: whatever is not found here goes the whole way.
pub(crate) struct Memo(Cache<Key, Arc<Remembered>, Weight>);

/// A question: a digest over everything that the answer depends on. The client's secret cannot be had back from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

/// What has to hold for an answer to count still.
#[derive(Clone)]
pub(crate) struct Grounds {
    /// The resources that were in force. Held weakly: they go when others come.
    pub(crate) snapshot: Weak<Snapshot>,
    /// See [`Standings::epoch`](crate::standing::Standings::epoch).
    pub(crate) epoch: u64,
    /// When it was made.
    pub(crate) since: Timestamp,
}

struct Remembered {
    ready: Ready,
    grounds: Grounds,
    until: Timestamp,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Remembered>> for Weight {
    fn weight(&self, _: &Key, remembered: &Arc<Remembered>) -> u64 {
        remembered.ready.weight()
    }
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED, CAPACITY, Weight))
    }

    /// The answer, if it was given before and nothing can have changed it.
    pub(crate) fn recall(&self, key: &Key, grounds: &Grounds) -> Option<Ready> {
        let found = self.0.get(key)?;
        let still = Weak::ptr_eq(&found.grounds.snapshot, &grounds.snapshot)
            && found.grounds.epoch == grounds.epoch
            // Before it was made means that the clock was set back.
            && (found.grounds.since..found.until).contains(&grounds.since);
        still.then(|| found.ready.clone())
    }

    /// Remembers an answer that counts until this time.
    pub(crate) fn keep(&self, key: Key, ready: &Ready, grounds: Grounds, until: Timestamp) {
        if grounds.since < until && ready.weight() <= LARGEST {
            let ready = ready.clone();
            self.0.insert(key, Arc::new(Remembered { ready, grounds, until }));
        }
    }
}

impl Key {
    /// The key of a question, if answers to it may be remembered at all.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        if !matches!(*request.method(), Method::GET | Method::HEAD) || headers.contains_key(header::RANGE) {
            return None;
        }
        let mut context = Context::new(&SHA256);
        // Each part is told apart from the next by its length, and each list by the number of its parts.
        let mut part = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_le_bytes());
            context.update(bytes);
        };
        let uri = request.uri();
        part(uri.path().as_bytes());
        part(uri.query().unwrap_or_default().as_bytes());
        part(uri.authority().map_or("", |authority| authority.as_str()).as_bytes());
        for name in [header::AUTHORIZATION, header::HOST, header::ACCEPT] {
            let values = headers.get_all(name);
            part(&values.iter().count().to_le_bytes());
            values.iter().for_each(|value| part(value.as_bytes()));
        }
        Some(Self(context.finish().as_ref().try_into().ok()?))
    }
}

/// So many bytes of answers, and so many answers, about.
const CAPACITY: u64 = 32 * 1024 * 1024;
const EXPECTED: usize = 8 * 1024;
/// One that is larger costs little in comparison with being sent.
const LARGEST: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::SignedDuration;
    use oci::{Digest, MediaType};
    use state::Snapshot;

    use super::*;

    fn request(change: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Request<()> {
        let builder = Request::builder()
            .uri("/v2/prod/team/app/manifests/1?ns=a")
            .header("authorization", "Basic YTpi")
            .header("host", "images.example.com")
            .header("accept", "a/b");
        change(builder).body(()).unwrap()
    }

    #[test]
    fn questions_that_could_be_answered_otherwise_have_other_keys() {
        let key = |change: fn(http::request::Builder) -> http::request::Builder| Key::of(&request(change));
        let same = key(|it| it);
        assert!(same.is_some());
        assert!(same == key(|it| it.method("HEAD")), "HEAD is answered as GET is");
        assert!(same == key(|it| it.header("user-agent", "x")));
        for other in [
            key(|it| it.uri("/v2/prod/team/app/manifests/2?ns=a")),
            key(|it| it.uri("/v2/prod/team/app/manifests/1?ns=b")),
            key(|it| it.uri("/v2/prod/team/app/manifests/1")),
            key(|it| it.header("authorization", "Basic YTpi")),
            key(|it| it.header("accept", "c/d")),
            key(|it| it.header("host", "other.example.com")),
            key(|it| it.uri("https://other.example.com/v2/prod/team/app/manifests/1?ns=a")),
        ] {
            assert!(other.is_some() && other != same);
        }
        for none in [key(|it| it.method("PUT")), key(|it| it.header("range", "bytes=0-1"))] {
            assert!(none.is_none());
        }
    }

    #[test]
    fn an_answer_counts_on_its_grounds_alone() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let (one, other) = (
            Arc::new(Snapshot::build([]).unwrap()),
            Arc::new(Snapshot::build([]).unwrap()),
        );
        let grounds = |snapshot: &Arc<Snapshot>, epoch, seconds| Grounds {
            snapshot: Arc::downgrade(snapshot),
            epoch,
            since: at(seconds),
        };
        let ready = Ready::manifest(
            &Digest::of(b"m"),
            &MediaType::OCI_MANIFEST.into(),
            Bytes::from_static(b"m"),
        );
        let (memo, key) = (Memo::new(), Key::of(&request(|it| it)).unwrap());
        let until = at(0) + SignedDuration::from_secs(60);
        memo.keep(key, &ready, grounds(&one, 1, 0), until);
        assert!(memo.recall(&key, &grounds(&one, 1, 59)).is_some());
        for changed in [
            grounds(&other, 1, 59),
            grounds(&one, 2, 59),
            grounds(&one, 1, 60),
            grounds(&one, 1, -1),
        ] {
            assert!(memo.recall(&key, &changed).is_none());
        }
        drop(one);
        let again = Arc::new(Snapshot::build([]).unwrap());
        assert!(
            memo.recall(&key, &grounds(&again, 1, 1)).is_none(),
            "not by an address that is used again"
        );
    }
}

//! What is counted of pulls and of what the upstreams answer.

use std::collections::BTreeMap;

use gateway::{Kind, Outcome, Peer, Reply};

use crate::{
    access,
    aws::{REGISTRY, answer},
    wharf::Wharf,
};

/// How many pulls of a kind came to an outcome since the last look.
struct Counter<'a> {
    wharf: &'a Wharf,
    before: BTreeMap<String, u64>,
}

impl<'a> Counter<'a> {
    fn new(wharf: &'a Wharf) -> Self {
        let before = pulls(wharf);
        Self { wharf, before }
    }

    /// Pulls, and asserts that this was counted once, and nothing else.
    async fn pull(&mut self, path: &str, kind: Kind, outcome: Outcome) {
        let _ = self.wharf.get(path).await.bytes().await;
        self.assert_counted(kind, outcome);
    }

    #[track_caller]
    fn assert_counted(&mut self, kind: Kind, outcome: Outcome) {
        *self.before.get_mut(&format!("{kind} {outcome}")).unwrap() += 1;
        assert_eq!(pulls(self.wharf), self.before, "{kind} {outcome}");
    }
}

fn pulls(wharf: &Wharf) -> BTreeMap<String, u64> {
    let pulls = wharf.tally.pulls();
    pulls
        .map(|(kind, outcome, count)| (format!("{kind} {outcome}"), count))
        .collect()
}

fn replies(wharf: &Wharf, peer: Peer, reply: Reply) -> u64 {
    let mut replies = wharf.tally.replies();
    replies.find(|found| (found.0, found.1) == (peer, reply)).unwrap().2
}

#[tokio::test]
async fn each_pull_is_counted_once_by_what_became_of_it() {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let mut counter = Counter::new(&wharf);
    let tag = "prod/team/app/manifests/1";
    counter.pull(tag, Kind::Manifest, Outcome::Upstream).await;
    counter.pull(tag, Kind::Manifest, Outcome::Memory).await;
    let by_digest = format!("prod/team/app/manifests/{manifest}");
    counter.pull(&by_digest, Kind::Manifest, Outcome::Disk).await;
    counter.pull(&by_digest, Kind::Manifest, Outcome::Memory).await;
    let blob = format!("prod/team/app/blobs/{layer}");
    counter.pull(&blob, Kind::Blob, Outcome::Upstream).await;
    // Remembered as the download was whole already, or now.
    let _ = wharf.get(&blob).await.bytes().await;
    let mut counter = Counter::new(&wharf);
    counter.pull(&blob, Kind::Blob, Outcome::Memory).await;
    let name = format!("{REGISTRY}/team/app/blobs/{layer}");
    counter.pull(&name, Kind::Blob, Outcome::Disk).await;

    counter
        .pull("prod/team/app/tags/list", Kind::List, Outcome::Upstream)
        .await;
    counter
        .pull("prod/team/app/manifests/none", Kind::Manifest, Outcome::Missing)
        .await;
    counter
        .pull("nobody/team/app/manifests/1", Kind::Manifest, Outcome::Missing)
        .await;
    wharf.aws.order("/v2/team/app/tags/list", answer(403, &[], "no"));
    counter
        .pull("prod/team/app/tags/list", Kind::List, Outcome::Refused)
        .await;
    wharf.anonymous("GET", &blob).send().await.unwrap();
    counter.assert_counted(Kind::Blob, Outcome::Refused);
    wharf.aws.registry_answers(Some((503, "")));
    counter
        .pull("prod/team/app/manifests/2", Kind::Manifest, Outcome::Failed)
        .await;
}

#[tokio::test]
async fn what_is_no_pull_is_not_counted_as_one() {
    let wharf = Wharf::build().await;
    let before = pulls(&wharf);
    for (method, path) in [
        ("GET", ""),
        ("GET", "_catalog"),
        ("PUT", "prod/team/app/manifests/1"),
        ("GET", "x"),
    ] {
        wharf.request(method, path).send().await.unwrap();
    }
    assert_eq!(pulls(&wharf), before);
}

#[tokio::test]
async fn a_layer_that_aws_sends_is_counted_as_redirected() {
    let wharf = access::wharf("  delivery: redirect\n").await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let mut counter = Counter::new(&wharf);
    let blob = format!("prod/team/app/blobs/{layer}");
    counter.pull(&blob, Kind::Blob, Outcome::Redirect).await;
}

#[tokio::test]
async fn what_passes_a_broken_disk_is_counted_as_from_upstream() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    wharf.break_disk(true);
    let mut counter = Counter::new(&wharf);
    let blob = format!("prod/team/app/blobs/{layer}");
    for _ in 0..2 {
        counter.pull(&blob, Kind::Blob, Outcome::Upstream).await;
    }
}

#[tokio::test]
async fn each_attempt_at_an_upstream_is_counted_by_the_reply() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let path = "/v2/team/app/manifests/1";
    wharf.aws.order(path, answer(503, &[], ""));
    wharf.aws.order(path, answer(429, &[], ""));
    wharf.get("prod/team/app/manifests/1").await;
    wharf.get("prod/team/app/manifests/none").await;
    let blob = wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
    blob.bytes().await.unwrap();
    // Configuration and layer, which is fetched ahead or by its own pull.
    assert!(replies(&wharf, Peer::Bucket, Reply::Success) >= 1);
    assert!(replies(&wharf, Peer::Registry, Reply::Redirect) >= 1);
    for (reply, count) in [
        (Reply::Success, 1),
        (Reply::NotFound, 1),
        (Reply::Throttled, 1),
        (Reply::ServerError, 1),
        (Reply::Unauthorized, 0),
        (Reply::Nothing, 0),
    ] {
        assert_eq!(replies(&wharf, Peer::Registry, reply), count, "{reply}");
    }
}

#[tokio::test]
async fn a_layer_in_the_clear_is_sent_by_the_kernel_while_it_comes_and_after() {
    const LAYER: &[u8] = &[7; 200_000];
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", LAYER);
    for pull in 1..=2 {
        let blob = wharf.get(&format!("prod/team/app/blobs/{layer}")).await;
        assert!(blob.bytes().await.unwrap() == LAYER);
        assert_eq!(wharf.traffic.sent_by_kernel(), pull * LAYER.len() as u64);
    }
}

//! The server's clock is wrong.

use jiff::SignedDuration;

use crate::harbour::Harbour;

/// A login of an hour is at hand when the server's clock is set wrong by eleven minutes: more than AWS tolerates of
/// tokens and signatures.
async fn pulls_go_on(ahead: i64, named: &str) {
    let harbour = Harbour::keyless().await;
    harbour.pull().await;
    let end = harbour.now() + SignedDuration::from_hours(1);
    harbour.set_ahead(ahead);
    for _ in 0..117 {
        harbour.wait_between_exchanges(30).await;
        harbour.pull().await;
    }
    harbour.wait_between_exchanges(30).await;
    for _ in 0..3 {
        let refusal = harbour.refusal().await;
        assert!(refusal.contains(named), "{refusal}");
    }
    assert_eq!(harbour.logins(), 1);
    assert!(harbour.pulls().iter().all(|call| call.succeeded() && call.at < end));
    let exchanges = harbour.count("sts:AssumeRoleWithWebIdentity");
    assert!(
        (3..=30).contains(&exchanges),
        "{exchanges} exchanges are a storm, or none"
    );

    harbour.set_ahead(0);
    harbour.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_set_back() {
    pulls_go_on(-660, "clock is 11 min 0 s behind AWS's").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_set_forward() {
    pulls_go_on(660, "clock is 11 min 0 s ahead of AWS's").await;
}

/// As far as AWS tolerates it, nothing fails at all, and ends are met all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_little_wrong_from_the_beginning_does_no_harm() {
    for ahead in [-240, 240] {
        let harbour = Harbour::keyless().await;
        harbour.set_ahead(ahead);
        let mut end = None;
        for _ in 0..140 {
            harbour.pull().await;
            let exchange = harbour.calls("sts:AssumeRoleWithWebIdentity").pop().unwrap();
            end = end.max(Some(exchange.at + SignedDuration::from_hours(1)));
            assert!(harbour.pulls().pop().unwrap().at < end.unwrap());
            harbour.wait_between_exchanges(60).await;
        }
        assert!(harbour.logins() >= 3);
        assert!(harbour.pulls().iter().all(sim::Call::succeeded));
    }
}

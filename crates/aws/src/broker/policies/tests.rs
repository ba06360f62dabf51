use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::{Chain, Source};

fn caller(name: &str) -> Arc<Caller> {
    Arc::new(Caller {
        chain: Arc::new(Chain {
            source: Source::Anonymous {},
            hops: Vec::new(),
        }),
        role: None,
        subject: name.to_owned(),
        session_name: "wharfinger".parse().unwrap(),
        tags: Vec::new(),
        source_identity: None,
        session_policy: None,
    })
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

/// Counts the questions; each takes a turn of the executor.
async fn ask(count: &AtomicUsize) -> Option<Reading> {
    count.fetch_add(1, Ordering::Relaxed);
    tokio::task::yield_now().await;
    Some(Reading::NoPolicy)
}

#[tokio::test]
async fn an_answer_is_shared_and_kept_for_half_a_minute() {
    let (policies, count, one) = (Policies::default(), AtomicUsize::new(0), caller("one"));
    let reading = |caller: &Arc<Caller>, name: &str, second| {
        let (caller, name, policies, count) = (caller.clone(), name.to_owned(), &policies, &count);
        async move { policies.reading(&caller, name, time(second), ask(count)).await }
    };
    let answers = join_all((0..50).map(|_| reading(&one, "a", 0))).await;
    assert!(answers.iter().all(|answer| *answer == Some(Reading::NoPolicy)));
    assert_eq!(count.load(Ordering::Relaxed), 1);
    reading(&one, "a", 29).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);
    reading(&one, "a", 30).await;
    reading(&one, "b", 30).await;
    reading(&caller("two"), "a", 30).await;
    assert_eq!(count.load(Ordering::Relaxed), 4);
    // A clock that was set back.
    reading(&one, "a", 0).await;
    assert_eq!(count.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn no_more_is_asked_than_there_is_room_for() {
    let (policies, count, greedy) = (Policies::default(), AtomicUsize::new(0), caller("greedy"));
    for at in 0..1000 {
        policies.reading(&greedy, at.to_string(), time(0), ask(&count)).await;
    }
    assert_eq!(count.load(Ordering::Relaxed), MOST_OF_ONE);
    let modest = policies
        .reading(&caller("modest"), "a".into(), time(0), ask(&count))
        .await;
    assert_eq!(modest, Some(Reading::NoPolicy));
    for at in 0..1000 {
        policies
            .reading(&caller(&format!("caller {at}")), "a".into(), time(1), ask(&count))
            .await;
    }
    assert_eq!(count.load(Ordering::Relaxed), MOST);
    assert_eq!(policies.kept.lock().unwrap().len(), MOST);
}

#[tokio::test]
async fn few_are_asked_at_once_and_the_others_go_without() {
    let (policies, count, one) = (Policies::default(), AtomicUsize::new(0), caller("one"));
    let questions = (0..10).map(|at| policies.reading(&one, at.to_string(), time(0), ask(&count)));
    let answers = join_all(questions).await;
    assert_eq!(answers.iter().flatten().count(), AT_ONCE);
    // Who went without is not remembered as having no answer.
    assert_eq!(
        policies.reading(&one, "9".into(), time(0), ask(&count)).await,
        Some(Reading::NoPolicy)
    );
}

//! How long a decision takes: `cargo bench -p wharfinger-iam`.
//!
//! Aims: a pull across accounts over ten statements with conditions below 5 µs, an organization of 10,000 statements
//! below 5 ms; the cost grows with the statements and no faster.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iam::{Context, Decision, Named, Policy, PolicySet, Principal, Request};

/// Statements none of which but the last matches: every one has to be looked at.
fn statements(count: usize, principal: &str) -> String {
    let statement = |index: usize| {
        let name = if index + 1 == count {
            "app".to_owned()
        } else {
            format!("app{index}")
        };
        format!(
            r#"{{"Sid": "S{index}", "Effect": "Allow", {principal} "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrl*"],
                "Resource": "arn:aws:ecr:*:444455556666:repository/team/{name}",
                "Condition": {{"StringEquals": {{"aws:PrincipalTag/team": "${{aws:PrincipalTag/owner}}"}},
                    "IpAddress": {{"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}},
                    "ArnLike": {{"aws:PrincipalArn": "arn:aws:iam::*:role/pull*"}}}}}}"#
        )
    };
    let all: Vec<String> = (0..count).map(statement).collect();
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, all.join(","))
}

/// A pull across accounts: half of the statements on either side.
fn pull(count: usize) -> (Request, PolicySet) {
    let context = Context::complete()
        .with("aws:PrincipalTag/team", "a")
        .with("aws:PrincipalTag/owner", "a")
        .with("aws:SourceIp", "203.0.113.9")
        .with("aws:CurrentTime", "2026-11-20T00:00:00Z");
    let session = "arn:aws:sts::111122223333:assumed-role/puller/s"
        .parse()
        .expect("an ARN");
    let resource = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";
    let request = Request::new(Principal::Aws(session), "ecr:BatchGetImage", resource, context);
    let named = |principal: &str| Named::new("p", Policy::parse(&statements(count / 2, principal)).expect("a policy"));
    let role = r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/puller"},"#;
    let set = PolicySet {
        identity: vec![named("")],
        resource: Some(named(role)),
        ..PolicySet::default()
    };
    assert_eq!(iam::decide(&request, &set), Decision::Allowed);
    (request, set)
}

fn evaluation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pull across accounts");
    for count in [10, 100, 1000] {
        let (request, set) = pull(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_with_input(BenchmarkId::new("decide", count), &count, |bencher, _| {
            bencher.iter(|| iam::decide(black_box(&request), black_box(&set)));
        });
        group.bench_with_input(BenchmarkId::new("evaluate", count), &count, |bencher, _| {
            bencher.iter(|| iam::evaluate(black_box(&request), black_box(&set)));
        });
    }
    group.finish();
}

/// An organization: ten levels of control policies, 10,000 statements.
fn organization(criterion: &mut Criterion) {
    let (request, mut set) = pull(10);
    let allow = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
    let deny = |index: usize| {
        format!(
            r#"{{"Effect": "Deny", "Action": ["iam:*", "ecr:Put*"], "Resource": "arn:aws:*:*:{index:012}:*",
                "Condition": {{"StringNotEquals": {{"aws:PrincipalTag/team": "t{index}"}}}}}}"#
        )
    };
    for level in 0..10 {
        let level = (0..10).map(|policy| {
            let denies: Vec<String> = (0..99).map(|index| deny(level * 1000 + policy * 100 + index)).collect();
            let text = format!(
                r#"{{"Version": "2012-10-17", "Statement": [{allow},{}]}}"#,
                denies.join(",")
            );
            Named::new("p", Policy::parse(&text).expect("a policy"))
        });
        set.service_control.push(level.collect());
    }
    assert_eq!(iam::decide(&request, &set), Decision::Allowed);
    criterion.bench_function("organization of 10,000 statements", |bencher| {
        bencher.iter(|| iam::decide(black_box(&request), black_box(&set)));
    });
}

fn parsing(criterion: &mut Criterion) {
    let text = statements(10, "");
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("10 statements", |bencher| {
        bencher.iter(|| Policy::parse(black_box(&text)))
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = evaluation, organization, parsing
}
criterion_main!(benches);

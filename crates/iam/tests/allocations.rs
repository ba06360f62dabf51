//! A decision without reasons allocates for the request, never for a statement.

mod support;

use iam::{Named, Policy, PolicySet};
use support::*;

/// Statements with every kind of element, all of which are looked at to the end.
fn allocations(statements: usize) -> u64 {
    let statement = r#"{"Effect": "Allow", "Action": ["s3:*", "ecr:Batch*"], "NotResource": "arn:aws:s3:::${aws:username}/*",
        "Condition": {"StringEqualsIgnoreCase": {"aws:PrincipalTag/team": "A"},
            "NumericLessThan": {"n": "10.5"}, "DateLessThan": {"aws:CurrentTime": "2027-01-01"},
            "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:SecureTransport": "${flag}"},
            "ForAllValues:ArnLike": {"arns": "arn:aws:*:*:*:x/*"}, "BinaryEquals": {"b": "QmluYXJ5"},
            "StringLike": {"last": "no*t"}}}"#;
    let all = vec![statement; statements].join(",");
    let named = Named::new(
        "p",
        Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{all}]}}"#)).expect("a policy"),
    );
    let question = ask(
        session(),
        "ecr:BatchGetImage",
        "arn:aws:ecr:us-east-1:111122223333:repository/app",
    )
    .with("aws:username", "ann")
    .with("aws:PrincipalTag/team", "a")
    .with("n", "7")
    .with("aws:CurrentTime", "2026-11-20T00:00:00Z")
    .with("aws:SourceIp", "203.0.113.9")
    .with("aws:SecureTransport", "true")
    .with("flag", "true")
    .with("arns", "arn:aws:a:b:c:x/y")
    .with("b", "QmluYXJ5")
    .with("last", "nobody");
    let set = PolicySet {
        identity: vec![named],
        ..PolicySet::default()
    };
    let tree = iam::evaluate(&question.request, &set);
    let conditions = &tree.layers()[0].policies[0].statements[0].conditions;
    let failed: Vec<&str> = conditions
        .iter()
        .filter(|c| c.truth != iam::Truth::Matched)
        .map(|c| c.key.as_str())
        .collect();
    assert_eq!(failed, ["last"], "every other condition is looked at and holds");
    allocation_counter::measure(|| {
        iam::decide(&question.request, &set);
    })
    .count_total
}

#[test]
fn none_for_a_statement() {
    let one = allocations(1);
    assert!(one > 0, "the request is prepared once");
    assert_eq!(one, allocations(100));
}

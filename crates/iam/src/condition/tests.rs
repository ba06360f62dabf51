use super::*;
use crate::Context;
use crate::truth::Truth::{Matched, NotKnown, NotMatched};

fn holds(operator: &str, key: &str, wanted: &[&str], context: &Context) -> Truth {
    let at = Position { line: 1, column: 1 };
    let wanted = wanted.iter().map(ToString::to_string).collect();
    Condition::new(at, operator.parse().unwrap(), key, wanted, true).matches(context)
}

/// One key `k` with these values.
fn with(values: &[&str]) -> Context {
    Context::complete().with_all("k", values.iter().copied())
}

#[track_caller]
fn check(operator: &str, wanted: &[&str], found: &[&str], expected: bool) {
    assert_eq!(
        holds(operator, "k", wanted, &with(found)),
        expected.into(),
        "{operator} {wanted:?} {found:?}"
    );
}

/// "IAM JSON policy elements: Condition operators", each with a value that satisfies it and one that does not.
#[test]
fn every_operator() {
    for (operator, wanted, satisfying, other) in [
        ("StringEquals", "Ann", "Ann", "ann"),
        ("StringNotEquals", "Ann", "ann", "Ann"),
        ("StringEqualsIgnoreCase", "Ann", "aNN", "anna"),
        ("StringNotEqualsIgnoreCase", "Ann", "anna", "aNN"),
        ("StringLike", "home/*/?", "home/ann/x", "home/ann/xy"),
        ("StringNotLike", "home/*", "etc", "home/ann"),
        ("NumericEquals", "10", "10.0", "11"),
        ("NumericNotEquals", "10", "11", "10"),
        ("NumericLessThan", "10", "9.99", "10"),
        ("NumericLessThanEquals", "10", "10", "10.01"),
        ("NumericGreaterThan", "10", "10.01", "10"),
        ("NumericGreaterThanEquals", "10", "10", "9.99"),
        ("DateEquals", "2020-01-01", "2020-01-01T00:00:00Z", "2020-01-02"),
        ("DateNotEquals", "2020-01-01", "2020-01-02", "2020-01-01T01:00:00+01:00"),
        (
            "DateLessThan",
            "2020-01-01T00:00:00Z",
            "2019-12-31T23:59:59Z",
            "2020-01-01T00:00:00Z",
        ),
        ("DateLessThanEquals", "2020-01-01T00:00:00Z", "1577836800", "1577836801"),
        ("DateGreaterThan", "2020-01-01T00:00:00Z", "1577836801", "1577836800"),
        (
            "DateGreaterThanEquals",
            "2020-01-01T00:00:00Z",
            "1577836800",
            "1577836799",
        ),
        ("Bool", "true", "TRUE", "false"),
        (
            "BinaryEquals",
            "QmluYXJ5VmFsdWVJbkJhc2U2NA==",
            "QmluYXJ5VmFsdWVJbkJhc2U2NA",
            "QmluYXJ5",
        ),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", "203.0.114.9"),
        ("NotIpAddress", "203.0.113.0/24", "2001:db8::1", "203.0.113.9"),
        (
            "ArnEquals",
            "arn:aws:iam::*:role/a",
            "arn:aws:iam::1:role/a",
            "arn:aws:iam::1:role/b",
        ),
        (
            "ArnLike",
            "arn:aws:iam::*:role/a*",
            "arn:aws:iam::1:role/ab",
            "arn:aws:iam::1:user/a",
        ),
        (
            "ArnNotEquals",
            "arn:aws:iam::*:role/a",
            "arn:aws:iam::1:role/b",
            "arn:aws:iam::1:role/a",
        ),
        (
            "ArnNotLike",
            "arn:aws:iam::*:role/*",
            "arn:aws:iam::1:user/a",
            "arn:aws:iam::1:role/a",
        ),
        ("Null", "false", "anything", ""),
    ] {
        check(operator, &[wanted], &[satisfying], true);
        if operator != "Null" {
            check(operator, &[wanted], &[other], false);
        }
    }
}

/// The example of the section on ARN operators: a string operator matches what an ARN operator does not.
#[test]
fn arn_operators_compare_part_by_part() {
    let wanted = ["arn:aws:someservice:*:111122223333:finance/*"];
    let found = ["arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"];
    check("StringLike", &wanted, &found, true);
    check("ArnLike", &wanted, &found, false);
    check("ArnNotLike", &wanted, &found, true);
}

/// The examples of the section on IP addresses.
#[test]
fn both_families_of_addresses() {
    let wanted = ["203.0.113.0/24", "2001:DB8:1234:5678::/64"];
    check("IpAddress", &wanted, &["203.0.113.255"], true);
    check("IpAddress", &wanted, &["2001:DB8:1234:5678::9"], true);
    check("IpAddress", &wanted, &["2001:DB8:1234:5679::9"], false);
    check("NotIpAddress", &wanted, &["198.51.100.1"], true);
}

/// Several values of the policy: OR, and NOR where the operator is negated ("Conditions with multiple context keys or
/// values").
#[test]
fn several_wanted_values() {
    check("StringEquals", &["a", "b"], &["b"], true);
    check("StringEquals", &["a", "b"], &["c"], false);
    check("StringNotEquals", &["a", "b"], &["c"], true);
    check("StringNotEquals", &["a", "b"], &["b"], false);
    check("StringEquals", &[], &["a"], false);
    check("StringNotEquals", &[], &["a"], true);
    check("NumericLessThan", &["1", "5"], &["3"], true);
}

/// The example of attributes of a table: "Multivalued context keys".
#[test]
fn set_operators() {
    let wanted = ["PostDateTime", "Message", "Tags"];
    check("ForAllValues:StringLike", &wanted, &["PostDateTime", "Message"], true);
    check("ForAllValues:StringLike", &wanted, &["PostDateTime", "UserName"], false);
    check("ForAnyValue:StringLike", &wanted, &["PostDateTime", "UserName"], true);
    check("ForAnyValue:StringLike", &wanted, &["ID", "UserName"], false);
    check("ForAllValues:StringNotEquals", &["a", "b"], &["c", "d"], true);
    check("ForAllValues:StringNotEquals", &["a", "b"], &["c", "a"], false);
    check("ForAnyValue:StringNotEquals", &["a", "b"], &["c", "a"], true);
    check("ForAnyValue:StringNotEquals", &["a", "b"], &["b", "a"], false);
}

#[test]
fn several_found_values_without_a_set_operator() {
    check("StringEquals", &["a"], &["a", "b"], true);
    check("StringNotEquals", &["a"], &["a", "b"], false);
    check("StringNotEquals", &["a"], &["b", "c"], true);
}

/// What each form makes of a key that the request does not have; the first column of the operators' page, the sections
/// on IfExists and Null, and of the page on multivalued keys.
#[test]
fn missing_keys() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringLike", false),
        ("NumericLessThan", false),
        ("Bool", false),
        ("IpAddress", false),
        ("ArnLike", false),
        ("StringNotEquals", true),
        ("StringNotLike", true),
        ("NumericNotEquals", true),
        ("DateNotEquals", true),
        ("NotIpAddress", true),
        ("ArnNotLike", true),
        ("StringEqualsIfExists", true),
        ("StringNotEqualsIfExists", true),
        ("BoolIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAllValues:StringNotEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringEqualsIfExists", true),
    ] {
        assert_eq!(
            holds(operator, "k", &["x"], &Context::complete()),
            expected.into(),
            "{operator}"
        );
    }
}

#[test]
fn empty_values_are_a_null_data_set_to_set_operators_only() {
    check("ForAllValues:StringEquals", &["x"], &[""], true);
    check("ForAnyValue:StringEquals", &["x"], &[""], false);
    check("ForAllValues:StringEquals", &["x"], &["", "y"], false);
    check("StringEquals", &[""], &[""], true);
    check("StringNotEquals", &["x"], &[""], true);
}

#[test]
fn if_exists_compares_what_exists() {
    check("StringEqualsIfExists", &["x"], &["y"], false);
    check("StringEqualsIfExists", &["x"], &["x"], true);
}

#[test]
fn null_asks_whether_the_key_is_there() {
    check("Null", &["true"], &["x"], false);
    assert_eq!(holds("Null", "k", &["true"], &Context::complete()), Matched);
    assert_eq!(holds("Null", "k", &["false"], &Context::complete()), NotMatched);
    assert_eq!(
        holds("Null", "k", &["true"], &Context::complete().without("k")),
        Matched
    );
    assert_eq!(holds("Null", "k", &["maybe"], &Context::complete()), NotMatched);
}

#[test]
fn what_is_not_of_the_type_never_matches() {
    for (operator, wanted, found) in [
        ("NumericEquals", "10", "ten"),
        ("NumericEquals", "ten", "ten"),
        ("DateLessThan", "2020-01-01", "yesterday"),
        ("DateLessThan", "tomorrow", "2020-01-01"),
        ("Bool", "true", "yes"),
        ("Bool", "yes", "yes"),
        ("IpAddress", "0.0.0.0/0", "localhost"),
        ("IpAddress", "*", "1.2.3.4"),
        ("ArnLike", "*", "no arn"),
        ("BinaryEquals", "*", "*"),
    ] {
        check(operator, &[wanted], &[found], false);
    }
    check("NumericNotEquals", &["10"], &["ten"], true);
}

#[test]
fn keys_have_no_case() {
    let context = Context::complete().with("aws:CurrentTime", "x");
    assert_eq!(holds("StringEquals", "AWS:currenttime", &["x"], &context), Matched);
}

/// "Policy variables with no value": no value is equal to it or like it, so the opposite operators match.
#[test]
fn variables_without_a_value() {
    let context = Context::complete().with("aws:PrincipalTag/Team", "yellow");
    let key = "aws:PrincipalTag/Team";
    assert_eq!(
        holds("StringLike", key, &["${aws:ResourceTag/Team}"], &context),
        NotMatched
    );
    assert_eq!(
        holds("StringNotLike", key, &["${aws:ResourceTag/Team}"], &context),
        Matched
    );
    assert_eq!(
        holds("StringEquals", key, &["${aws:ResourceTag/Team, 'yellow'}"], &context),
        Matched
    );
    let tagged = context.with("aws:ResourceTag/Team", "yellow");
    assert_eq!(
        holds("StringEquals", key, &["${aws:ResourceTag/Team}"], &tagged),
        Matched
    );
    assert_eq!(
        holds("StringNotEquals", key, &["${aws:ResourceTag/Team}"], &tagged),
        NotMatched
    );
}

#[test]
fn where_variables_are_read() {
    let context = Context::complete()
        .with("k", "true")
        .with("v", "TRUE")
        .with("n", "${v}");
    assert_eq!(holds("Bool", "k", &["${v}"], &context), Matched);
    assert_eq!(holds("StringEqualsIgnoreCase", "k", &["${v}"], &context), Matched);
    assert_eq!(
        holds(
            "ArnEquals",
            "a",
            &["arn:aws:iam::1:user/${v}"],
            &context.clone().with("a", "arn:aws:iam::1:user/TRUE")
        ),
        Matched
    );
    assert_eq!(holds("NumericEquals", "n", &["${v}"], &context), NotMatched);
    assert_eq!(holds("Null", "k", &["${v}"], &context), NotMatched);
}

/// In a partial context a key that nothing is said of leaves every operator open.
#[test]
fn unknown_keys() {
    for operator in [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIfExists",
        "ForAllValues:StringLike",
        "Null",
        "Bool",
    ] {
        assert_eq!(
            holds(operator, "k", &["true"], &Context::partial()),
            NotKnown,
            "{operator}"
        );
    }
    let known = Context::partial().with("k", "a");
    assert_eq!(holds("StringEquals", "k", &["${other}", "b"], &known), NotKnown);
    assert_eq!(holds("StringEquals", "k", &["${other}", "a"], &known), Matched);
    assert_eq!(holds("StringNotEquals", "k", &["${other}", "a"], &known), NotMatched);
    assert_eq!(
        holds("StringEquals", "k", &["x"], &Context::partial().without("k")),
        NotMatched
    );
}

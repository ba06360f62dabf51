use super::*;
use crate::explain::shown::{answered, shown, table};

#[test]
fn each_row_of_the_table() {
    let host = "public.ecr.aws".parse().unwrap();
    let rows = [
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::444455556666:assumed-role/pull/s is not authorized to perform: sts:GetServiceBearerToken on resource: * because no identity-based policy allows the sts:GetServiceBearerToken action",
        ),
        (400, "UnrecognizedClientException", "m"),
        (429, "TooManyRequestsException", "Rate exceeded"),
        (500, "ServerException", "m"),
    ];
    let principal = "arn:aws:sts::444455556666:assumed-role/pull/s";
    insta::assert_snapshot!("public", table(rows, |failure| refused(principal, &host, failure)));
    let nobody = refused(
        NOBODY,
        &host,
        &answered(429, "TooManyRequestsException", "Rate exceeded"),
    );
    insta::assert_snapshot!("public_nobody_throttled", shown(&nobody));
}

#[test]
fn the_policy_is_one_and_the_same_in_both_forms() {
    let parse = |text| iam::Policy::parse(text).unwrap();
    assert_eq!(parse(COMPACT), parse(POLICY));
    parse(POLICY).check(iam::Kind::Identity).unwrap();
}

use super::*;
use crate::{Kind, explain::shown::table};

const SENTENCE: &str = "User: arn:aws:sts::444455556666:assumed-role/pull/s is not authorized to perform: ecr:GetAuthorizationToken on resource: *";

#[test]
fn each_row_of_the_table() {
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
    let rows = [
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::444455556666:assumed-role/pull/s is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
        ),
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::444455556666:assumed-role/pull/s is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no permissions boundary allows the ecr:GetAuthorizationToken action",
        ),
        (403, "InvalidSignatureException", "m"),
        (400, "ExpiredTokenException", "m"),
        (400, "UnrecognizedClientException", "m"),
        (400, "ThrottlingException", "Rate exceeded"),
        (500, "ServerException", "m"),
    ];
    let role = "arn:aws:iam::444455556666:role/teams/pull".parse().unwrap();
    let session = "arn:aws:sts::444455556666:assumed-role/pull/s";
    let explain = |failure: &Failure| authorization_token(session, Some(&role), &host, failure);
    insta::assert_snapshot!("authorization_token", table(rows, explain));
    let silent = explain(&Failure::Silent("connection refused".into()));
    assert_eq!(silent.kind, Kind::Unavailable);
    assert!(silent.said.contains("connection refused"));
}

#[test]
fn the_owner_of_a_key_is_read_from_the_sentence() {
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
    let user = SENTENCE.replace(
        "arn:aws:sts::444455556666:assumed-role/pull/s",
        "arn:aws:iam::444455556666:user/ci",
    );
    let failure = crate::explain::shown::answered(400, "AccessDeniedException", &user);
    let error = authorization_token("the access key AKIA", None, &host, &failure);
    assert!(error.causes[0].fix.contains("put-user-policy --user-name ci"));
}

//! "Cross-account policy evaluation logic" of the IAM user guide, and the sentences of ECR.

mod support;

use iam::Denial::{Explicit, NoAllow};
use iam::Kind::{Boundary, Identity, Resource, Session};
use iam::Named;
use support::*;

/// The example of the page: Carlos of account 111111111111 and a bucket of account 222222222222.
fn carlos(action: &str, resource: &str) -> Question {
    let identity = policy(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Sid": "AllowS3ListRead", "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
            {"Sid": "AllowS3ProductionObjectActions", "Effect": "Allow", "Action": "s3:*Object*",
             "Resource": "arn:aws:s3:::Production/*"},
            {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*",
             "Resource": ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"]}]}"#,
    );
    let carlos = aws("arn:aws:iam::111111111111:user/carlossalazar");
    ask(carlos, action, resource)
        .owner("222222222222")
        .identity(Named::new("Carlos", identity))
}

fn production() -> Named {
    allow(
        r#""Action": ["s3:GetObject*", "s3:PutObject*", "s3:ReplicateObject", "s3:RestoreObject"],
           "Principal": {"AWS": "arn:aws:iam::111111111111:user/carlossalazar"},
           "Resource": "arn:aws:s3:::Production/*""#,
    )
}

#[test]
fn the_example_of_carlos() {
    carlos("s3:PutObject", "arn:aws:s3:::Production-logs/x").denied(Explicit(Identity));
    carlos("s3:PutObject", "arn:aws:s3:::Production/x")
        .resource(production())
        .allowed();
    carlos("s3:DeleteObject", "arn:aws:s3:::Production/x")
        .resource(production())
        .denied(NoAllow(Resource));
    carlos("s3:GetBucketPolicy", "arn:aws:s3:::Production")
        .resource(production())
        .denied(NoAllow(Resource));
}

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";
const PULL: &str = r#""Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]"#;

fn pull() -> Question {
    ask(session(), "ecr:BatchGetImage", REPOSITORY)
}

fn shared_with(principal: &str) -> Named {
    allow(&format!(r#""Principal": {principal}, {PULL}"#))
}

fn permitted() -> Named {
    allow(&format!(r#"{PULL}, "Resource": "{REPOSITORY}""#))
}

#[test]
fn both_sides_are_needed_whomever_the_resource_names() {
    for principal in [
        r#"{"AWS": "111122223333"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:root"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:role/puller"}"#,
        r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/puller/s1"}"#,
        r#""*""#,
    ] {
        pull().resource(shared_with(principal)).identity(permitted()).allowed();
        pull().resource(shared_with(principal)).denied(NoAllow(Identity));
        let narrow = || allow(r#""Action": "s3:*", "Resource": "*""#);
        pull()
            .resource(shared_with(principal))
            .identity(permitted())
            .boundary(narrow())
            .denied(NoAllow(Boundary));
        pull()
            .resource(shared_with(principal))
            .identity(permitted())
            .session(narrow())
            .denied(NoAllow(Session));
        pull()
            .resource(shared_with(principal))
            .identity(permitted())
            .identity(deny(ALL))
            .denied(Explicit(Identity));
    }
    pull().identity(permitted()).denied(NoAllow(Resource));
    pull()
        .identity(permitted())
        .resource(shared_with(r#"{"AWS": "777788889999"}"#))
        .denied(NoAllow(Resource));
}

#[test]
fn where_both_sides_lack_both_are_named() {
    let question = pull().denied(NoAllow(Resource));
    let evaluation = question.evaluate();
    assert_eq!(evaluation.lacking(), [Resource, Identity]);
}

#[test]
fn the_sentences_of_ecr() {
    let who = "User: arn:aws:sts::111122223333:assumed-role/puller/s1 is not authorized to perform: ecr:BatchGetImage";
    let what = format!("{who} on resource: {REPOSITORY}");
    pull().identity(permitted()).says(&format!(
        "{what} because no resource-based policy allows the ecr:BatchGetImage action"
    ));
    pull().resource(shared_with(r#""*""#)).says(&format!(
        "{what} because no identity-based policy allows the ecr:BatchGetImage action"
    ));
    pull()
        .identity(permitted())
        .resource(deny(&format!(r#""Principal": "*", {PULL}"#)))
        .says(&format!("{what} with an explicit deny in a resource-based policy"));
    pull()
        .identity(deny(ALL))
        .says(&format!("{what} with an explicit deny in an identity-based policy"));

    let own = "arn:aws:ecr:us-east-1:111122223333:repository/app";
    ask(session(), "ecr:BatchGetImage", own).says(&format!(
        "{who} on resource: {own} because no identity-based policy allows the ecr:BatchGetImage action"
    ));
}

#[test]
fn the_question_on_re_post() {
    // A repository policy that would grant the login to the other account: it cannot.
    let login = || ask(session(), "ecr:GetAuthorizationToken", "*");
    login()
        .resource(allow(r#""Principal": {"AWS": "111122223333"}, "Action": "ecr:*""#))
        .denied(NoAllow(Identity));
    // The solution: the login in the own account, the pull on both sides.
    login()
        .identity(allow(r#""Action": "ecr:GetAuthorizationToken", "Resource": "*""#))
        .allowed();
}

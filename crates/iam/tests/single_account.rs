//! "Policy evaluation for requests within a single account" and "How AWS enforcement code logic evaluates requests to
//! allow or deny access" of the IAM user guide.

mod support;

use iam::Denial::{Explicit, NoAllow};
use iam::Kind::{Boundary, Identity, Resource, Session};
use iam::{Context, Principal};
use support::*;

const BUCKET: &str = "arn:aws:s3:::carlossalazar";

/// The example of the page: a user with three statements, and a bucket policy that names him.
fn carlos(action: &str, resource: &str) -> Question {
    let identity = policy(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Sid": "AllowS3ListRead", "Effect": "Allow",
             "Action": ["s3:GetBucketLocation", "s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets"],
             "Resource": "arn:aws:s3:::*"},
            {"Sid": "AllowS3Self", "Effect": "Allow", "Action": "s3:*",
             "Resource": ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]},
            {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"}]}"#,
    );
    ask(aws("arn:aws:iam::123456789012:user/carlossalazar"), action, resource)
        .identity(iam::Named::new("Carlos", identity))
}

fn bucket_policy() -> iam::Named {
    allow(
        r#""Principal": {"AWS": "arn:aws:iam::123456789012:user/carlossalazar"}, "Action": "s3:*",
           "Resource": ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]"#,
    )
}

#[test]
fn the_example_of_carlos() {
    carlos("s3:PutObject", "arn:aws:s3:::carlossalazar-logs/x").denied(Explicit(Identity));
    carlos("s3:PutObject", "arn:aws:s3:::carlossalazar/x")
        .resource(bucket_policy())
        .allowed();
    carlos("s3:PutObject", "arn:aws:s3:::carlossalazar/x").allowed();
    carlos("s3:ListAllMyBuckets", "arn:aws:s3:::anything").allowed();
    carlos("s3:ListBucket", "arn:aws:s3:::anything").denied(NoAllow(Identity));
}

#[test]
fn one_of_both_sides_suffices() {
    let only_resource = ask(
        aws("arn:aws:iam::123456789012:user/carlossalazar"),
        "s3:GetObject",
        BUCKET,
    );
    only_resource.resource(bucket_policy()).allowed();
    let neither = ask(
        aws("arn:aws:iam::123456789012:user/carlossalazar"),
        "s3:GetObject",
        BUCKET,
    );
    neither.denied(NoAllow(Identity));
}

/// Nothing allows but the resource's policy, and by its allow only; boundary and session allow nothing of it.
fn granted_by_resource(principal: Principal, grantee: &str) -> Question {
    ask(
        principal,
        "ecr:BatchGetImage",
        "arn:aws:ecr:us-east-1:111122223333:repository/app",
    )
    .resource(allow(&format!(
        r#""Principal": {grantee}, "Action": "ecr:BatchGetImage""#
    )))
}

/// "Resource-based policies and implicit denies in other policy types (same account)": the table of the page.
#[test]
fn whom_a_resource_policy_grants_to_decides_what_may_still_limit() {
    let narrow = || allow(r#""Action": "s3:*", "Resource": "*""#);
    let role = r#"{"AWS": "arn:aws:iam::111122223333:role/puller"}"#;
    let of_session = r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/puller/s1"}"#;
    let of_user = r#"{"AWS": "arn:aws:iam::111122223333:user/ann"}"#;
    let federated = r#"{"AWS": "arn:aws:sts::111122223333:federated-user/ann"}"#;
    let federated_user = || aws("arn:aws:sts::111122223333:federated-user/ann");

    // A role's ARN: the identity's implicit deny does not matter, boundary and session policy do.
    granted_by_resource(session(), role).allowed();
    granted_by_resource(session(), role)
        .boundary(narrow())
        .denied(NoAllow(Boundary));
    granted_by_resource(session(), role)
        .session(narrow())
        .denied(NoAllow(Session));
    granted_by_resource(session(), role)
        .boundary(allow(ALL))
        .session(allow(ALL))
        .allowed();
    // A session's ARN, a user's, a federated user's: nothing implicit matters.
    granted_by_resource(session(), of_session)
        .boundary(narrow())
        .session(narrow())
        .allowed();
    granted_by_resource(user(), of_user).boundary(narrow()).allowed();
    granted_by_resource(federated_user(), federated)
        .session(narrow())
        .allowed();
    // Everyone, narrowed by aws:PrincipalArn: the same.
    let everyone_as_role = allow(
        r#""Principal": "*", "Action": "ecr:BatchGetImage",
           "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/puller"}}"#,
    );
    granted_by_resource(session(), role)
        .resource(everyone_as_role)
        .boundary(narrow())
        .session(narrow())
        .allowed();
}

#[test]
fn an_explicit_deny_anywhere_wins_over_a_direct_grant() {
    let granted = || {
        granted_by_resource(
            session(),
            r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/puller/s1"}"#,
        )
    };
    granted().identity(deny(ALL)).denied(Explicit(Identity));
    granted().boundary(deny(ALL)).denied(Explicit(Boundary));
    granted().session(deny(ALL)).denied(Explicit(Session));
}

#[test]
fn the_account_as_principal_leaves_it_to_the_account() {
    for account in [
        r#"{"AWS": "111122223333"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:root"}"#,
    ] {
        granted_by_resource(user(), account).denied(NoAllow(Identity));
        granted_by_resource(user(), account).identity(allow(ALL)).allowed();
        granted_by_resource(aws("arn:aws:iam::111122223333:root"), account).allowed();
    }
}

#[test]
fn a_deny_for_the_account_is_one_for_everybody_in_it() {
    let question = |principal| {
        ask(
            principal,
            "ecr:BatchGetImage",
            "arn:aws:ecr:us-east-1:111122223333:repository/app",
        )
        .identity(allow(ALL))
        .resource(deny(r#""Principal": {"AWS": "111122223333"}, "Action": "*""#))
    };
    for principal in [user(), session(), aws("arn:aws:iam::111122223333:root")] {
        question(principal).denied(Explicit(Resource));
    }
}

#[test]
fn the_root_user_has_full_access() {
    let root = aws("arn:aws:iam::111122223333:root");
    ask(
        root.clone(),
        "ecr:CreateRepository",
        "arn:aws:ecr:us-east-1:111122223333:repository/app",
    )
    .allowed();
    ask(
        root,
        "ecr:CreateRepository",
        "arn:aws:ecr:us-east-1:444455556666:repository/app",
    )
    .denied(NoAllow(Resource));
}

#[test]
fn a_federated_user_needs_a_session_policy() {
    let federated = || {
        ask(
            aws("arn:aws:sts::111122223333:federated-user/ann"),
            "s3:GetObject",
            "arn:aws:s3:::b/k",
        )
    };
    federated().identity(allow(ALL)).denied(NoAllow(Session));
    federated().identity(allow(ALL)).session(allow(ALL)).allowed();
}

#[test]
fn services_and_the_anonymous_need_the_resource_policy_alone() {
    let service = || {
        ask(
            Principal::Service("sns.amazonaws.com".into()),
            "sqs:SendMessage",
            "arn:aws:sqs:r:111122223333:q",
        )
    };
    service().denied(NoAllow(Resource));
    service()
        .resource(allow(
            r#""Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*""#,
        ))
        .allowed();
    service()
        .resource(allow(
            r#""Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sqs:*""#,
        ))
        .denied(NoAllow(Resource));
    // Control policies do not reach services, and identity policies are nobody's.
    service().identity(allow(ALL)).denied(NoAllow(Resource));

    let anonymous = || ask(Principal::Anonymous, "s3:GetObject", "arn:aws:s3:::b/k").owner(OWN);
    for everyone in [r#""*""#, r#"{"AWS": "*"}"#] {
        anonymous()
            .resource(allow(&format!(r#""Principal": {everyone}, "Action": "s3:GetObject""#)))
            .allowed();
    }
    anonymous()
        .resource(allow(
            r#""Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject""#,
        ))
        .denied(NoAllow(Resource));
}

#[test]
fn a_token_for_ecr_is_granted_by_identity_policies_only() {
    let login = |principal| ask(principal, "ecr:GetAuthorizationToken", "*");
    let repository = || allow(r#""Principal": "*", "Action": "ecr:*""#);
    login(user()).resource(repository()).denied(NoAllow(Identity));
    login(user())
        .identity(allow(r#""Action": "ecr:GetAuthorizationToken", "Resource": "*""#))
        .allowed();
    // Narrowed to repositories it is not allowed: it is done to none.
    let narrowed = || allow(r#""Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/*""#);
    login(user()).identity(narrowed()).denied(NoAllow(Identity));
    // Whatever repository the request speaks of, the login is not done to it.
    let of_repository = ask(
        user(),
        "ecr:getAuthorizationToken",
        "arn:aws:ecr:us-east-1:444455556666:repository/app",
    );
    of_repository.identity(narrowed()).denied(NoAllow(Identity)).says(
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ecr:getAuthorizationToken on resource: * \
         because no identity-based policy allows the ecr:getAuthorizationToken action",
    );
    login(Principal::Anonymous)
        .resource(repository())
        .denied(NoAllow(Identity));
}

#[test]
fn a_key_of_kms_has_to_let_the_account_in() {
    let decrypt = || ask(user(), "kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/k").identity(allow(ALL));
    decrypt().denied(NoAllow(Resource));
    decrypt()
        .resource(allow(
            r#""Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*""#,
        ))
        .allowed();
    ask(user(), "kms:ListKeys", "*").identity(allow(ALL)).allowed();
}

#[test]
fn who_one_is_needs_no_permission() {
    ask(user(), "sts:GetCallerIdentity", "*").identity(deny(ALL)).allowed();
}

#[test]
fn keys_that_follow_from_the_request() {
    let with = |principal: Principal, condition: &str| {
        ask(
            principal,
            "ecr:BatchGetImage",
            "arn:aws:ecr:us-east-1:111122223333:repository/app",
        )
        .identity(allow(&format!(
            r#"{ALL}, "Condition": {{"StringEquals": {condition}}}"#
        )))
    };
    with(
        user(),
        r#"{"aws:username": "ann", "aws:PrincipalType": "User", "aws:PrincipalAccount": "111122223333"}"#,
    )
    .allowed();
    with(user(), r#"{"aws:PrincipalArn": "arn:aws:iam::111122223333:user/ann"}"#).allowed();
    with(
        user(),
        r#"{"aws:ResourceAccount": "111122223333", "aws:PrincipalIsAWSService": "false"}"#,
    )
    .allowed();
    with(
        session(),
        r#"{"aws:PrincipalArn": "arn:aws:iam::111122223333:role/puller"}"#,
    )
    .allowed();
    with(session(), r#"{"aws:PrincipalType": "AssumedRole"}"#).allowed();
    with(session(), r#"{"aws:username": "puller"}"#).denied(NoAllow(Identity));
    // What the request says itself goes first.
    let deep = "arn:aws:iam::111122223333:role/team/puller";
    with(session(), &format!(r#"{{"aws:PrincipalArn": "{deep}"}}"#))
        .with("aws:PrincipalArn", deep)
        .allowed();
    with(user(), r#"{"aws:username": "ann"}"#)
        .context(Context::complete().without("aws:username"))
        .denied(NoAllow(Identity));
}

#[test]
fn a_role_s_path_counts_where_it_is_known() {
    let deep = r#"{"AWS": "arn:aws:iam::111122223333:role/team/puller"}"#;
    granted_by_resource(session(), deep).allowed();
    let known = |arn| granted_by_resource(session(), deep).with("aws:PrincipalArn", arn);
    known("arn:aws:iam::111122223333:role/team/puller").allowed();
    known("arn:aws:iam::111122223333:role/puller").denied(NoAllow(Identity));
    // The ARN of some other role tells nothing about this one.
    known("arn:aws:iam::111122223333:role/x/other").allowed();
    known("arn:aws:iam::444455556666:role/x/puller").allowed();
    granted_by_resource(session(), r#"{"AWS": "arn:aws:iam::111122223333:role/other"}"#).denied(NoAllow(Identity));
    granted_by_resource(session(), r#"{"AWS": "arn:aws:iam::444455556666:role/puller"}"#).denied(NoAllow(Identity));
}

#[test]
fn no_part_of_a_principal_is_a_wildcard() {
    for nobody in [
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::*:user/ann",
        "ann",
        "AIDACKCEVSQ6C2EXAMPLE",
        "1234",
    ] {
        granted_by_resource(user(), &format!(r#"{{"AWS": "{nobody}"}}"#)).denied(NoAllow(Identity));
    }
    let several = r#"{"Service": "ecs.amazonaws.com", "AWS": ["444455556666", "arn:aws:iam::111122223333:user/ann"]}"#;
    granted_by_resource(user(), several).allowed();
}

#[test]
fn elements_that_a_kind_of_policy_does_not_have_mean_nothing() {
    let question = || {
        ask(
            user(),
            "ecr:BatchGetImage",
            "arn:aws:ecr:us-east-1:111122223333:repository/app",
        )
    };
    question()
        .identity(allow(r#""Principal": "*", "Action": "*", "Resource": "*""#))
        .denied(NoAllow(Identity));
    question().identity(allow(r#""Action": "*""#)).denied(NoAllow(Identity));
    question().resource(allow(r#""Action": "*""#)).denied(NoAllow(Identity));
    // A repository's policy may leave out the resource, and may name it.
    question()
        .resource(allow(
            r#""Principal": "*", "Action": "*", "Resource": "arn:aws:ecr:*:*:repository/app""#,
        ))
        .allowed();
    question()
        .resource(allow(
            r#""Principal": "*", "Action": "*", "Resource": "arn:aws:ecr:*:*:repository/b""#,
        ))
        .denied(NoAllow(Identity));
}

#[test]
fn actions_have_no_case_and_resources_have() {
    let question = |action, pattern: &str| {
        ask(user(), action, "arn:aws:ecr:us-east-1:111122223333:repository/App").identity(allow(pattern))
    };
    question("ECR:batchGetImage", r#""Action": "ecr:BatchGet*", "Resource": "*""#).allowed();
    question("ecr:BatchGetImage", r#""Action": "ECR:batchgetimag?", "Resource": "*""#).allowed();
    question("ecr:BatchGetImage", r#""Action": "ecr:Batch", "Resource": "*""#).denied(NoAllow(Identity));
    question(
        "ecr:BatchGetImage",
        r#""Action": "*", "Resource": "arn:aws:ecr:*:*:repository/app""#,
    )
    .denied(NoAllow(Identity));
}

#[test]
fn the_opposite_elements() {
    let question = |action, resource: &str| {
        ask(user(), action, resource)
            .identity(allow(ALL))
            .identity(deny(r#""NotAction": ["ecr:Get*", "ecr:BatchGet*"], "Resource": "*""#))
            .identity(deny(
                r#""Action": "*", "NotResource": ["arn:aws:ecr:*:*:repository/a*", "*login*"]"#,
            ))
    };
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/app";
    question("ecr:BatchGetImage", repository).allowed();
    question("ecr:PutImage", repository).denied(Explicit(Identity));
    question("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:111122223333:repository/b").denied(Explicit(Identity));
}

#[test]
fn a_repository_is_not_what_lies_below_it() {
    let question = |name: &str| {
        ask(
            user(),
            "ecr:BatchGetImage",
            &format!("arn:aws:ecr:us-east-1:111122223333:repository/{name}"),
        )
        .identity(allow(
            r#""Action": "*", "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/image1/*""#,
        ))
    };
    question("image1/x").allowed();
    question("image1").denied(NoAllow(Identity));
}

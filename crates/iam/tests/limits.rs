//! Permissions boundaries, session policies and the policies of organizations: "Permissions boundaries for IAM
//! entities", "Session policies", "Policy evaluation logic" of the IAM user guide; "SCP evaluation", "RCP evaluation" of
//! the AWS Organizations user guide.

mod support;

use iam::Denial::{Explicit, NoAllow};
use iam::Kind::{Boundary, Identity, Resource, ResourceControl, ServiceControl, Session};
use iam::{Named, Principal};
use support::*;

/// The example of the page: the boundary of Shirley is about S3, CloudWatch and EC2.
fn shirley(action: &str) -> Question {
    ask(aws("arn:aws:iam::123456789012:user/ShirleyRodriguez"), action, "*")
        .boundary(allow(r#""Action": ["s3:*", "cloudwatch:*", "ec2:*"], "Resource": "*""#))
}

#[test]
fn a_boundary_grants_nothing_and_limits_everything() {
    shirley("iam:CreateUser")
        .identity(allow(r#""Action": "iam:CreateUser", "Resource": "*""#))
        .denied(NoAllow(Boundary));
    shirley("s3:ListAllMyBuckets").denied(NoAllow(Identity));
    shirley("s3:ListAllMyBuckets").identity(allow(ALL)).allowed();
}

/// The delegation of the same page: the boundary of Zhang lets him create users with a boundary only.
#[test]
fn a_boundary_with_conditions_and_denials() {
    let boundary = policy(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Sid": "CreateOrChangeOnlyWithBoundary", "Effect": "Allow",
             "Action": ["iam:CreateUser", "iam:AttachUserPolicy"], "Resource": "*",
             "Condition": {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/XCompanyBoundaries"}}},
            {"Sid": "CloudWatchAndOtherIAMTasks", "Effect": "Allow", "Action": ["cloudwatch:*", "iam:GetUser", "iam:*Group*"],
             "Resource": "*"},
            {"Sid": "NoBoundaryUserDelete", "Effect": "Deny", "Action": "iam:DeleteUserPermissionsBoundary",
             "Resource": "*"}]}"#,
    );
    let zhang = |action| {
        ask(
            aws("arn:aws:iam::123456789012:user/Zhang"),
            action,
            "arn:aws:iam::123456789012:user/new",
        )
        .identity(allow(r#""Action": "iam:*", "Resource": "*""#))
        .boundary(Named::new("DelegatedUserBoundary", boundary.clone()))
    };
    let key = "iam:PermissionsBoundary";
    zhang("iam:CreateUser").denied(NoAllow(Boundary));
    zhang("iam:CreateUser")
        .with(key, "arn:aws:iam::123456789012:policy/XCompanyBoundaries")
        .allowed();
    zhang("iam:CreateUser")
        .with(key, "arn:aws:iam::123456789012:policy/Other")
        .denied(NoAllow(Boundary));
    zhang("iam:AddUserToGroup").allowed();
    zhang("iam:DeleteUserPermissionsBoundary").denied(Explicit(Boundary));
    zhang("cloudwatch:GetDashboard").denied(NoAllow(Identity));
}

#[test]
fn session_policies_together_limit_the_session() {
    let question = || {
        ask(session(), "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OWN)
            .identity(allow(ALL))
    };
    let ecr = || allow(r#""Action": "ecr:*", "Resource": "*""#);
    let s3 = || allow(r#""Action": "s3:*", "Resource": "*""#);
    question().session(s3()).allowed();
    question().session(ecr()).denied(NoAllow(Session));
    question().session(ecr()).session(s3()).allowed();
    question().session(s3()).boundary(ecr()).denied(NoAllow(Boundary));
}

#[test]
fn every_level_of_service_control_has_to_allow() {
    let question = || {
        ask(user(), "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OWN)
            .identity(allow(ALL))
    };
    let s3 = || allow(r#""Action": "s3:*", "Resource": "*""#);
    let ec2 = || allow(r#""Action": "ec2:*", "Resource": "*""#);
    question()
        .service_control(vec![allow(ALL)])
        .service_control(vec![s3()])
        .allowed();
    question()
        .service_control(vec![allow(ALL)])
        .service_control(vec![ec2()])
        .denied(NoAllow(ServiceControl));
    question()
        .service_control(vec![ec2()])
        .service_control(vec![allow(ALL)])
        .denied(NoAllow(ServiceControl));
    question().service_control(vec![ec2(), s3()]).allowed();
    question().service_control(vec![]).denied(NoAllow(ServiceControl));
    question()
        .service_control(vec![allow(ALL), deny(r#""Action": "s3:Get*", "Resource": "*""#)])
        .denied(Explicit(ServiceControl));
}

#[test]
fn control_policies_grant_nothing() {
    ask(user(), "s3:GetObject", "arn:aws:s3:::b/k")
        .service_control(vec![allow(ALL)])
        .denied(NoAllow(Identity));
}

#[test]
fn service_control_reaches_the_root_user_and_direct_grants_but_not_services_nor_service_linked_roles() {
    let denying = || vec![allow(ALL), deny(ALL)];
    let queue = "arn:aws:sqs:us-east-1:111122223333:q";
    ask(aws("arn:aws:iam::111122223333:root"), "sqs:SendMessage", queue)
        .service_control(denying())
        .denied(Explicit(ServiceControl));
    let everyone = || allow(r#""Principal": "*", "Action": "*""#);
    ask(user(), "sqs:SendMessage", queue)
        .resource(everyone())
        .service_control(denying())
        .denied(Explicit(ServiceControl));
    ask(Principal::Service("s3.amazonaws.com".into()), "sqs:SendMessage", queue)
        .resource(everyone())
        .service_control(denying())
        .allowed();
    let linked = "arn:aws:iam::111122223333:role/aws-service-role/ecr.amazonaws.com/AWSServiceRoleForECR";
    ask(
        aws("arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForECR/s"),
        "sqs:SendMessage",
        queue,
    )
    .with("aws:PrincipalArn", linked)
    .identity(allow(ALL))
    .service_control(denying())
    .allowed();
}

/// The usual way to keep root users from acting.
#[test]
fn the_root_user_is_known_by_its_arn() {
    let no_root = deny(&format!(
        r#"{ALL}, "Condition": {{"StringLike": {{"aws:PrincipalArn": "arn:aws:iam::*:root"}}}}"#
    ));
    let question = |principal| {
        ask(principal, "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q")
            .identity(allow(ALL))
            .service_control(vec![allow(ALL), no_root.clone()])
    };
    question(aws("arn:aws:iam::111122223333:root")).denied(Explicit(ServiceControl));
    question(user()).allowed();
}

#[test]
fn resource_control_reaches_whoever_comes() {
    let full = || allow(r#""Principal": "*", "Action": "*", "Resource": "*""#);
    let outsiders = || {
        deny(
            r#""Principal": "*", "Action": "s3:*", "Resource": "*",
               "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}"#,
        )
    };
    let question = |principal| {
        ask(principal, "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OTHER)
            .identity(allow(ALL))
            .resource(full())
            .resource_control(vec![full(), outsiders()])
    };
    question(user()).with("aws:PrincipalOrgID", "o-own").allowed();
    question(user())
        .with("aws:PrincipalOrgID", "o-other")
        .denied(Explicit(ResourceControl));
    question(user()).denied(Explicit(ResourceControl));
    question(Principal::Anonymous).denied(Explicit(ResourceControl));
    question(Principal::Service("logs.amazonaws.com".into())).allowed();
    question(user())
        .with("aws:PrincipalOrgID", "o-own")
        .resource_control(vec![])
        .denied(NoAllow(ResourceControl));
}

#[test]
fn resource_control_reaches_web_identities() {
    let provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
    let question = || {
        ask(
            Principal::Federated(provider.into()),
            "sts:AssumeRoleWithWebIdentity",
            "arn:aws:iam::111122223333:role/r",
        )
        .trust(allow(&format!(
            r#""Principal": {{"Federated": "{provider}"}}, "Action": "sts:*""#
        )))
    };
    let full = || allow(r#""Principal": "*", "Action": "*", "Resource": "*""#);
    question().resource_control(vec![full()]).allowed();
    question()
        .resource_control(vec![
            full(),
            deny(r#""Principal": "*", "Action": "sts:*", "Resource": "*""#),
        ])
        .denied(Explicit(ResourceControl));
}

#[test]
fn the_sentences_of_every_kind() {
    let who = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k";
    let question = || {
        ask(user(), "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OWN)
            .identity(allow(ALL))
    };
    let ec2 = || allow(r#""Action": "ec2:*", "Resource": "*""#);
    question().service_control(vec![ec2()]).says(&format!(
        "{who} because no service control policy allows the s3:GetObject action"
    ));
    question()
        .service_control(vec![deny(ALL)])
        .says(&format!("{who} with an explicit deny in a service control policy"));
    question().boundary(ec2()).says(&format!(
        "{who} because no permissions boundary allows the s3:GetObject action"
    ));
    question()
        .boundary(deny(ALL))
        .says(&format!("{who} with an explicit deny in a permissions boundary"));
    question().session(ec2()).says(&format!(
        "{who} because no session policy allows the s3:GetObject action"
    ));
    question()
        .session(deny(ALL))
        .says(&format!("{who} with an explicit deny in a session policy"));
    question()
        .resource_control(vec![deny(r#""Principal": "*", "Action": "*", "Resource": "*""#)])
        .says(&format!("{who} with an explicit deny in a resource control policy"));
}

/// "IAM JSON policy elements: NotPrincipal": everybody but Bob.
#[test]
fn not_principal_spares_whom_it_lists_with_account_and_role() {
    let question = |principal: Principal, spared: &str| {
        ask(principal, "s3:GetObject", "arn:aws:s3:::b/k")
            .owner("444455556666")
            .identity(allow(ALL))
            .resource(Named::new(
                "bucket",
                policy(&format!(
                    r#"{{"Version": "2012-10-17", "Statement": [
                        {{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}},
                        {{"Effect": "Deny", "NotPrincipal": {{"AWS": [{spared}]}}, "Action": "s3:*", "Resource": "*"}}]}}"#
                )),
            ))
    };
    let bob = || aws("arn:aws:iam::444455556666:user/Bob");
    let both = r#""arn:aws:iam::444455556666:user/Bob", "arn:aws:iam::444455556666:root""#;
    question(bob(), both).allowed();
    question(aws("arn:aws:iam::444455556666:user/Eve"), both).denied(Explicit(Resource));
    question(Principal::Anonymous, both).denied(Explicit(Resource));
    question(bob(), r#""arn:aws:iam::444455556666:user/Bob""#).denied(Explicit(Resource));
    // "always deny any IAM principal that has a permissions boundary"
    question(bob(), both).boundary(allow(ALL)).denied(Explicit(Resource));

    let session = || aws("arn:aws:sts::444455556666:assumed-role/audit/app");
    let all =
        r#""arn:aws:sts::444455556666:assumed-role/audit/app", "arn:aws:iam::444455556666:role/audit", "444455556666""#;
    question(session(), all).allowed();
    question(aws("arn:aws:sts::444455556666:assumed-role/audit/other"), all).denied(Explicit(Resource));
    question(
        session(),
        r#""arn:aws:sts::444455556666:assumed-role/audit/app", "444455556666""#,
    )
    .denied(Explicit(Resource));
}

#[test]
fn an_allowing_not_principal_excludes_whom_it_lists() {
    let question = |principal| {
        ask(principal, "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OWN)
            .resource(allow(
                r#""NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ann"}, "Action": "*""#,
            ))
    };
    question(user()).denied(NoAllow(Identity));
    question(session()).allowed();
}

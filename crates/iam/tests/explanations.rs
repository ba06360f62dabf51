//! What a decision tells about itself: the tree, the near miss, the paragraph, what is not known.

mod support;

use iam::Denial::{NoAllow, Possible};
use iam::Kind::{Identity, Resource, Trust};
use iam::{Context, Decision, Effect, Named, Principal, Truth};
use support::*;

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";

fn several() -> Named {
    Named::new(
        "permissions of ann",
        policy(
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Push", "Effect": "Allow", "Action": "ecr:Put*", "Resource": "*"},
    {"Sid": "Pull", "Effect": "Allow",
     "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
     "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/team/*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a", "aws:RequestedRegion": "us-east-1"}}},
    {"Sid": "NotOnSundays", "Effect": "Deny", "Action": "*", "Resource": "*",
     "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-11-22"}}}
  ]
}"#,
        ),
    )
}

fn pull() -> Question {
    ask(user(), "ecr:BatchGetImage", REPOSITORY)
        .identity(several())
        .with("aws:PrincipalTag/team", "b")
        .with("aws:RequestedRegion", "us-east-1")
        .with("aws:CurrentTime", "2026-11-20T00:00:00Z")
}

#[test]
fn the_tree_has_every_statement_with_its_elements_and_places() {
    let evaluation = pull().evaluate();
    let layer = &evaluation.layers()[0];
    assert_eq!(
        (layer.kind, layer.level, layer.allow, layer.deny),
        (Identity, None, Truth::NotMatched, Truth::NotMatched)
    );
    let statements = &layer.policies[0].statements;
    assert_eq!(layer.policies[0].name, "permissions of ann");
    let shown: Vec<_> = statements
        .iter()
        .map(|s| (s.sid.as_deref().unwrap(), s.effect, s.truth, s.at.line))
        .collect();
    assert_eq!(
        shown,
        [
            ("Push", Effect::Allow, Truth::NotMatched, 4),
            ("Pull", Effect::Allow, Truth::NotMatched, 5),
            ("NotOnSundays", Effect::Deny, Truth::NotMatched, 9),
        ]
    );
    // The action of the first fails; its resource is told all the same.
    let elements: Vec<_> = statements[0].elements.iter().map(|e| (e.name, e.truth)).collect();
    assert_eq!(elements, [("Action", Truth::NotMatched), ("Resource", Truth::Matched)]);
    let conditions = &statements[1].conditions;
    assert_eq!(
        (conditions[0].key.as_str(), conditions[0].truth),
        ("aws:PrincipalTag/team", Truth::NotMatched)
    );
    assert_eq!((conditions[0].at.line, conditions[0].at.column), (8, 37));
    assert_eq!(conditions[0].wanted, ["a"]);
    assert_eq!(conditions[0].found.as_deref().unwrap(), ["b"]);
    assert_eq!(
        (conditions[1].operator.as_str(), conditions[1].truth),
        ("StringEquals", Truth::Matched)
    );
}

#[test]
fn the_near_miss_is_the_statement_that_lacks_least() {
    let evaluation = pull().denied(NoAllow(Identity)).evaluate();
    let near_miss = evaluation.near_miss().unwrap();
    assert_eq!(
        (near_miss.policy, near_miss.statement.sid.as_deref()),
        ("permissions of ann", Some("Pull"))
    );
    assert!(near_miss.elements.is_empty());
    assert_eq!(near_miss.conditions.len(), 1);
}

#[test]
fn within_the_account_the_resource_s_policy_may_come_nearest() {
    let repository =
        allow(r#""Sid": "R", "Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}, "Action": "ecr:*""#);
    let other = allow(r#""Sid": "I", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*""#);
    let question = ask(user(), "ecr:BatchGetImage", REPOSITORY)
        .identity(other)
        .resource(repository);
    let evaluation = question.denied(NoAllow(Identity)).evaluate();
    let near_miss = evaluation.near_miss().unwrap();
    assert_eq!((near_miss.kind, near_miss.elements[0].name), (Resource, "Principal"));
    assert_eq!(
        near_miss.elements[0].wanted,
        ["AWS: arn:aws:iam::111122223333:user/bob"]
    );
}

#[test]
fn nothing_is_near_where_nothing_allows_or_nothing_lacks() {
    assert!(ask(user(), "s3:GetObject", "*").evaluate().near_miss().is_none());
    assert!(
        ask(user(), "s3:GetObject", "*")
            .identity(deny(ALL))
            .evaluate()
            .near_miss()
            .is_none()
    );
    assert!(
        ask(user(), "s3:GetObject", "*")
            .identity(allow(ALL))
            .evaluate()
            .near_miss()
            .is_none()
    );
}

#[test]
fn paragraphs() {
    let said = |question: &Question| question.evaluate().explanation(&question.request);
    let question = pull();
    assert_eq!(
        said(&question),
        "arn:aws:iam::111122223333:user/ann may not ecr:BatchGetImage on \
         arn:aws:ecr:us-east-1:111122223333:repository/team/app. No identity-based policy allows it. Nearest comes the \
         statement Pull at line 5, column 5 of permissions of ann, but StringEquals on aws:PrincipalTag/team at line 8, \
         column 37 wants a, and the request has b."
    );
    let question = pull().context(Context::complete().with("aws:CurrentTime", "2027-01-01"));
    assert_eq!(
        said(&question),
        "arn:aws:iam::111122223333:user/ann may not ecr:BatchGetImage on \
         arn:aws:ecr:us-east-1:111122223333:repository/team/app. The identity-based policy permissions of ann denies it \
         by the statement NotOnSundays at line 9, column 5."
    );
    let question = ask(user(), "ecr:PutImage", REPOSITORY).identity(several());
    assert_eq!(
        said(&question),
        "arn:aws:iam::111122223333:user/ann may ecr:PutImage on \
         arn:aws:ecr:us-east-1:111122223333:repository/team/app. The identity-based policy permissions of ann allows it \
         by the statement Push at line 4, column 5."
    );
    let question = ask(session(), "ecr:BatchGetImage", &REPOSITORY.replace(OWN, OTHER)).identity(several());
    assert_eq!(
        said(&question),
        "arn:aws:sts::111122223333:assumed-role/puller/s1 may not ecr:BatchGetImage on \
         arn:aws:ecr:us-east-1:444455556666:repository/team/app. No resource-based policy allows it: there is none. \
         No identity-based policy allows it either. Nearest comes the statement Push at line 4, column 5 of permissions of ann, but its \
         Action at line 4, column 40 says ecr:Put*, and the request has ecr:BatchGetImage."
    );
}

#[test]
fn a_policy_without_a_name_is_called_by_what_it_belongs_to() {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    let trust = Named::new("of the role", policy(text));
    let question = ask(user(), "sts:TagSession", "arn:aws:iam::111122223333:role/puller").trust(trust);
    let said = question.evaluate().explanation(&question.request);
    let near = "Nearest comes the statement at line 1, column 37 of the role trust policy of the role, but its Action";
    assert!(said.contains(near), "{said}");
}

#[test]
fn what_is_not_known_is_named_and_does_not_allow() {
    let partial = |context: Context| {
        ask(user(), "ecr:BatchGetImage", REPOSITORY)
            .identity(several())
            .context(context)
    };
    let nothing = partial(Context::partial()).denied(NoAllow(Identity)).evaluate();
    assert_eq!(nothing.decision(), Decision::ImplicitlyDenied);
    assert_eq!(
        nothing.open_keys(),
        ["aws:currenttime", "aws:principaltag/team", "aws:requestedregion"]
    );

    let tagged = Context::partial()
        .with("aws:PrincipalTag/team", "a")
        .with("aws:RequestedRegion", "us-east-1");
    let question = partial(tagged.clone()).denied(Possible(Identity));
    let evaluation = question.evaluate();
    assert_eq!(evaluation.open_keys(), ["aws:currenttime"]);
    let paragraph = evaluation.explanation(&question.request);
    assert!(
        paragraph.contains("may deny it by the statement NotOnSundays"),
        "{paragraph}"
    );
    assert!(
        paragraph.ends_with("Not known, and possibly decisive: aws:currenttime."),
        "{paragraph}"
    );

    partial(tagged.with("aws:CurrentTime", "2026-11-20")).allowed();
    // What is decided otherwise is certain, and nothing stays open.
    let denied = partial(
        Context::partial()
            .with("aws:PrincipalTag/team", "b")
            .with("aws:CurrentTime", "2026-11-20"),
    );
    assert!(denied.denied(NoAllow(Identity)).evaluate().open_keys().is_empty());
}

#[test]
fn a_variable_in_a_resource_may_be_what_is_not_known() {
    let home = || allow(r#""Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/home}/*""#);
    let question = |resource| {
        ask(user(), "s3:GetObject", resource)
            .owner(OWN)
            .identity(home())
            .context(Context::partial())
    };
    let open = question("arn:aws:s3:::b/x/y").denied(NoAllow(Identity)).evaluate();
    assert_eq!(open.open_keys(), ["aws:principaltag/home"]);
    let decided = question("arn:aws:s3:::c/x/y").denied(NoAllow(Identity)).evaluate();
    assert!(decided.open_keys().is_empty());
}

#[test]
fn whose_a_canonical_id_is_cannot_be_told() {
    let policy = |named: Named| {
        ask(user(), "s3:GetObject", "arn:aws:s3:::b/k")
            .owner(OWN)
            .resource(named)
    };
    let members = r#""Principal": {"CanonicalUser": "79a5"}, "Action": "s3:*""#;
    let evaluation = policy(allow(members)).denied(NoAllow(Identity)).evaluate();
    assert_eq!(evaluation.open_keys(), ["CanonicalUser"]);
    policy(deny(members)).identity(allow(ALL)).denied(Possible(Resource));
}

#[test]
fn a_broken_trust_shows_the_claim_beside_what_is_wanted() {
    let provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
    let trust = allow(&format!(
        r#""Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRoleWithWebIdentity",
           "Condition": {{"StringEquals": {{"issuer.example:sub": "team:a"}}}}"#
    ));
    let evaluation = ask(
        Principal::Federated(provider.into()),
        "sts:AssumeRoleWithWebIdentity",
        "arn:aws:iam::111122223333:role/r",
    )
    .trust(trust)
    .with("issuer.example:sub", "team:b")
    .denied(NoAllow(Trust))
    .evaluate();
    let near_miss = evaluation.near_miss().unwrap();
    assert_eq!(near_miss.conditions[0].wanted, ["team:a"]);
    assert_eq!(near_miss.conditions[0].found.as_deref().unwrap(), ["team:b"]);
}

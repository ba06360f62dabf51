use super::*;
use crate::Decision;

fn error(text: &str) -> String {
    Policy::parse(text).unwrap_err().to_string()
}

/// A document of one statement with these members, in one line.
fn one(members: &str) -> String {
    format!(r#"{{"Statement":{{{members}}}}}"#)
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, message) in [
        (
            r#"[]"#,
            "line 1, column 1: a policy document is an object, found a list",
        ),
        (r#"{}"#, "line 1, column 1: a policy document needs a `Statement`"),
        (
            r#"{"Version":"2012-10-18","Statement":[]}"#,
            "line 1, column 12: `2012-10-18` is not a version; known are 2012-10-17 and 2008-10-17",
        ),
        (
            r#"{"Version":2012,"Statement":[]}"#,
            "line 1, column 12: `Version` is a string, found a number",
        ),
        (
            "{\n  \"Statment\": []\n}",
            "line 2, column 3: `Statment` is not a known element of a policy document; did you mean `Statement`?",
        ),
        (
            r#"{"PolicyVersion":{"Document":{}}}"#,
            "line 1, column 2: `PolicyVersion` is what AWS wraps a document in when it prints it; the document itself is expected, which begins with `Version` or `Statement`",
        ),
        (
            r#"{"Statement":["x"]}"#,
            "line 1, column 15: a statement is an object, found a string",
        ),
    ] {
        assert_eq!(error(text), message);
    }
    for (members, message) in [
        (r#""Action":"*""#, "line 1, column 14: a statement needs an `Effect`"),
        (
            r#""Effect":"Allow""#,
            "line 1, column 14: a statement needs an `Action` or a `NotAction`",
        ),
        (
            r#""Effect":"allow","Action":"*""#,
            "line 1, column 24: `allow` is not an effect; known are Allow and Deny, with a capital",
        ),
        (
            r#""Effect":"Allow","Action":"*","Action":"*""#,
            "line 1, column 45: `Action` stands here for the second time, first at line 1, column 32",
        ),
        (
            r#""Effect":"Allow","Action":"*","NotAction":"*""#,
            "line 1, column 45: a statement has either `Action` or `NotAction`, not both",
        ),
        (
            r#""Effect":"Allow","Action":[]"#,
            "line 1, column 41: `Action` is an empty list",
        ),
        (
            r#""Effect":"Allow","Action":["a:b",7]"#,
            "line 1, column 48: a value of `Action` is a string, found a number",
        ),
        (
            r#""Effect":"Allow","Action":"BatchGetImage""#,
            "line 1, column 41: `BatchGetImage` is not an action; expected: SERVICE:ACTION or *, for example ecr:BatchGetImage",
        ),
        (
            r#""Effect":"Allow","Actions":"*""#,
            "line 1, column 32: `Actions` is not a known element of a statement; did you mean `Action`?",
        ),
        (
            r#""Effect":"Allow","Action":"*","Principal":"111122223333""#,
            "line 1, column 57: `111122223333` needs a kind: {\"AWS\": …}; only \"*\" stands by itself",
        ),
        (
            r#""Effect":"Allow","Action":"*","Principal":{"aws":"*"}"#,
            "line 1, column 58: `aws` is not a known kind of principal; did you mean `AWS`?",
        ),
        (
            r#""Effect":"Allow","Action":"*","Principal":{}"#,
            "line 1, column 57: a principal element names at least one principal",
        ),
        (
            r#""Effect":"Allow","Action":"*","Condition":{"StringEqual":{"k":"v"}}"#,
            "line 1, column 58: `StringEqual` is not a known condition operator; did you mean `StringEquals`?",
        ),
        (
            r#""Effect":"Allow","Action":"*","Condition":{"Bool":{"k":{}}}"#,
            "line 1, column 70: a value of `k` is a string, a number or a boolean, found an object",
        ),
        (
            r#""Effect":"Allow","Action":"*","Condition":{"Bool":{"":"true"}}"#,
            "line 1, column 66: a condition key may not be empty",
        ),
        (
            r#""Effect":"Allow","Action":"*","Condition":{"Bool":{},"bool":{}}"#,
            "line 1, column 68: `Bool` stands here for the second time",
        ),
        (
            r#""Effect":"Allow","Action":"*","Condition":[]"#,
            "line 1, column 57: `Condition` is an object, found a list",
        ),
    ] {
        assert_eq!(error(&one(members)), message, "{members}");
    }
}

#[test]
fn one_value_or_a_list_one_statement_or_a_list() {
    let single = Policy::parse(
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"k":true}}}}"#,
    )
    .unwrap();
    let listed = Policy::parse(
        r#"{"Version":"2008-10-17","Statement":[{"Condition":{"bool":{"k":["true"]}},"Effect":"Allow","Action":["s3:*"],"Resource":["*"]}]}"#,
    )
    .unwrap();
    assert_eq!(single, listed);
    assert_eq!(Policy::parse(r#"{"Statement":[]}"#).unwrap().statements(), []);
}

#[test]
fn positions_of_the_elements() {
    let text = "{\n \"Statement\": [\n  {\"Effect\": \"Deny\",\n   \"Action\": \"*\",\n   \"Condition\": {\"Bool\": {\n     \"k\": \"x\"}}}]}";
    let policy = Policy::parse(text).unwrap();
    let statement = &policy.statements()[0];
    assert_eq!(statement.position().to_string(), "line 3, column 3");
    assert_eq!(statement.actions.at.to_string(), "line 4, column 4");
    assert_eq!(statement.conditions()[0].position().to_string(), "line 6, column 6");
}

#[test]
fn printing() {
    let text = r#"{
    "Version": "2012-10-17",
    "Id": "i",
    "Statement": [
        {
            "Sid": "a b",
            "Effect": "Deny",
            "NotPrincipal": {
                "AWS": [
                    "111122223333",
                    "arn:aws:iam::111122223333:user/ann"
                ],
                "Service": "ecs.amazonaws.com"
            },
            "NotAction": "s3:Get*",
            "NotResource": [
                "arn:aws:s3:::${aws:username, 'x'}",
                "*"
            ],
            "Condition": {
                "ForAnyValue:StringLikeIfExists": {
                    "k": "v",
                    "l": []
                },
                "Bool": {
                    "m": "true"
                }
            }
        }
    ]
}"#;
    assert_eq!(Policy::parse(text).unwrap().to_string(), text);
}

#[test]
fn the_rules_of_each_kind() {
    let identity = Policy::parse(&one(r#""Effect":"Allow","Action":"*","Resource":"*""#)).unwrap();
    let trust = Policy::parse(&one(r#""Effect":"Allow","Action":"*","Principal":"*""#)).unwrap();
    let resource = Policy::parse(&one(r#""Effect":"Allow","Action":"*","Principal":"*","Resource":"*""#)).unwrap();
    let bare = Policy::parse(&one(r#""Effect":"Allow","Action":"*""#)).unwrap();
    let exception = Policy::parse(&one(
        r#""Effect":"Deny","Action":"*","NotPrincipal":"*","Resource":"*""#,
    ))
    .unwrap();
    let fits = |policy: &Policy, kinds: &[Kind]| {
        for kind in [
            Kind::Identity,
            Kind::Resource,
            Kind::Trust,
            Kind::Boundary,
            Kind::Session,
            Kind::ServiceControl,
            Kind::ResourceControl,
        ] {
            assert_eq!(policy.check(kind).is_ok(), kinds.contains(&kind), "{kind} {policy}");
        }
    };
    fits(
        &identity,
        &[Kind::Identity, Kind::Boundary, Kind::Session, Kind::ServiceControl],
    );
    fits(&trust, &[Kind::Resource, Kind::Trust]);
    fits(&resource, &[Kind::Resource, Kind::ResourceControl]);
    fits(&bare, &[]);
    fits(&exception, &[Kind::Resource]);
    let message = resource.check(Kind::Trust).unwrap_err().to_string();
    assert_eq!(
        message,
        "line 1, column 61: a statement of a role trust policy has no `Resource`: it is about the role"
    );
}

/// What AWS stores though it can never match is read, and never matches.
#[test]
fn what_names_nobody_is_read() {
    let policy = Policy::parse(&one(
        r#""Effect":"Allow","Action":"*","Principal":{"AWS":["arn:aws:iam::0123456789012:role/r","AIDAEXAMPLE","x"]}"#,
    ))
    .unwrap();
    let request = crate::Request::new(
        crate::Principal::Aws("arn:aws:iam::111122223333:user/ann".parse().unwrap()),
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        crate::Context::complete(),
    );
    let set = crate::PolicySet {
        resource: Some(crate::Named::new("p", policy)),
        ..Default::default()
    };
    assert_eq!(crate::decide(&request, &set), Decision::ImplicitlyDenied);
}

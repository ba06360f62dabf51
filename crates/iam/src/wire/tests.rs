use proptest::prelude::*;

use super::*;
use crate::Decision;

/// The request of the README of this contract: a pull across accounts, allowed by both sides.
const PULL: &str = r#"{
  "principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/puller/s"},
  "action": "ecr:BatchGetImage",
  "resource": "arn:aws:ecr:us-east-1:444455556666:repository/team/app",
  "resourceAccount": "444455556666",
  "context": {"aws:PrincipalTag/team": ["a"], "aws:CurrentTime": ["2026-11-20T00:00:00Z"]},
  "policies": {
    "identity": [{"name": "pull", "document": {
      "Version": "2012-10-17",
      "Statement": [{"Sid": "Login", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Sid": "Pull", "Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}]}}],
    "resource": {"Version": "2012-10-17", "Statement": {"Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::111122223333:role/puller"}, "Action": "ecr:BatchGetImage",
      "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}}
  }
}"#;

/// A question about a user, with members in place of, or besides, the usual ones.
fn question(members: &str) -> String {
    let usual = [
        r#""principal":{"AWS":"arn:aws:iam::111122223333:user/ann"}"#,
        r#""action":"s3:GetObject""#,
        r#""resource":"arn:aws:s3:::b/k""#,
    ];
    let name = |member: &str| member.split(':').next().unwrap_or_default().to_owned();
    let kept = usual.iter().filter(|member| !members.starts_with(&name(member)));
    let all: Vec<&str> = kept
        .copied()
        .chain(Some(members).filter(|text| !text.is_empty()))
        .collect();
    format!("{{{}}}", all.join(","))
}

fn decision(text: &str) -> Decision {
    let question = Question::parse(text).unwrap_or_else(|problem| panic!("{problem} in {text}"));
    assert_eq!(question.decide(), question.evaluate().decision());
    question.decide()
}

fn problem(text: &str) -> Problem {
    Question::parse(text)
        .map(|question| panic!("{question:?}"))
        .unwrap_err()
}

#[test]
fn a_question_of_every_member() {
    assert_eq!(decision(PULL), Decision::Allowed);
    assert_eq!(
        decision(&PULL.replace(r#"["a"]"#, r#""b""#)),
        Decision::ImplicitlyDenied
    );
    assert_eq!(
        decision(&PULL.replace(r#"Allow", "Action": "ecr:B"#, r#"Deny", "Action": "ecr:B"#)),
        Decision::ExplicitlyDenied
    );
}

#[test]
fn the_answer_is_a_tree_with_places_in_the_question() {
    let text = PULL.replace(r#"["a"]"#, r#"["b"]"#);
    let question = Question::parse(&text).unwrap();
    let answer = Answer::new(&question.request, &question.evaluate()).to_string();
    for part in [
        r#""decision": "ImplicitlyDenied""#,
        r#""sentence": "User: arn:aws:sts::111122223333:assumed-role/puller/s is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:444455556666:repository/team/app because no resource-based policy allows the ecr:BatchGetImage action""#,
        r#""lacking": [
        "resource"
    ]"#,
        r#""nearMiss": {
        "kind": "resource",
        "name": "resource",
        "statement": {
            "sid": null,
            "index": 0,
            "line": 12,
            "column": 56,
            "effect": "Allow",
            "outcome": "not matched"
        },
        "elements": [],
        "conditions": [
            {
                "operator": "StringEquals",
                "key": "aws:PrincipalTag/team",
                "line": 14,
                "column": 38,
                "outcome": "not matched",
                "wanted": [
                    "a"
                ],
                "found": [
                    "b"
                ],
                "unknown": []
            }
        ]
    }"#,
        r#""sid": "Pull",
                            "index": 1,
                            "line": 11,
                            "column": 9,
                            "effect": "Allow",
                            "outcome": "matched","#,
        r#""found": "ecr:BatchGetImage","#,
    ] {
        assert!(answer.contains(part), "{part}\nin {answer}");
    }
    let line = reply(&text);
    assert!(
        line.starts_with(r#"{"decision":"ImplicitlyDenied","explanation":"#),
        "{line}"
    );
    assert!(!line.contains('\n'));
}

#[test]
fn what_is_not_known_is_told() {
    let policies = r#""policies":{"identity":{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}}},"resourceAccount":"111122223333""#;
    let absent = reply(&question(policies));
    assert!(
        absent.contains(r#""openKeys":[]"#) && absent.contains(r#""outcome":"not matched""#),
        "{absent}"
    );
    let unknown = reply(&question(&format!(r#"{policies},"contextIs":"partial""#)));
    assert!(unknown.contains(r#""decision":"ImplicitlyDenied""#), "{unknown}");
    assert!(unknown.contains(r#""openKeys":["aws:sourcevpce"]"#) && unknown.contains(r#""outcome":"not known""#));
    let declared = format!(r#"{policies},"contextIs":"partial","context":{{"aws:SourceVpce":null}}"#);
    assert!(reply(&question(&declared)).contains(r#""openKeys":[]"#));
    assert_eq!(
        decision(&question(&declared.replace("null", r#"["vpce-1"]"#))),
        Decision::Allowed
    );
}

#[test]
fn who_may_ask() {
    let policy = |principal: &str| {
        format!(
            r#""resourceAccount":"111122223333","policies":{{"resource":{{"Version":"2012-10-17","Statement":
            {{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"}}}}}}"#
        )
    };
    let asks =
        |principal: &str, named: &str| decision(&question(&format!(r#""principal":{principal},{}"#, policy(named))));
    let role = r#"{"AWS":"arn:aws:iam::111122223333:role/path/r"}"#;
    for (principal, named) in [
        (
            r#"{"AWS":"arn:aws:iam::111122223333:user/ann"}"#,
            r#"{"AWS":"arn:aws:iam::111122223333:user/ann"}"#,
        ),
        (role, role),
        (
            r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"}"#,
            r#"{"AWS":"arn:aws:iam::111122223333:role/r"}"#,
        ),
        (
            r#"{"AWS":"arn:aws:sts::111122223333:federated-user/f"}"#,
            r#"{"AWS":"arn:aws:sts::111122223333:federated-user/f"}"#,
        ),
        (
            r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
            r#"{"AWS":"111122223333"}"#,
        ),
        (
            r#"{"AWS":"111122223333"}"#,
            r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
        ),
        (
            r#"{"Service":"logs.amazonaws.com"}"#,
            r#"{"Service":"logs.amazonaws.com"}"#,
        ),
        (r#""anonymous""#, r#""*""#),
    ] {
        assert_eq!(asks(principal, named), Decision::Allowed, "{principal} {named}");
        // The root user of the owner's account may do everything, by no policy.
        let is_root = named.contains("root") || principal.contains("root");
        let other = asks(principal, r#"{"AWS":"arn:aws:iam::111122223333:user/zoe"}"#);
        assert_eq!(other == Decision::Allowed, is_root, "{principal}");
    }
}

#[test]
fn a_web_identity_and_the_trust_policy() {
    let text = r#"{"principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/i.example"},
        "action":"sts:AssumeRoleWithWebIdentity","resource":"arn:aws:iam::111122223333:role/r",
        "context":{"i.example:aud":"a","i.example:sub":"s"},
        "policies":{"trust":{"name":"t","document":{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/i.example"},
        "Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"i.example:aud":"a","i.example:sub":"s"}}}}}}}"#;
    assert_eq!(decision(text), Decision::Allowed);
    assert_eq!(
        decision(
            &text
                .replace(r#"sub":"s""#, r#"sub":"t""#)
                .replacen(r#"sub":"t""#, r#"sub":"s""#, 1)
        ),
        Decision::ImplicitlyDenied
    );
}

#[test]
fn levels_of_the_organization() {
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let text = |levels: &str| {
        question(&format!(
            r#""resourceAccount":"111122223333","policies":{{"identity":[{all}],"boundary":[{all}],"session":[{all}],"serviceControl":{levels}}}"#
        ))
    };
    assert_eq!(decision(&text(&format!("[[{all}],[{all}]]"))), Decision::Allowed);
    let denied = text(&format!("[[{all}],[]]"));
    assert_eq!(decision(&denied), Decision::ImplicitlyDenied);
    assert!(reply(&denied).contains(r#"{"kind":"serviceControl","level":1,"allow":"not matched","#));
    assert_eq!(
        problem(&text(&format!("[{all}]"))).field(),
        Some("policies.serviceControl[0]")
    );
}

#[test]
fn numbers_and_booleans_of_the_context_are_their_text() {
    let text = question(
        r#""resourceAccount":"111122223333","context":{"aws:MultiFactorAuthPresent":true,"k":[1.50,"x"]},"policies":{"identity":{"Version":"2012-10-17",
        "Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},
        "ForAllValues:StringEquals":{"k":["1.50","x"]}}}}}"#,
    );
    assert_eq!(decision(&text), Decision::Allowed);
}

#[test]
fn mistakes_are_told_with_place_and_field() {
    let long = format!(r#""context":{{"k":"{}"}}"#, "x".repeat(2049));
    for (members, field, part) in [
        ("", "-", ""),
        (r#""principle":1"#, "principle", "did you mean `principal`?"),
        (
            r#""principal":"ann""#,
            "principal",
            "the principal is `ann`; expected: ",
        ),
        (r#""principal":{}"#, "principal", "names nobody"),
        (
            r#""principal":{"AWS":"a","Service":"b"}"#,
            "principal.Service",
            "one principal",
        ),
        (r#""principal":{"aws":"a"}"#, "principal.aws", "no kind of principal"),
        (
            r#""principal":{"AWS":["111122223333"]}"#,
            "principal.AWS",
            "is a string, found a list",
        ),
        (
            r#""principal":{"AWS":"arn:aws:iam::111122223333:group/g"}"#,
            "principal.AWS",
            "is the ARN of a group",
        ),
        (
            r#""principal":{"AWS":"arn:aws:iam::111122223333:oidc-provider/i"}"#,
            "principal.AWS",
            "an OIDC provider",
        ),
        (r#""principal":{"AWS":"0123456789012"}"#, "principal.AWS", "not an ARN"),
        (
            r#""principal":{"AWS":"arn:aws:iam::0123456789012:user/u"}"#,
            "principal.AWS",
            "found 13 digits",
        ),
        (
            r#""principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/r"}"#,
            "principal.AWS",
            "expected: the ARN of a user",
        ),
        (
            r#""principal":{"Service":"https://x"}"#,
            "principal.Service",
            "no service",
        ),
        (
            r#""principal":{"Federated":"https://i.example"}"#,
            "principal.Federated",
            "no identity provider",
        ),
        (
            r#""principal":{"Federated":"arn:aws:iam::111122223333:role/r"}"#,
            "principal.Federated",
            "is the ARN of a role",
        ),
        (r#""action":"s3:*""#, "action", "without wildcards"),
        (r#""action":"GetObject""#, "action", "SERVICE:ACTION"),
        (r#""resource":"b/k""#, "resource", "is not an ARN"),
        (
            r#""resource":"arn:aws:ecr:us-east-1:0123456789012:repository/x""#,
            "resource",
            "found 13 digits",
        ),
        (
            r#""resource":"arn:aws:ecr:us-east-1:111122223333:""#,
            "resource",
            "empty",
        ),
        (r#""resourceAccount":"1""#, "resourceAccount", "exactly 12 digits"),
        (
            r#""resource":"arn:aws:ecr:us-east-1:444455556666:repository/x","resourceAccount":"111122223333""#,
            "resourceAccount",
            "and 444455556666 in its ARN",
        ),
        (r#""context":[]"#, "context", "is an object, found a list"),
        (r#""context":{"k":{}}"#, "context.k", "found an object"),
        (
            r#""context":{"aws:a":["x",[]]}"#,
            "context[\"aws:a\"][1]",
            "found a list",
        ),
        (
            r#""context":{"aws:a":"x","AWS:A":"y"}"#,
            "context[\"AWS:A\"]",
            "second time",
        ),
        (long.as_str(), "context.k", "longer than 2048 bytes"),
        (r#""contextIs":"whole""#, "contextIs", "`complete`"),
        (r#""policies":[]"#, "policies", "is an object"),
        (
            r#""policies":{"identities":[]}"#,
            "policies.identities",
            "is not a known member of `policies`; known are identity, ",
        ),
        (
            r#""policies":{"resource":[]}"#,
            "policies.resource",
            "one resource-based policy only",
        ),
        (
            r#""policies":{"identity":[{"name":"p"}]}"#,
            "policies.identity[0]",
            "needs a member `document`",
        ),
        (
            r#""policies":{"identity":[{"document":"{}"}]}"#,
            "policies.identity[0].document",
            "text in a string",
        ),
        (
            r#""policies":{"identity":[{"document":{},"of":1}]}"#,
            "policies.identity[0].of",
            "not a known member of a policy",
        ),
        (
            r#""policies":{"identity":[{"Version":"2012-10-17"}]}"#,
            "policies.identity[0]",
            "needs a `Statement`",
        ),
        (
            r#""policies":{"trust":{"document":{"Statement":[{"Effect":"allow"}]}}}"#,
            "policies.trust.document.Statement[0].Effect",
            "is not an effect",
        ),
        (
            r#""policies":{"identity":[{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}]}"#,
            "policies.identity[0].Statement.Principal",
            "has no `Principal`",
        ),
        (
            r#""policies":{"trust":{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}}"#,
            "policies.trust.Statement.Resource",
            "has no `Resource`",
        ),
    ] {
        if field == "-" {
            Question::parse(&question(members)).unwrap();
            continue;
        }
        let text = question(members);
        let problem = problem(&text);
        assert_eq!(problem.field(), Some(field), "{problem} in {text}");
        assert!(problem.to_string().contains(part), "{problem}\nin {text}");
    }
}

#[test]
fn a_member_that_is_missing() {
    for member in ["principal", "action", "resource"] {
        let text = question(&format!(r#""{member}":null"#));
        let problem = problem(&text);
        assert_eq!((problem.field(), problem.position().column), (None, 1));
        assert!(
            problem.message().contains(&format!("needs a member `{member}`")),
            "{problem}"
        );
    }
}

#[test]
fn what_is_no_json_has_a_place_and_no_field() {
    assert_eq!(
        reply("{\n  \"principal\": x}"),
        r#"{"error":{"message":"expected a JSON value, found `x`","line":2,"column":16,"field":null}}"#
    );
    assert_eq!(
        problem("[]").answer().to_string(),
        "{\n    \"error\": {\n        \"message\": \"a request is an object, found a list\",\n        \"line\": 1,\n        \
         \"column\": 1,\n        \"field\": null\n    }\n}"
    );
}

#[test]
fn limits() {
    let padded = format!("{}{}", question(""), " ".repeat(MAX_BYTES));
    assert!(problem(&padded).message().contains("at most 4194304 are read"));
    let keys: Vec<String> = (0..40).map(|n| format!(r#""k{n}":"{}""#, "x".repeat(2000))).collect();
    let much = question(&format!(r#""context":{{{}}}"#, keys.join(",")));
    assert!(
        problem(&much)
            .message()
            .contains("the context is longer than 65536 bytes")
    );
    let policy = format!(
        r#""policies":{{"identity":[{{"Statement":[{}]}}]}}"#,
        " ".repeat(crate::json::MAX_BYTES)
    );
    assert!(
        problem(&question(&policy))
            .message()
            .contains("at most 262144 are read")
    );
    let values = vec![format!("\"{}\"", "x".repeat(2000)); 32].join(",");
    let conditions =
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"k":"true"}}},"#.repeat(1500);
    let document = format!(r#"{{"Statement":[{}]}}"#, conditions.trim_end_matches(','));
    let echo = question(&format!(
        r#""context":{{"k":[{values}]}},"policies":{{"identity":[{document}]}}"#
    ));
    assert!(problem(&echo).message().contains("the reasons would repeat more than"));
}

#[test]
fn an_organization_of_ten_thousand_statements_fits() {
    let statement = r#"{"Effect":"Deny","Action":["iam:*","ecr:Put*"],"Resource":"arn:aws:*:*:000000000000:*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"t"}}}"#;
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        vec![statement; 500].join(",")
    );
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let level = format!("[{all},{}]", [document.as_str(); 2].join(","));
    let text = question(&format!(
        r#""resourceAccount":"111122223333","policies":{{"identity":{all},"serviceControl":[{}]}}"#,
        vec![level; 10].join(",")
    ));
    assert_eq!(decision(&text), Decision::Allowed);
}

proptest! {
    #[test]
    fn nothing_panics_and_every_reply_is_one_line_of_json(text in "\\PC{0,60}", cut in 0usize..1000, with in ".{0,3}") {
        let mut damaged = PULL.to_owned();
        let at = (0..=cut % PULL.len()).rev().find(|at| PULL.is_char_boundary(*at)).unwrap_or(0);
        damaged.insert_str(at, &with);
        for text in [text, damaged, PULL[..at].to_owned()] {
            let answer = reply(&text);
            prop_assert!(!answer.contains('\n'));
            let node = crate::json::read_within(&answer, LIMITS).unwrap();
            prop_assert!(node.member("decision").is_some() != node.member("error").is_some());
        }
    }
}

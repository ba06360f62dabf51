//! What holds for every policy and every request.

use std::sync::Arc;

use iam::{Context, Decision, Named, Policy, PolicySet, Principal, Request};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Few words, so that policies and requests meet.
const KEYS: [&str; 4] = ["k", "aws:SourceIp", "aws:PrincipalTag/team", "aws:username"];
const VALUES: [&str; 7] = ["a", "ann", "10.0.0.1", "7", "true", "2026-01-01", "arn:aws:s3:::b/a"];
const ACTIONS: [&str; 5] = [
    "s3:GetObject",
    "s3:PutObject",
    "ecr:GetAuthorizationToken",
    "sts:AssumeRole",
    "kms:Decrypt",
];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::b/${k}",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:ecr:us-east-1:444455556666:repository/a",
    "arn:aws:kms:us-east-1:111122223333:key/a",
];

fn one_of<const N: usize>(words: [&'static str; N]) -> impl Strategy<Value = String> {
    select(words.to_vec()).prop_map(str::to_owned)
}

fn list(values: &[String]) -> String {
    format!(
        "[{}]",
        values
            .iter()
            .map(|value| format!("{value:?}"))
            .collect::<Vec<_>>()
            .join(",")
    )
}

fn condition() -> impl Strategy<Value = String> {
    let operator = one_of([
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringEqualsIgnoreCase",
        "NumericLessThan",
        "NumericNotEquals",
        "DateLessThan",
        "Bool",
        "IpAddress",
        "NotIpAddress",
        "ArnLike",
        "ArnNotLike",
        "BinaryEquals",
    ]);
    let wanted = prop_oneof![
        one_of(VALUES),
        one_of(["a*", "*", "10.0.0.0/8", "${k}", "${k, 'a'}", "${aws:username}"])
    ];
    let quantifier = one_of(["", "", "ForAllValues:", "ForAnyValue:"]);
    (
        quantifier,
        operator,
        one_of(["", "IfExists"]),
        one_of(KEYS),
        prop::collection::vec(wanted, 0..3),
        0..8,
    )
        .prop_map(|(quantifier, operator, suffix, key, wanted, null)| match null {
            0 => format!(r#"{{"Null":{{"{key}":"true"}}}}"#),
            _ => format!(r#"{{"{quantifier}{operator}{suffix}":{{"{key}":{}}}}}"#, list(&wanted)),
        })
}

fn principals() -> impl Strategy<Value = String> {
    let aws = one_of([
        "*",
        "111122223333",
        "arn:aws:iam::111122223333:user/ann",
        "arn:aws:iam::111122223333:role/puller",
        "arn:aws:sts::111122223333:assumed-role/puller/s",
        "arn:aws:iam::444455556666:root",
        "nobody",
    ]);
    prop_oneof![
        Just(r#""*""#.to_owned()),
        prop::collection::vec(aws, 1..4).prop_map(|aws| format!(r#"{{"AWS":{}}}"#, list(&aws))),
        Just(r#"{"Service":"s3.amazonaws.com","Federated":"accounts.example"}"#.to_owned()),
        Just(r#"{"CanonicalUser":"x"}"#.to_owned()),
    ]
}

/// A statement; `named`: of a kind of policy that names principals, as most of its statements then do.
fn statement(effect: &'static str, named: bool) -> impl Strategy<Value = String> {
    let action = prop_oneof![one_of(ACTIONS), one_of(["*", "s3:*", "S3:get*", "sts:*"])];
    let resource = prop_oneof![one_of(RESOURCES), one_of(["arn:aws:s3:::b/*", "arn:aws:*"])];
    (
        prop::array::uniform3(prop::bool::weighted(0.15)),
        prop::option::weighted(if named { 0.9 } else { 0.1 }, principals()),
        prop::collection::vec(action, 1..3),
        prop::option::weighted(0.9, prop::collection::vec(resource, 1..3)),
        prop::option::weighted(0.4, condition()),
    )
        .prop_map(move |(negated, principals, actions, resources, condition)| {
            let not = |index: usize| if negated[index] { "Not" } else { "" };
            let mut text = format!(r#"{{"Effect":"{effect}","{}Action":{}"#, not(0), list(&actions));
            if let Some(principals) = principals {
                text += &format!(r#","{}Principal":{principals}"#, not(1));
            }
            if let Some(resources) = resources {
                text += &format!(r#","{}Resource":{}"#, not(2), list(&resources));
            }
            if let Some(condition) = condition {
                text += &format!(r#","Condition":{condition}"#);
            }
            text + "}"
        })
}

fn any_statement(named: bool) -> impl Strategy<Value = String> {
    prop_oneof![3 => statement("Allow", named), 1 => statement("Deny", named)]
}

fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// The texts of the policies of a set, so that statements can be added.
#[derive(Clone, Debug)]
struct Texts {
    /// identity, resource, trust, boundary, session, one level of each control policy: the statements of each.
    layers: Vec<Option<Vec<String>>>,
}

impl Texts {
    fn add(&self, layer: usize, statement: &str) -> Texts {
        let mut more = self.clone();
        if let Some(statements) = &mut more.layers[layer] {
            statements.push(statement.to_owned());
        }
        more
    }

    fn set(&self) -> PolicySet {
        let named = |layer: usize| {
            let statements = self.layers[layer].as_ref()?;
            Some(Named::new(
                "p",
                Arc::new(Policy::parse(&document(statements)).expect("a policy")),
            ))
        };
        let level = |layer| named(layer).map(|named| vec![named]);
        PolicySet {
            identity: named(0).into_iter().collect(),
            resource: named(1),
            trust: named(2),
            boundary: named(3).into_iter().collect(),
            session: named(4).into_iter().collect(),
            service_control: level(5).into_iter().collect(),
            resource_control: level(6).into_iter().collect(),
        }
    }
}

fn texts() -> impl Strategy<Value = Texts> {
    let full = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let everyone = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    let layer = |full: &'static str, often: f64| {
        let named = full == everyone;
        let statements = prop_oneof![
            2 => prop::collection::vec(any_statement(named), 0..4),
            1 => prop::collection::vec(any_statement(named), 0..2).prop_map(move |mut statements| {
                statements.push(full.to_owned());
                statements
            }),
        ];
        prop::option::weighted(often, statements)
    };
    (
        layer(full, 0.9),
        layer(everyone, 0.6),
        layer(everyone, 0.6),
        layer(full, 0.2),
        layer(full, 0.2),
        layer(full, 0.2),
        layer(everyone, 0.2),
    )
        .prop_map(|(a, b, c, d, e, f, g)| Texts {
            layers: vec![a, b, c, d, e, f, g],
        })
}

/// A layer and a statement for it.
fn added(effect: &'static str) -> impl Strategy<Value = (usize, String)> {
    (0..7usize).prop_flat_map(move |layer| (Just(layer), statement(effect, matches!(layer, 1 | 2 | 6))))
}

fn principal() -> impl Strategy<Value = Principal> {
    let aws = |arn: &str| Principal::Aws(arn.parse().expect("an ARN"));
    select(vec![
        aws("arn:aws:iam::111122223333:user/ann"),
        aws("arn:aws:sts::111122223333:assumed-role/puller/s"),
        aws("arn:aws:iam::111122223333:role/puller"),
        aws("arn:aws:sts::111122223333:federated-user/ann"),
        aws("arn:aws:iam::111122223333:root"),
        aws("arn:aws:iam::444455556666:user/eve"),
        Principal::Service("s3.amazonaws.com".to_owned()),
        Principal::Federated("accounts.example".to_owned()),
        Principal::Anonymous,
    ])
}

fn request() -> impl Strategy<Value = Request> {
    let entry = |key| (Just(key), subsequence(VALUES.to_vec(), 0..3));
    let context = prop::collection::vec(select(KEYS.to_vec()).prop_flat_map(entry), 0..4).prop_map(|entries| {
        entries.into_iter().fold(Context::complete(), |context, (key, values)| {
            context.with_all(key, values)
        })
    });
    let owner = select(vec![None, Some("111122223333"), Some("444455556666")]);
    (principal(), one_of(ACTIONS), one_of(RESOURCES), owner, context).prop_map(
        |(principal, action, resource, owner, context)| Request {
            resource_account: owner.map(|account| account.parse().expect("an account")),
            ..Request::new(principal, action, resource, context)
        },
    )
}

/// What somebody knows who does not know these keys. That a key is absent is known, but for the one that follows from
/// the caller.
fn forget(context: &Context, forgotten: &[&str]) -> Context {
    let known = KEYS.iter().filter(|key| !forgotten.contains(key));
    known.fold(Context::partial(), |partial, key| {
        let mentioned = context.iter().any(|(mentioned, _)| mentioned == key.to_lowercase());
        match *key {
            "aws:username" if !mentioned => partial,
            key => partial.with_all(key, context.values(key).iter().cloned()),
        }
    })
}

/// Keys that nothing follows from.
fn forgotten() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(KEYS[..3].to_vec(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_ways_of_asking_agree(texts in texts(), request in request(), forgotten in forgotten()) {
        let set = texts.set();
        prop_assert_eq!(iam::decide(&request, &set), iam::evaluate(&request, &set).decision());
        let partial = Request { context: forget(&request.context, &forgotten), ..request };
        prop_assert_eq!(iam::decide(&partial, &set), iam::evaluate(&partial, &set).decision());
    }

    #[test]
    fn an_added_deny_never_turns_a_denial_into_an_allow(
        texts in texts(), request in request(), (layer, deny) in added("Deny"),
    ) {
        let before = iam::decide(&request, &texts.set());
        let after = iam::decide(&request, &texts.add(layer, &deny).set());
        prop_assert!(before == Decision::Allowed || after != Decision::Allowed);
    }

    #[test]
    fn an_added_allow_never_removes_an_allow(
        texts in texts(), request in request(), (layer, allow) in added("Allow"),
    ) {
        let before = iam::decide(&request, &texts.set());
        let after = iam::decide(&request, &texts.add(layer, &allow).set());
        prop_assert!(before != Decision::Allowed || after == Decision::Allowed);
    }

    #[test]
    fn what_matches_and_denies_denies(texts in texts(), request in request()) {
        let set = texts.add(0, r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#)
            .add(1, r#"{"Effect":"Deny","Principal":"*","Action":"*"}"#).set();
        let evaluation = iam::evaluate(&request, &set);
        for layer in evaluation.layers() {
            prop_assert!(layer.deny != iam::Truth::Matched || evaluation.decision() == Decision::ExplicitlyDenied);
        }
    }

    /// Whatever the keys that were not known turn out to be, an allow stays one, and so does a denial without open keys.
    #[test]
    fn more_knowledge_never_overturns_what_was_certain(
        texts in texts(), request in request(), forgotten in forgotten(),
    ) {
        let set = texts.set();
        let known = forget(&request.context, &[]);
        let whole = Request { context: known, ..request.clone() };
        let partial = Request { context: forget(&request.context, &forgotten), ..request };
        let answer = iam::evaluate(&whole, &set).decision();
        let guess = iam::evaluate(&partial, &set);
        match guess.decision() {
            Decision::Allowed => prop_assert_eq!(answer, Decision::Allowed),
            Decision::ExplicitlyDenied => prop_assert_eq!(answer, Decision::ExplicitlyDenied),
            Decision::ImplicitlyDenied if guess.open_keys().is_empty() => prop_assert_ne!(answer, Decision::Allowed),
            Decision::ImplicitlyDenied => {}
        }
    }

    #[test]
    fn a_denial_can_always_be_told(texts in texts(), request in request()) {
        let evaluation = iam::evaluate(&request, &texts.set());
        prop_assert_eq!(evaluation.denial().is_none(), evaluation.is_allowed());
        prop_assert!(!evaluation.sentence(&request).is_empty());
        prop_assert!(!evaluation.explanation(&request).is_empty());
        for near_miss in evaluation.near_misses() {
            prop_assert!(near_miss.elements.len() + near_miss.conditions.len() > 0);
        }
    }

    #[test]
    fn printed_and_read_again_it_is_the_same(statements in prop::collection::vec(any_statement(true), 0..4)) {
        let policy = Policy::parse(&document(&statements)).unwrap();
        prop_assert_eq!(Policy::parse(&policy.to_string()).unwrap(), policy);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn no_damaged_document_panics(
        statements in prop::collection::vec(any_statement(true), 1..3), at in any::<prop::sample::Index>(), c in any::<char>(),
    ) {
        let mut damaged: Vec<char> = document(&statements).chars().collect();
        let at = at.index(damaged.len());
        damaged[at] = c;
        if let Ok(policy) = Policy::parse(&damaged.into_iter().collect::<String>()) {
            prop_assert_eq!(Policy::parse(&policy.to_string()).unwrap(), policy);
        }
    }

    #[test]
    fn no_request_panics(texts in texts(), principal in principal(), action in "\\PC{0,20}", resource in "\\PC{0,40}", value in "\\PC{0,20}") {
        let context = KEYS.iter().fold(Context::complete(), |context, key| context.with(key, value.clone()));
        let request = Request::new(principal, action, resource, context);
        let evaluation = iam::evaluate(&request, &texts.set());
        prop_assert_eq!(evaluation.decision(), iam::decide(&request, &texts.set()));
    }
}

#[test]
fn policies_and_requests_meet() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = [0; 3];
    for _ in 0..2000 {
        let (texts, request) = (texts(), request()).new_tree(&mut runner).unwrap().current();
        counts[iam::decide(&request, &texts.set()) as usize] += 1;
    }
    assert!(
        counts.iter().all(|count| *count > 60),
        "allowed, denied, not allowed: {counts:?}"
    );
}

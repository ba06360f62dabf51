//! What holds for every text: nothing panics, fixing is done once and keeps the meaning, and what is written here is
//! clean.

#![allow(clippy::unwrap_used, reason = "what cannot be set up has failed")]

use iam::explain::{self, Question};
use iam::lint::{self, Known, Rule};
use iam::{Arn, Context, Dossier, Named, OidcProviderArn, Policy, PolicySet, Principal, Request, RoleArn, generate};
use proptest::prelude::*;
use proptest::sample::select;

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

fn list(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(word(words), 1..5).prop_map(|words| {
        let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        format!("[ {} ]", quoted.join(",\n "))
    })
}

const ACTIONS: &[&str] = &[
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:*",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "ecr:Nonsense",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ecr:us-east-1:111122223333:repository/app",
    "arn:aws:ecr:us-east-1:111122223333:repository/app/*",
    "arn:aws:iam::111122223333:role/puller",
    "${ROLE_ARN}",
];
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme";
const PRINCIPALS: &[&str] = &[
    r#""*""#,
    r#"{"AWS":"arn:aws:iam::111122223333:role/puller"}"#,
    r#"{"AWS":["444455556666","arn:aws:iam::0123456789012:root"]}"#,
    r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"}"#,
    r#"{"Service":"ec2.amazonaws.com"}"#,
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringLike",
    "StringNotLike",
    "ForAllValues:StringLike",
    "StringEqualsIfExists",
];
const KEYS: &[&str] = &[
    "issuer.example/acme:sub",
    "issuer.example/acme:aud",
    "https://issuer.example/acme:sub",
    "issuer.example/acme/:aud",
    "aws:PrincipalTag/team",
    "sts:ExternalId",
];
const VALUES: &[&str] = &["a", "b", "a*", "${aws:username}", "x\\\\y"];

/// A document of the language with much that lint speaks of.
fn document() -> impl Strategy<Value = String> {
    let condition = prop::collection::btree_map(
        word(OPERATORS),
        prop::collection::btree_map(word(KEYS), list(VALUES), 1..3),
        0..3,
    );
    let statement = (
        word(&["Allow", "Allow", "Deny"]),
        list(ACTIONS),
        prop::option::of(list(RESOURCES)),
        prop::option::of(word(PRINCIPALS)),
        condition,
    );
    prop::collection::vec(statement, 1..4).prop_map(|statements| {
        let statements: Vec<String> = statements
            .into_iter()
            .map(|(effect, actions, resources, principals, conditions)| {
                let mut text = format!("{{ \"Effect\": \"{effect}\", \"Action\": {actions}");
                if let Some(resources) = resources {
                    text += &format!(", \"Resource\":{resources}");
                }
                if let Some(principals) = principals {
                    text += &format!(", \"Principal\":{principals}");
                }
                let blocks: Vec<String> = conditions
                    .iter()
                    .map(|(operator, keys)| {
                        let keys: Vec<String> = keys
                            .iter()
                            .map(|(key, values)| format!("\"{key}\" : {values}"))
                            .collect();
                        format!("\"{operator}\":{{{}}}", keys.join(", "))
                    })
                    .collect();
                format!("{text}, \"Condition\": {{ {} }} }}", blocks.join(",\n"))
            })
            .collect();
        format!(
            "{{\n\"Version\":\"2012-10-17\",\n\"Statement\":[{}]\n}}\n",
            statements.join(",\n  ")
        )
    })
}

/// Some requests that the documents above may be about.
fn requests() -> Vec<Request> {
    let user: Arn = "arn:aws:iam::111122223333:user/a".parse().unwrap();
    let mut requests = Vec::new();
    for value in ["a", "b", "ab", "x\\y"] {
        for action in ["ecr:BatchGetImage", "ecr:GetAuthorizationToken"] {
            let context = Context::complete()
                .with("aws:PrincipalTag/team", value)
                .with("sts:ExternalId", value)
                .with("issuer.example/acme:sub", value);
            let repository = "arn:aws:ecr:us-east-1:111122223333:repository/app";
            requests.push(Request::new(Principal::Aws(user.clone()), action, repository, context));
        }
        for subject in ["a", "b"] {
            let context = Context::complete()
                .with("issuer.example/acme:sub", subject)
                .with("issuer.example/acme:aud", value)
                .with("aws:PrincipalTag/team", value);
            let role = "arn:aws:iam::111122223333:role/puller";
            let principal = Principal::Federated(PROVIDER.to_owned());
            requests.push(Request::new(principal, "sts:AssumeRoleWithWebIdentity", role, context));
        }
    }
    requests
}

fn decisions(text: &str) -> Vec<iam::Decision> {
    let named = Named::new("p", Policy::parse(text).unwrap());
    let set = PolicySet {
        identity: vec![named.clone()],
        resource: Some(named.clone()),
        trust: Some(named),
        ..PolicySet::default()
    };
    requests().iter().map(|request| iam::decide(request, &set)).collect()
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), soup in r#"[{}\[\]:,"a$* \n\\ü1]{0,80}"#) {
        for text in [&text, &soup, &format!("{{Statement: [{soup}]}}"), &format!("{{\"Statement\": [{soup}]}}")] {
            let known = Known::default();
            for finding in lint::check(text, &known) {
                let lines = u32::try_from(text.lines().count().max(1)).unwrap();
                prop_assert!(finding.at.line <= lines + 1);
            }
            let fixed = lint::fix(text, &known);
            prop_assert_eq!(&lint::fix(&fixed, &known), &fixed);
            let _ = Dossier::new().add("x.json", text);
        }
    }

    #[test]
    fn a_fix_is_done_once_and_leaves_nothing_to_fix(text in document()) {
        let known = Known::default();
        let fixed = lint::fix(&text, &known);
        prop_assert!(lint::check(&fixed, &known).iter().all(|finding| finding.edits.is_empty()), "{}", fixed);
        prop_assert_eq!(&lint::fix(&fixed, &known), &fixed);
        Policy::parse(&fixed).unwrap();
    }

    /// A key that no request has is none of a valid document; all else keeps its meaning.
    #[test]
    fn a_fix_keeps_the_meaning(text in document()) {
        let found = lint::check(&text, &Known::default());
        let misspelt = |rule: Rule| matches!(rule, Rule::KeyWithScheme | Rule::KeyWithTrailingSlash);
        prop_assume!(!found.iter().any(|finding| misspelt(finding.rule) && !finding.edits.is_empty()));
        prop_assert_eq!(decisions(&text), decisions(&lint::fix(&text, &Known::default())));
    }

    /// A document that lost its quotes gets them back, to the letter.
    #[test]
    fn lost_quotes_are_put_back(text in document()) {
        let fixed = lint::fix(&text, &Known::default());
        prop_assume!(!fixed.contains('\\'));
        prop_assert_eq!(lint::fix(&fixed.replace('"', ""), &Known::default()), fixed);
    }

    #[test]
    fn explain_takes_every_document(texts in prop::collection::vec(document(), 0..4), subject in "[a-z*${}]{0,6}") {
        let mut dossier = Dossier::new();
        for (index, text) in texts.iter().enumerate() {
            dossier.add(&format!("{index}.json"), text).unwrap();
        }
        let question = Question::new(
            "arn:aws:ecr:us-east-1:111122223333:repository/app".parse().unwrap(),
            "arn:aws:iam::111122223333:role/puller".parse().unwrap(),
        )
        .unwrap()
        .token(explain::Token::new("https://issuer.example/acme", "a", subject))
        .unwrap();
        let ladder = explain::pull(&question, &dossier);
        for change in ladder.changes().iter().filter(|change| !change.title.starts_with("OIDC")) {
            let empty = change.document.contains("\"Statement\": []");
            prop_assert!(empty || Policy::parse(&change.document).is_ok(), "{}", change.document);
        }
    }

    #[test]
    fn what_is_generated_is_clean(
        audience in "[a-z./:-]{1,20}",
        subject in "[a-zA-Z0-9_:/.${}-]{1,40}",
        path in "(/[a-z0-9]{1,8}){0,3}",
        ids in prop::collection::vec("[a-zA-Z0-9+=,.@:/-]{2,20}", 1..4),
        names in prop::collection::btree_set("[a-z0-9]{1,12}(/[a-z0-9]{1,8}){0,2}", 1..4),
    ) {
        let provider: OidcProviderArn = format!("arn:aws:iam::111122223333:oidc-provider/issuer.example{path}").parse().unwrap();
        let role: RoleArn = "arn:aws:iam::111122223333:role/puller".parse().unwrap();
        let agent: Arn = "arn:aws:iam::444455556666:role/agent".parse().unwrap();
        let repositories: Vec<Arn> = names
            .iter()
            .map(|name| format!("arn:aws:ecr:us-east-1:111122223333:repository/{name}").parse().unwrap())
            .collect();
        let ids: std::collections::BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        for document in [
            generate::web_identity_trust(&provider, &audience, &subject),
            generate::web_identity_trust_with_tags(&provider, &audience, &subject),
            generate::assume_role_trust(&agent, &ids),
            generate::pull_permissions(&repositories),
            generate::inventory_permissions(&repositories),
            generate::assume_only(std::slice::from_ref(&role)).unwrap(),
            generate::pull_from_elsewhere(&[agent]).unwrap(),
        ] {
            prop_assert_eq!(lint::check(&document.to_string(), &Known::default()), [], "{}", document);
        }
    }
}

//! A question of the JSON contract, whole: every one gets an answer or an error in one line of JSON, and what holds for
//! every policy holds for its policies.

#![no_main]

use std::sync::LazyLock;

use iam::wire::{self, Question};
use iam::{Decision, Named, Policy, decide, evaluate};
use libfuzzer_sys::fuzz_target;

static DENY: LazyLock<Named> = LazyLock::new(|| named("Deny"));
static ALLOW: LazyLock<Named> = LazyLock::new(|| named("Allow"));

fuzz_target!(|text: &str| {
    let reply = wire::reply(text);
    assert!(!reply.contains('\n'), "{reply}");
    let answer: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    let Ok(Question { request, mut policies }) = Question::parse(text) else {
        assert!(answer["error"]["line"].as_u64().is_some_and(|line| line > 0), "{reply}");
        return;
    };
    let evaluation = evaluate(&request, &policies);
    let decision = evaluation.decision();
    assert_eq!(answer["decision"], format!("{decision:?}"), "{reply}");
    assert_eq!(decide(&request, &policies), decision);

    policies.identity.push(ALLOW.clone());
    let more = decide(&request, &policies);
    assert!(
        decision != Decision::Allowed || more == Decision::Allowed,
        "an allow took away an allow"
    );
    policies.identity.push(DENY.clone());
    let less = decide(&request, &policies);
    assert!(
        more == Decision::Allowed || less != Decision::Allowed,
        "a denial gave an allow"
    );
});

fn named(effect: &str) -> Named {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "*", "Resource": "*"}}}}"#
    );
    Named::new("added", Policy::parse(&text).expect("a policy"))
}

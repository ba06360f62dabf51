//! A document of any kind: it is read or refused, printed so that it reads as the same, and decides without panicking.

#![no_main]

use iam::{Context, Kind, Named, Policy, PolicySet, Principal, Request, decide, evaluate};
use libfuzzer_sys::fuzz_target;

const KINDS: [Kind; 7] = [
    Kind::Identity,
    Kind::Resource,
    Kind::Trust,
    Kind::Boundary,
    Kind::Session,
    Kind::ServiceControl,
    Kind::ResourceControl,
];

fuzz_target!(|text: &str| {
    let Ok(policy) = Policy::parse(text) else { return };
    for printed in [policy.to_string(), format!("{policy:#}")] {
        assert_eq!(Policy::parse(&printed).as_ref(), Ok(&policy), "{printed}");
    }
    for request in requests() {
        for kind in KINDS {
            let _ = policy.check(kind);
            let set = with(kind, Named::new("p", policy.clone()));
            let evaluation = evaluate(&request, &set);
            assert_eq!(decide(&request, &set), evaluation.decision());
            assert!(!evaluation.explanation(&request).is_empty());
            assert!(!evaluation.sentence(&request).is_empty());
            for miss in evaluation.near_misses() {
                assert!(miss.elements.len() + miss.conditions.len() > 0);
            }
        }
    }
});

/// What a pull consists of, with a context that is whole and one that is not.
fn requests() -> Vec<Request> {
    let session = || {
        Principal::Aws(
            "arn:aws:sts::111122223333:assumed-role/puller/s"
                .parse()
                .expect("an ARN"),
        )
    };
    let token = || Principal::Federated("arn:aws:iam::111122223333:oidc-provider/i.example".to_owned());
    let context = |empty: Context| {
        empty
            .with("k", "v")
            .with_all("aws:TagKeys", ["a", "b"])
            .with("aws:SourceIp", "203.0.113.9")
            .with("aws:CurrentTime", "2026-11-20T00:00:00Z")
            .with("aws:MultiFactorAuthAge", "7")
    };
    let repository = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";
    let role = "arn:aws:iam::111122223333:role/puller";
    vec![
        Request::new(session(), "ecr:BatchGetImage", repository, context(Context::complete())),
        Request::new(session(), "ecr:BatchGetImage", repository, context(Context::partial())),
        Request::new(session(), "ecr:GetAuthorizationToken", "*", Context::complete()),
        Request::new(
            token(),
            "sts:AssumeRoleWithWebIdentity",
            role,
            context(Context::complete()),
        ),
        Request::new(session(), "sts:AssumeRole", role, Context::partial()),
        Request::new(
            Principal::Anonymous,
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            context(Context::complete()),
        ),
    ]
}

fn with(kind: Kind, policy: Named) -> PolicySet {
    let mut set = PolicySet::default();
    match kind {
        Kind::Identity => set.identity.push(policy),
        Kind::Resource => set.resource = Some(policy),
        Kind::Trust => set.trust = Some(policy),
        Kind::Boundary => set.boundary.push(policy),
        Kind::Session => set.session.push(policy),
        Kind::ServiceControl => set.service_control.push(vec![policy]),
        Kind::ResourceControl => set.resource_control.push(vec![policy]),
    }
    set
}

use proptest::prelude::*;

use super::*;
use crate::lint::{self, Known};
use crate::{
    Arn, Context, Decision, Kind, Named, OidcProviderArn, Policy, PolicySet, Principal, Request, RoleArn, decide,
};

const ROLE: &str = "arn:aws:iam::111122223333:role/puller";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/puller/s";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";

fn named(document: &Document) -> Named {
    assert_eq!(Policy::parse(&document.compact()).unwrap(), document.policy());
    Named::new("generated", document.policy())
}

fn aws(arn: &str) -> Principal {
    Principal::Aws(arn.parse().unwrap())
}

fn allows(request: &Request, policies: &PolicySet) -> bool {
    decide(request, policies) == Decision::Allowed
}

fn provider() -> OidcProviderArn {
    "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"
        .parse()
        .unwrap()
}

fn token(provider: &OidcProviderArn, action: &str, audience: &str, subject: &str) -> Request {
    let context = Context::complete()
        .with(&provider.condition_key("aud"), audience)
        .with(&provider.condition_key("sub"), subject);
    Request::new(Principal::Federated(provider.to_string()), action, ROLE, context)
}

#[test]
fn printed() {
    assert_eq!(
        web_identity_trust(&provider(), "sts.amazonaws.com", "team:a").to_string(),
        r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AssumeRoleWithWebIdentity",
            "Effect": "Allow",
            "Principal": {
                "Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"
            },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "issuer.example/acme:aud": "sts.amazonaws.com",
                    "issuer.example/acme:sub": "team:a"
                }
            }
        }
    ]
}"#
    );
    assert_eq!(
        pull_permissions(&[REPOSITORY.parse().unwrap()]).to_string(),
        r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Login",
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            "Resource": "*"
        },
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": [
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer"
            ],
            "Resource": "arn:aws:ecr:us-east-1:444455556666:repository/team/app"
        }
    ]
}"#
    );
}

#[test]
fn each_keeps_the_rules_of_its_kind() {
    let trusted: Arn = "arn:aws:iam::444455556666:root".parse().unwrap();
    let role: RoleArn = ROLE.parse().unwrap();
    for (document, kind) in [
        (web_identity_trust(&provider(), "a", "s"), Kind::Trust),
        (web_identity_trust_with_tags(&provider(), "a", "s"), Kind::Trust),
        (assume_role_trust(&trusted, &["id"]), Kind::Trust),
        (pull_permissions(&[]), Kind::Identity),
        (inventory_permissions(&[REPOSITORY.parse().unwrap()]), Kind::Identity),
        (assume_only(&[role]).unwrap(), Kind::Identity),
        (
            pull_from_elsewhere(std::slice::from_ref(&trusted)).unwrap(),
            Kind::Resource,
        ),
    ] {
        document.policy().check(kind).unwrap();
        // The default limits of IAM: 2,048 characters for a trust policy, 6,144 for a managed policy.
        assert!(document.compact().len() < 2048, "{document}");
    }
}

#[test]
fn a_reviewer_has_nothing_to_say() {
    let role: RoleArn = ROLE.parse().unwrap();
    let agent: Arn = "arn:aws:iam::444455556666:role/agent".parse().unwrap();
    let repositories: [Arn; 1] = [REPOSITORY.parse().unwrap()];
    for (document, kind) in [
        (
            web_identity_trust(&provider(), "sts.amazonaws.com", "team:a"),
            Kind::Trust,
        ),
        (
            web_identity_trust_with_tags(&provider(), "sts.amazonaws.com", "team:a"),
            Kind::Trust,
        ),
        (assume_role_trust(&agent, &["one-id", "another-id"]), Kind::Trust),
        (pull_permissions(&repositories), Kind::Identity),
        (inventory_permissions(&repositories), Kind::Identity),
        (assume_only(&[role]).unwrap(), Kind::Identity),
        (
            pull_from_elsewhere(std::slice::from_ref(&agent)).unwrap(),
            Kind::Resource,
        ),
    ] {
        let known = Known {
            kind: Some(kind),
            ..Known::default()
        };
        assert_eq!(lint::check(&document.to_string(), &known), [], "{document}");
    }
}

#[test]
fn tags_only_where_they_are_used() {
    let asks = |document: &Document, action: &str| {
        let set = PolicySet {
            trust: Some(named(document)),
            ..PolicySet::default()
        };
        allows(&token(&provider(), action, "a", "s"), &set)
    };
    let plain = web_identity_trust(&provider(), "a", "s");
    assert!(asks(&plain, "sts:AssumeRoleWithWebIdentity") && !asks(&plain, "sts:TagSession"));
    let tagged = web_identity_trust_with_tags(&provider(), "a", "s");
    assert!(asks(&tagged, "sts:AssumeRoleWithWebIdentity") && asks(&tagged, "sts:TagSession"));
}

#[test]
fn the_trust_with_external_ids() {
    let trusted: Arn = "arn:aws:iam::444455556666:role/agent".parse().unwrap();
    let asks = |document: &Document, caller: &str, id: Option<&str>| {
        let context = id
            .into_iter()
            .fold(Context::complete(), |context, id| context.with("sts:ExternalId", id));
        let request = Request::new(aws(caller), "sts:AssumeRole", ROLE, context);
        let own_side = named(&assume_only(&[ROLE.parse().unwrap()]).unwrap());
        allows(
            &request,
            &PolicySet {
                trust: Some(named(document)),
                identity: vec![own_side],
                ..PolicySet::default()
            },
        )
    };
    let agent = "arn:aws:sts::444455556666:assumed-role/agent/s";
    let document = assume_role_trust(&trusted, &["one", "two"]);
    assert!(asks(&document, agent, Some("one")) && asks(&document, agent, Some("two")));
    assert!(!asks(&document, agent, Some("three")) && !asks(&document, agent, None));
    assert!(!asks(
        &document,
        "arn:aws:sts::444455556666:assumed-role/other/s",
        Some("one")
    ));
    assert!(asks(&assume_role_trust(&trusted, &[]), agent, None));
}

#[test]
fn the_agent_may_assume_its_roles_and_nothing_else() {
    let document = assume_only(&[ROLE.parse().unwrap()]).unwrap();
    let asks = |action: &str, resource: &str| {
        let agent = aws("arn:aws:iam::444455556666:user/agent");
        let open = Policy::parse(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#,
        )
        .unwrap();
        let open = Named::new("open", open);
        let set = PolicySet {
            identity: vec![named(&document)],
            trust: Some(open.clone()),
            resource: Some(open),
            ..PolicySet::default()
        };
        allows(&Request::new(agent, action, resource, Context::complete()), &set)
    };
    assert!(asks("sts:AssumeRole", ROLE));
    assert!(!asks("sts:AssumeRole", "arn:aws:iam::111122223333:role/other"));
    assert!(!asks("sts:TagSession", ROLE));
    assert!(!asks(
        "ecr:BatchGetImage",
        "arn:aws:ecr:us-east-1:111122223333:repository/app"
    ));
    assert!(assume_only(&[]).is_err() && pull_from_elsewhere(&[]).is_err());
}

/// Both sides of a pull across accounts.
fn pulls(own: &Document, theirs: &Document, caller: &str, action: &str, resource: &str) -> bool {
    let set = PolicySet {
        identity: vec![named(own)],
        resource: Some(named(theirs)),
        ..PolicySet::default()
    };
    allows(&Request::new(aws(caller), action, resource, Context::complete()), &set)
}

#[test]
fn the_two_sides_of_a_pull_across_accounts() {
    let own = pull_permissions(&[REPOSITORY.parse().unwrap()]);
    let theirs = pull_from_elsewhere(&[ROLE.parse().unwrap()]).unwrap();
    assert!(pulls(&own, &theirs, SESSION, "ecr:BatchGetImage", REPOSITORY));
    assert!(pulls(&own, &theirs, SESSION, "ecr:GetDownloadUrlForLayer", REPOSITORY));
    assert!(pulls(&own, &theirs, SESSION, "ecr:GetAuthorizationToken", "*"));
    assert!(!pulls(&own, &theirs, SESSION, "ecr:PutImage", REPOSITORY));
    assert!(!pulls(
        &own,
        &theirs,
        SESSION,
        "ecr:BatchGetImage",
        &REPOSITORY.replace("app", "b")
    ));
    assert!(!pulls(
        &own,
        &theirs,
        &SESSION.replace("puller", "other"),
        "ecr:BatchGetImage",
        REPOSITORY
    ));
    assert!(!pulls(
        &pull_permissions(&[]),
        &theirs,
        SESSION,
        "ecr:BatchGetImage",
        REPOSITORY
    ));
    assert!(pulls(
        &pull_permissions(&[]),
        &theirs,
        SESSION,
        "ecr:GetAuthorizationToken",
        "*"
    ));
}

/// Also what wildcards and variables look like.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z:/*?${}@._-]{1,40}",
        Just("${aws:userid}".to_owned()),
        Just("*".to_owned()),
        "\\PC{1,20}"
    ]
}

fn host_and_path() -> impl Strategy<Value = String> {
    "[a-z0-9.-]{1,30}(/[A-Za-z0-9._-]{1,10}){0,3}"
}

proptest! {
    #[test]
    fn a_web_identity_is_let_in_and_with_one_property_changed_kept_out(
        place in host_and_path(),
        audience in text(),
        subject in text(),
        other in text(),
        account in "[0-9]{12}",
    ) {
        let issuer = format!("https://{place}");
        let provider = OidcProviderArn::of_issuer("aws", account.parse().unwrap(), &issuer).unwrap();
        let set = PolicySet {
            trust: Some(named(&web_identity_trust(&provider, &audience, &subject))),
            ..PolicySet::default()
        };
        let action = "sts:AssumeRoleWithWebIdentity";
        prop_assert!(allows(&token(&provider, action, &audience, &subject), &set));
        prop_assume!(other != subject && other != audience);
        prop_assert!(!allows(&token(&provider, action, &audience, &other), &set));
        prop_assert!(!allows(&token(&provider, action, &other, &subject), &set));
        prop_assert!(!allows(&token(&provider, "sts:TagSession", &audience, &subject), &set));
        let stranger = OidcProviderArn::of_issuer("aws", account.parse().unwrap(), &format!("{issuer}x")).unwrap();
        prop_assert!(!allows(&token(&stranger, action, &audience, &subject), &set));
        let incomplete = Request { context: Context::complete(), ..token(&provider, action, &audience, &subject) };
        prop_assert!(!allows(&incomplete, &set));
    }

    #[test]
    fn a_pull_is_allowed_and_with_one_property_changed_denied(
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
        name in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}",
        own in "[0-9]{12}",
        theirs in "[0-9]{12}",
        role in "[A-Za-z0-9]{1,20}",
    ) {
        prop_assume!(own != theirs);
        let repository = format!("arn:aws:ecr:{region}:{theirs}:repository/{name}");
        let role_arn = format!("arn:aws:iam::{own}:role/{role}");
        let session = format!("arn:aws:sts::{own}:assumed-role/{role}/s");
        let mine = pull_permissions(&[repository.parse().unwrap()]);
        let grant = pull_from_elsewhere(&[role_arn.parse().unwrap()]).unwrap();
        let action = "ecr:BatchGetImage";
        prop_assert!(pulls(&mine, &grant, &session, action, &repository));
        let others = [
            (session.clone(), "ecr:PutImage".to_owned(), repository.clone()),
            (session.clone(), action.to_owned(), format!("{repository}/x")),
            (session.clone(), action.to_owned(), repository.replace(&region, "xx-other-0")),
            (session.replace(&format!("/{role}/"), &format!("/{role}x/")), action.to_owned(), repository.clone()),
        ];
        for (caller, action, resource) in others {
            prop_assert!(!pulls(&mine, &grant, &caller, &action, &resource), "{} {} {}", caller, action, resource);
        }
    }

    #[test]
    fn session_tags_are_let_in_with_the_identity_and_not_without(
        audience in text(),
        subject in text(),
        other in text(),
    ) {
        prop_assume!(other != subject && other != audience);
        let trust = |document: Document| PolicySet { trust: Some(named(&document)), ..PolicySet::default() };
        let tagged = trust(web_identity_trust_with_tags(&provider(), &audience, &subject));
        for action in ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"] {
            prop_assert!(allows(&token(&provider(), action, &audience, &subject), &tagged));
            prop_assert!(!allows(&token(&provider(), action, &audience, &other), &tagged));
            prop_assert!(!allows(&token(&provider(), action, &other, &subject), &tagged));
        }
        prop_assert!(!allows(&token(&provider(), "sts:SetSourceIdentity", &audience, &subject), &tagged));
    }

    #[test]
    fn an_agent_assumes_its_role_and_with_one_property_changed_does_not(
        ids in prop::collection::btree_set("[A-Za-z0-9+=,.@:/-]{2,40}|[$][{]aws:userid[}]", 1..4),
        other_id in "[A-Za-z0-9+=,.@:/-]{2,40}",
        own in "[0-9]{12}",
        theirs in "[0-9]{12}",
        role in "[A-Za-z0-9]{1,20}",
    ) {
        prop_assume!(own != theirs && !ids.contains(&other_id));
        let target = format!("arn:aws:iam::{theirs}:role/{role}");
        let agent = format!("arn:aws:iam::{own}:role/agent");
        let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
        let set = PolicySet {
            identity: vec![named(&assume_only(&[target.parse().unwrap()]).unwrap())],
            trust: Some(named(&assume_role_trust(&agent.parse().unwrap(), &listed))),
            ..PolicySet::default()
        };
        let asks = |caller: &str, action: &str, resource: &str, id: Option<&str>| {
            let context = id.into_iter().fold(Context::complete(), |context, id| context.with("sts:ExternalId", id));
            allows(&Request::new(aws(caller), action, resource, context), &set)
        };
        let session = format!("arn:aws:sts::{own}:assumed-role/agent/s");
        let action = "sts:AssumeRole";
        for id in &listed {
            prop_assert!(asks(&session, action, &target, Some(id)));
        }
        let id = Some(listed[0]);
        prop_assert!(!asks(&session, action, &target, None));
        prop_assert!(!asks(&session, action, &target, Some(&other_id)));
        let longer = format!("{target}x");
        prop_assert!(!asks(&session, action, &longer, id));
        prop_assert!(!asks(&session, "sts:TagSession", &target, id));
        prop_assert!(!asks(&session.replace("/agent/", "/agents/"), action, &target, id));
        prop_assert!(!asks(&session.replace(&own, &theirs), action, &target, id));
    }

    #[test]
    fn an_inventory_reads_its_repositories_and_nothing_else(
        names in prop::collection::btree_set("[a-z0-9]{2,8}(/[a-z0-9]{1,8}){0,2}", 1..4),
        account in "[0-9]{12}",
    ) {
        let arn = |name: &str| format!("arn:aws:ecr:us-east-1:{account}:repository/{name}");
        let arns: Vec<Arn> = names.iter().map(|name| arn(name).parse().unwrap()).collect();
        let set = PolicySet { identity: vec![named(&inventory_permissions(&arns))], ..PolicySet::default() };
        let scanner = format!("arn:aws:sts::{account}:assumed-role/scanner/s");
        let asks = |action: &str, resource: &str| {
            allows(&Request::new(aws(&scanner), action, resource, Context::complete()), &set)
        };
        prop_assert!(asks("ecr:GetAuthorizationToken", "*"));
        for action in SNYK {
            for name in &names {
                prop_assert!(asks(action, &arn(name)), "{}", action);
            }
            prop_assert!(!asks(action, &arn("another/one")), "{}", action);
        }
        for action in ["ecr:PutImage", "ecr:DeleteRepository", "ecr:SetRepositoryPolicy", "ecr:BatchDeleteImage"] {
            prop_assert!(!asks(action, arns[0].as_str()), "{}", action);
        }
    }
}

/// The list of the Snyk document, but for the login.
const SNYK: [&str; 10] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:GetRepositoryPolicy",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
];

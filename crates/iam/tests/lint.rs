//! Every rule of lint: a document that it speaks of, and the nearest one that it does not.

use iam::Kind;
use iam::lint::{self, Finding, Known, Rule};

fn known() -> Known {
    let mut known = Known {
        account: Some("111122223333".parse().expect("an account")),
        ..Known::default()
    };
    known.learn(r#"{"Url":"issuer.example/acme","ClientIDList":["sts.amazonaws.com","other"],"ThumbprintList":[]}"#);
    known.uses_web_identity = false;
    known
}

fn rules_with(text: &str, known: &Known) -> Vec<Rule> {
    lint::check(text, known).iter().map(|finding| finding.rule).collect()
}

fn rules(text: &str) -> Vec<Rule> {
    rules_with(text, &known())
}

fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn allow(members: &str) -> String {
    document(&format!(r#"{{"Effect":"Allow",{members}}}"#))
}

/// Permissions on a repository.
fn permissions(actions: &str, resources: &str) -> String {
    allow(&format!(r#""Action":{actions},"Resource":{resources}"#))
}

/// A trust in the provider of `known`, given by its condition.
fn token_trust(condition: &str) -> String {
    allow(&format!(
        r#""Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}"#
    ))
}

const GOOD_CONDITION: &str =
    r#"{"StringEquals":{"issuer.example/acme:aud":"sts.amazonaws.com","issuer.example/acme:sub":"team:a"}}"#;

fn trust(principal: &str, condition: &str) -> String {
    allow(&format!(
        r#""Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole","Condition":{condition}"#
    ))
}

const EXTERNAL_ID: &str = r#"{"StringEquals":{"sts:ExternalId":"x"}}"#;
const REPOSITORY: &str = r#""arn:aws:ecr:us-east-1:111122223333:repository/app""#;
const PULL: &str = r#"["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]"#;

fn repository(principal: &str, actions: &str) -> String {
    allow(&format!(r#""Principal":{principal},"Action":{actions}"#))
}

/// The first document has the finding, alone; the second has none at all.
#[track_caller]
fn only(rule: Rule, bad: &str, good: &str) -> Finding {
    let found = lint::check(bad, &known());
    assert_eq!(found.iter().map(|f| f.rule).collect::<Vec<_>>(), [rule], "{found:#?}");
    let clean = lint::check(good, &known());
    assert_eq!(clean, [], "{good}");
    found.into_iter().next().expect("the finding")
}

#[test]
fn what_is_no_policy() {
    assert_eq!(rules("Dear colleague,"), [Rule::NotJson]);
    assert_eq!(rules("{\"a\": 1}"), [Rule::NotAPolicy]);
    assert_eq!(
        rules(&document(
            r#"{"Effect":"allow","Action":"s3:GetObject","Resource":"*"}"#
        )),
        [Rule::NotAPolicy]
    );
    assert_eq!(rules(&permissions("\"s3:GetObject\"", "\"*\"")), []);
}

#[test]
fn lost_quotes_are_put_back() {
    let text = "{\n  Version: 2012-10-17,\n  Statement: [ { Effect: Allow, Action: ecr:GetAuthorizationToken, Resource: * } ]\n}\n";
    let found = only(
        Rule::UnquotedJson,
        text,
        &permissions("\"ecr:GetAuthorizationToken\"", "\"*\""),
    );
    assert_eq!((found.at.line, found.at.column), (2, 3));
    let fixed = lint::fix(text, &known());
    assert_eq!(
        fixed,
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [ { \"Effect\": \"Allow\", \
         \"Action\": \"ecr:GetAuthorizationToken\", \"Resource\": \"*\" } ]\n}\n"
    );
    assert_eq!(rules(&fixed), []);
}

#[test]
fn findings_within_unquoted_text_have_places_of_that_text() {
    let text = "{ Version: 2012-10-17,\n Statement: [ { Effect: Allow, Action: ecr:Nonsense, Resource: * } ] }";
    let found = lint::check(text, &known());
    let place = found.iter().find(|f| f.rule == Rule::UnknownAction).unwrap().at;
    assert_eq!(
        (place.line, place.column as usize),
        (2, text.lines().nth(1).unwrap().find("ecr:").unwrap() + 1)
    );
}

#[test]
fn wrapped_documents_are_unwrapped() {
    let inner = permissions("\"ecr:GetAuthorizationToken\"", "\"*\"");
    let wrapped = format!("{{ \"PolicyVersion\": {{ \"Document\": {inner} }} }}\n");
    // What AWS prints has more than the document.
    let printed = format!(r#"{{"PolicyVersion":{{"Document":{inner},"VersionId":"v1","IsDefaultVersion":true}}}}"#);
    only(Rule::WrappedDocument, &wrapped, &printed);
    assert_eq!(lint::fix(&wrapped, &known()), format!("{inner}\n"));
    assert_eq!(rules(&format!("{{\"Policy\":{inner}}}")), [Rule::WrappedDocument]);
}

#[test]
fn misplaced_elements() {
    let bad = allow(
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/a"},"Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/b""#,
    );
    only(
        Rule::MisplacedElement,
        &bad,
        &allow(r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/a"},"Action":"sts:AssumeRole""#),
    );
    let told = Known {
        kind: Some(Kind::Trust),
        ..known()
    };
    assert!(rules_with(&permissions(PULL, "\"*\""), &told).contains(&Rule::MisplacedElement));
}

#[test]
fn what_was_not_filled_in() {
    for value in ["${ROLE_ARN}", "<your-ECR-repo-ARN>", "ARN of the role"] {
        only(
            Rule::Placeholder,
            &permissions(PULL, &format!("\"{value}\"")),
            &permissions(
                PULL,
                "\"arn:aws:ecr:us-east-1:111122223333:repository/${aws:PrincipalTag/team}/app\"",
            ),
        );
    }
    let key = token_trust(r#"{"StringEquals":{"${ISSUER}:aud":"a","${ISSUER}:sub":"b"}}"#);
    assert_eq!(rules(&key), [Rule::Placeholder, Rule::Placeholder]);
}

#[test]
fn accounts_have_12_digits() {
    let found = only(
        Rule::AccountDigits,
        &repository(r#"{"AWS":"arn:aws:iam::0123456789012:role/a"}"#, PULL),
        &repository(r#"{"AWS":"arn:aws:iam::012345678901:role/a"}"#, PULL),
    );
    assert_eq!(found.what, "`0123456789012` has 13 digits");
    for text in [
        repository(r#"{"AWS":"12345678901"}"#, PULL),
        permissions(PULL, "\"arn:aws:ecr:us-east-1:11112222333:repository/app\""),
        allow(r#""Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"123"}}"#),
    ] {
        assert_eq!(rules(&text), [Rule::AccountDigits], "{text}");
    }
    assert_eq!(rules(&permissions(PULL, "\"arn:aws:ecr:*:*:repository/app\"")), []);
}

#[test]
fn arns_of_the_wrong_kind() {
    let good = repository(r#"{"AWS":"arn:aws:iam::444455556666:role/a"}"#, PULL);
    let principal = |text: &str| repository(&format!(r#"{{"AWS":"{text}"}}"#), PULL);
    for (rule, text) in [
        (
            Rule::ProviderArnForRole,
            "arn:aws:iam::444455556666:oidc-provider/issuer.example",
        ),
        (Rule::ArnOfWrongKind, "arn:aws:iam::444455556666:group/admins"),
        (Rule::ArnOfWrongKind, "arn:aws:iam::444455556666:instance-profile/a"),
        (Rule::WildcardInPrincipal, "arn:aws:iam::444455556666:role/a*"),
        (Rule::DeletedPrincipal, "AROA1234567890EXAMPLE"),
        (Rule::NotAnArn, "puller"),
        (
            Rule::NameContradictsKind,
            "arn:aws:iam::444455556666:user/SnykCraEc2Role",
        ),
        (Rule::NameContradictsKind, "arn:aws:iam::444455556666:role/SnykCraUser"),
    ] {
        only(rule, &principal(text), &good);
    }
    let assume = |arn: &str| permissions("\"sts:AssumeRole\"", &format!("\"{arn}\""));
    only(
        Rule::ProviderArnForRole,
        &assume("arn:aws:iam::111122223333:oidc-provider/issuer.example"),
        &assume("arn:aws:iam::111122223333:role/a"),
    );
    let good = token_trust(GOOD_CONDITION);
    let found = rules(&good.replace("oidc-provider/issuer.example/acme\"", "role/puller\""));
    assert!(found.contains(&Rule::RoleArnForProvider), "{found:?}");
    let found = rules(&good.replace("arn:aws:iam::111122223333:oidc-provider/", "https://"));
    assert!(found.contains(&Rule::NotAnArn), "{found:?}");
    only(
        Rule::NotAnArn,
        &permissions(PULL, "\"111122223333.dkr.ecr.us-east-1.amazonaws.com/app\""),
        &permissions(PULL, REPOSITORY),
    );
}

#[test]
fn keys_of_an_issuer() {
    let good = token_trust(GOOD_CONDITION);
    for (rule, prefix) in [
        (Rule::KeyWithScheme, "https://issuer.example/acme"),
        (Rule::KeyWithScheme, "https://issuer.example/acme/"),
        (Rule::KeyWithTrailingSlash, "issuer.example/acme/"),
    ] {
        let bad = good.replace("issuer.example/acme:", &format!("{prefix}:"));
        assert_eq!(rules(&bad), [rule, rule], "{bad}");
        assert_eq!(lint::fix(&bad, &known()), good);
    }
    // A slash that the provider itself has is right.
    let slash = good.replace("issuer.example/acme", "issuer.example/acme/");
    assert_eq!(rules(&slash), []);
    let other = good.replace("\"issuer.example/acme:sub\"", "\"issuer.example:sub\"");
    only(Rule::KeyOfOtherProvider, &other, &good);
    let custom = good.replace(
        "acme:sub\":\"team:a\"",
        "acme:sub\":\"team:a\",\"issuer.example/acme:repository\":\"x\"",
    );
    only(Rule::UnusableClaim, &custom, &good);
}

#[test]
fn a_fix_never_takes_a_key_that_is_there() {
    let both = token_trust(
        r#"{"StringEquals":{"issuer.example/acme:aud":"other","issuer.example/acme:sub":"a","https://issuer.example/acme:sub":"b"}}"#,
    );
    assert_eq!(rules(&both), [Rule::KeyWithScheme]);
    assert_eq!(lint::fix(&both, &known()), both);
}

#[test]
fn who_a_token_is_for() {
    let good = token_trust(GOOD_CONDITION);
    let aud = r#"{"StringEquals":{"issuer.example/acme:aud":"sts.amazonaws.com"}}"#;
    only(Rule::WebIdentityWithoutSub, &token_trust(aud), &good);
    let sub = r#"{"StringEquals":{"issuer.example/acme:sub":"team:a"}}"#;
    only(Rule::WebIdentityWithoutAud, &token_trust(sub), &good);
    let like = |value: &str| {
        token_trust(&format!(
            r#"{{"StringEquals":{{"issuer.example/acme:aud":"other"}},"StringLike":{{"issuer.example/acme:sub":"{value}"}}}}"#
        ))
    };
    only(Rule::SubjectIsAnybody, &like("*"), &like("team:a*"));
    only(Rule::SubjectIsAnybody, &like("*:*"), &like("team:*"));
    only(
        Rule::AudienceUnknownToProvider,
        &good.replace("sts.amazonaws.com", "sts.example"),
        &good,
    );
    only(
        Rule::ProviderOfOtherAccount,
        &good.replace("111122223333", "444455556666"),
        &good,
    );
    assert_eq!(
        rules(&good.replace("StringEquals", "StringEqualsIfExists")),
        [Rule::PassesWhenMissing, Rule::PassesWhenMissing]
    );
    only(
        Rule::PassesWhenMissing,
        &trust(
            "arn:aws:iam::444455556666:role/a",
            &EXTERNAL_ID.replace("StringEquals", "ForAllValues:StringEquals"),
        ),
        &trust("arn:aws:iam::444455556666:role/a", EXTERNAL_ID),
    );
}

#[test]
fn operators_with_and_without_patterns() {
    let tag = |operator: &str, value: &str| {
        allow(&format!(
            r#""Action":"s3:GetObject","Resource":"*","Condition":{{"{operator}":{{"aws:PrincipalTag/team":"{value}"}}}}"#
        ))
    };
    let exact = tag("StringLike", "a");
    only(Rule::LikeWithoutWildcard, &exact, &tag("StringLike", "a*"));
    assert_eq!(lint::fix(&exact, &known()), tag("StringEquals", "a"));
    assert_eq!(
        lint::fix(&tag("ForAnyValue:StringNotLikeIfExists", "a"), &known()),
        tag("ForAnyValue:StringNotEqualsIfExists", "a")
    );
    only(
        Rule::EqualsWithWildcard,
        &tag("StringEquals", "a*"),
        &tag("StringEquals", "a${*}"),
    );
    // With the exact operator there already, or with a pattern beside it, the block has to stay.
    for condition in [
        r#"{"StringEquals":{"aws:username":"b"},"StringLike":{"aws:PrincipalTag/team":"a"}}"#,
        r#"{"StringLike":{"aws:PrincipalTag/team":"a","aws:username":"b*"}}"#,
    ] {
        let text = allow(&format!(
            r#""Action":"s3:GetObject","Resource":"*","Condition":{condition}"#
        ));
        assert_eq!(rules(&text), [Rule::LikeWithoutWildcard]);
        assert_eq!(lint::fix(&text, &known()), text);
    }
}

#[test]
fn condition_keys_that_nobody_knows() {
    let on = |key: &str| {
        allow(&format!(
            r#""Action":"s3:GetObject","Resource":"*","Condition":{{"StringEquals":{{"{key}":"x"}}}}"#
        ))
    };
    let found = only(
        Rule::UnknownConditionKey,
        &on("aws:PrincipalOrgIDs"),
        &on("aws:principalorgid"),
    );
    assert_eq!(found.fix, "Did you mean `aws:PrincipalOrgID`?");
    assert_eq!(
        lint::check(&on("aws:ExternalId"), &known())[0].fix,
        "Did you mean `sts:ExternalId`?"
    );
    assert_eq!(rules(&on("s3:prefix")), []);
}

#[test]
fn actions_that_nobody_knows() {
    let found = only(
        Rule::UnknownAction,
        &permissions("\"ecr:GetAuthorisationToken\"", "\"*\""),
        &permissions("\"ecr:getauthorizationtoken\"", "\"*\""),
    );
    assert_eq!(found.fix, "Did you mean `ecr:GetAuthorizationToken`?");
    only(
        Rule::UnknownAction,
        &permissions("\"ecr:Pull*\"", "\"*\""),
        &permissions("\"ecr:List*\"", "\"*\""),
    );
    only(
        Rule::UnknownAction,
        &permissions("\"ecs:ListImages\"", "\"*\""),
        &permissions("\"ecs:ListClusters\"", "\"*\""),
    );
    assert_eq!(
        rules(&permissions("\"sts:AssumeRoles\"", "\"*\"")),
        [Rule::UnknownAction]
    );
}

#[test]
fn actions_and_principals_go_together() {
    let good = token_trust(GOOD_CONDITION);
    let found = rules(&good.replace("WithWebIdentity", ""));
    assert!(found.contains(&Rule::ActionAndPrincipalDisagree), "{found:?}");
    only(
        Rule::ActionAndPrincipalDisagree,
        &allow(r#""Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity""#),
        &allow(r#""Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole""#),
    );
}

#[test]
fn trust_across_accounts() {
    let other = "arn:aws:iam::444455556666:role/a";
    only(
        Rule::AssumeRoleWithoutExternalId,
        &trust(other, "{}"),
        &trust("arn:aws:iam::111122223333:role/a", "{}"),
    );
    assert_eq!(rules(&trust(other, EXTERNAL_ID)), []);
    assert_eq!(
        rules(&trust(other, r#"{"StringEquals":{"aws:PrincipalOrgID":"o-x"}}"#)),
        []
    );
    // Where the own account is not known, it says so.
    let found = lint::check(&trust(other, "{}"), &Known::default());
    assert!(
        found[0]
            .what
            .ends_with("(unless the role is of account 444455556666 itself)")
    );
    for account in ["444455556666", "arn:aws:iam::444455556666:root"] {
        assert_eq!(
            rules(&trust(account, "{}")),
            [Rule::AssumeRoleWithoutExternalId, Rule::TrustsWholeAccount]
        );
        assert_eq!(rules(&trust(account, EXTERNAL_ID)), []);
    }
    let open = r#""*""#;
    let org = r#""Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-x"}}"#;
    only(
        Rule::OpenToEveryone,
        &repository(open, PULL),
        &allow(&format!(r#""Principal":{open},"Action":{PULL},{org}"#)),
    );
    assert!(rules(&trust("*", "{}")).contains(&Rule::OpenToEveryone));
}

#[test]
fn a_role_for_a_service_among_tokens() {
    let role = r#"{"Role":{"RoleName":"r","Arn":"arn:aws:iam::111122223333:role/r","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}}}"#;
    assert_eq!(rules(role), []);
    let among = Known {
        uses_web_identity: true,
        ..known()
    };
    assert_eq!(rules_with(role, &among), [Rule::TrustsServiceOnly]);
}

#[test]
fn logins() {
    let login = "\"ecr:GetAuthorizationToken\"";
    only(
        Rule::LoginOnNarrowedResource,
        &permissions(login, REPOSITORY),
        &permissions(login, "\"*\""),
    );
    let with_pull = r#"["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]"#;
    let apart = document(&format!(
        r#"{{"Effect":"Allow","Action":{login},"Resource":"*"}},{{"Effect":"Allow","Action":{PULL},"Resource":{REPOSITORY}}}"#
    ));
    only(Rule::LoginBesideRepositories, &permissions(with_pull, "\"*\""), &apart);
    only(
        Rule::LoginOnNarrowedResource,
        &permissions(with_pull, REPOSITORY),
        &apart,
    );
    let role = r#"{"AWS":"arn:aws:iam::444455556666:role/a"}"#;
    only(
        Rule::LoginInRepositoryPolicy,
        &repository(role, with_pull),
        &repository(role, PULL),
    );
    only(
        Rule::ActionWithoutResource,
        &permissions("\"ecr:DescribeRegistry\"", REPOSITORY),
        &permissions("\"ecr:DescribeRegistry\"", "\"*\""),
    );
}

#[test]
fn repositories_and_pulls() {
    let below = REPOSITORY.replace("/app", "/image1/*");
    only(
        Rule::MissesTheRepositoryItself,
        &permissions(PULL, &below),
        &permissions(PULL, &format!("[{below},{}]", below.replace("/*", ""))),
    );
    assert_eq!(rules(&permissions(PULL, &REPOSITORY.replace("/app", "/*"))), []);
    only(
        Rule::HalfOfAPull,
        &permissions("\"ecr:BatchGetImage\"", REPOSITORY),
        &permissions(PULL, REPOSITORY),
    );
    assert_eq!(rules(&permissions("\"ecr:ListImages\"", REPOSITORY)), []);
}

#[test]
fn broad_grants() {
    only(
        Rule::BroadActions,
        &permissions("\"ecr:*\"", REPOSITORY),
        &permissions("\"ecr:List*\"", REPOSITORY),
    );
    only(
        Rule::AssumesAnyRole,
        &permissions("\"sts:AssumeRole\"", "\"*\""),
        &permissions("\"sts:AssumeRole\"", "\"arn:aws:iam::444455556666:role/a\""),
    );
    only(
        Rule::AllowWithNot,
        &allow(r#""NotAction":"iam:*","Resource":"*""#),
        &document(r#"{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}"#),
    );
}

#[test]
fn names_of_statements() {
    let two = |first: &str, second: &str| {
        let statement =
            |sid: &str| format!(r#"{{"Sid":"{sid}","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#);
        document(&format!("{},{}", statement(first), statement(second)))
    };
    only(Rule::DuplicateSid, &two("A", "A"), &two("A", "B"));
    let found = only(Rule::SidCharacters, &two("allow-pull", "B"), &two("allowpull", "B"));
    assert_eq!(found.fix, "Write `allowpull`.");
    // A repository's policy takes any.
    let sid =
        allow(r#""Sid":"allow pull","Principal":{"AWS":"arn:aws:iam::444455556666:role/a"},"Action":"ecr:ListImages""#);
    assert_eq!(rules(&sid), []);
}

#[test]
fn repeated_values() {
    let bad = permissions(r#"["s3:GetObject", "s3:PutObject",  "s3:GetObject"]"#, "\"*\"");
    let good = permissions(r#"["s3:GetObject", "s3:PutObject"]"#, "\"*\"");
    only(Rule::RepeatedValue, &bad, &good);
    assert_eq!(lint::fix(&bad, &known()), good);
}

#[test]
fn variables_need_a_version() {
    let good = permissions("\"s3:GetObject\"", "\"arn:aws:s3:::b/${aws:username}/*\"");
    only(Rule::VariablesNeedVersion, &good.replace("2012", "2008"), &good);
    assert_eq!(
        rules(&permissions("\"s3:GetObject\"", "\"*\"").replace("2012", "2008")),
        []
    );
}

#[test]
fn lengths() {
    let of = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|n| format!(r#""arn:aws:s3:::bucket-{n:04}/*""#))
            .collect();
        permissions("\"s3:GetObject\"", &format!("[{}]", list.join(",\n    ")))
    };
    assert_eq!(rules(&of(100)), []);
    assert_eq!(rules(&of(250)), [Rule::LongForAQuota]);
    assert_eq!(rules(&of(450)), [Rule::TooLong]);
    let subjects = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!("\"team:{n:020}\"")).collect();
        token_trust(&GOOD_CONDITION.replace("\"team:a\"", &format!("[{}]", list.join(","))))
    };
    assert_eq!(rules(&subjects(40)), []);
    assert_eq!(rules(&subjects(80)), [Rule::LongForAQuota]);
    assert_eq!(rules(&subjects(160)), [Rule::TooLong]);
    let principals = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|n| format!("\"arn:aws:iam::444455556666:role/r{n:020}\""))
            .collect();
        repository(&format!(r#"{{"AWS":[{}]}}"#, list.join(",")), PULL)
    };
    assert_eq!(rules(&principals(150)), []);
    assert_eq!(rules(&principals(220)), [Rule::TooLong]);
}

#[test]
fn documents_in_strings_are_placed_at_their_string() {
    let text = "{\"registryId\":\"111122223333\",\"repositoryName\":\"app\",\n  \"policyText\": \
                \"{\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":\\\"ecr:ListImages\\\"}]}\"}";
    let found = lint::check(text, &known());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].at.line, found[0].at.column),
        (Rule::OpenToEveryone, 2, 17)
    );
    assert!(
        found[0]
            .what
            .starts_with("at line 1, column 45 of the document in this string"),
        "{}",
        found[0].what
    );
}

#[test]
fn each_rule_has_a_document_here() {
    let here = include_str!("lint.rs");
    for rule in Rule::ALL {
        assert!(here.contains(&format!("Rule::{rule:?}")), "{rule:?}");
    }
}

#[test]
fn what_is_far_too_long_is_told_and_nothing_else() {
    let list: Vec<String> = (0..20_000).map(|n| format!(r#""arn:aws:s3:::bucket-{n}""#)).collect();
    let text = permissions("\"ecr:Nonsense\"", &format!("[{}]", list.join(",")));
    assert_eq!(rules(&text), [Rule::TooLong]);
}

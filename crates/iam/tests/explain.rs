//! Whole ways from a token to a layer.

#![allow(clippy::unwrap_used, reason = "what cannot be set up has failed")]

#[path = "support/fixtures.rs"]
mod fixtures;

use fixtures::fixture;
use iam::explain::{self, Change, Ladder, Question, Status, Token};
use iam::{Arn, Dossier, Policy};

use Status::{Allowed, Denied, Unknown};

const ROLE: &str = "arn:aws:iam::111122223333:role/puller";
const ISSUER: &str = "https://issuer.example/acme";
const HERE: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
const THERE: &str = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";

fn arn(text: &str) -> Arn {
    text.parse().unwrap()
}

fn dossier(files: &[(&str, &str)]) -> Dossier {
    let mut dossier = Dossier::new();
    for (file, text) in files {
        dossier
            .add(file, text)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    dossier
}

fn question(repository: &str, principal: &str) -> Question {
    Question::new(arn(repository), arn(principal)).unwrap()
}

fn statuses(ladder: &Ladder) -> Vec<Status> {
    ladder.rungs().iter().map(|rung| rung.status).collect()
}

/// The documents of the ladder in the place of those that they change.
fn changed(files: &[(&str, &str)], changes: &[Change]) -> Dossier {
    let mut dossier = Dossier::new();
    for (file, text) in files {
        if !changes.iter().any(|change| change.file.as_deref() == Some(*file)) {
            dossier.add(file, text).unwrap();
        }
    }
    for change in changes {
        // Bare documents belong to who is asked about; a new provider is one of the account.
        let name = change
            .file
            .clone()
            .unwrap_or_else(|| format!("{}/new.json", change.account));
        dossier.add(&name, &change.document).unwrap();
    }
    dossier
}

/// What the ladder proposes is enough.
#[track_caller]
fn repairs(question: &Question, files: &[(&str, &str)]) -> Ladder {
    let ladder = explain::pull(question, &dossier(files));
    assert_eq!(ladder.status(), Denied, "{ladder}");
    let after = explain::pull(question, &changed(files, ladder.changes()));
    assert_eq!(after.status(), Allowed, "{ladder}\n\n===\n\n{after}");
    ladder
}

fn login() -> &'static str {
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"Login","Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}]}"#
}

fn pull(resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Login","Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}},{{"Sid":"Pull","Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"{resource}"}}]}}"#
    )
}

fn token_trust(key: &str, subject: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{key}:aud":"sts.amazonaws.com","{key}:sub":"{subject}"}}}}}}]}}"#
    )
}

const PROVIDER: &str = r#"{"Url":"issuer.example/acme","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}"#;

/// The situation of the question at re:Post: the repository's policy names the node role, which has no login. The
/// account is as the author meant it, of 12 digits.
#[test]
fn repost_question() {
    let repository = fixture("repost-question-repository.json").replace("0123456789012", "012345678901");
    let node_role = r#"{"RoleName":"production-eks-node-role","PolicyName":"none-of-ecr","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}}"#;
    let question = question(
        "arn:aws:ecr:us-east-1:012345678901:repository/my-demo-service",
        "arn:aws:iam::987654321098:role/production-eks-node-role",
    );
    let files = [("repository.json", repository.as_str()), ("node-role.json", node_role)];
    let ladder = repairs(&question, &files);
    assert_eq!(statuses(&ladder), [Denied, Denied, Denied]);
    insta::assert_snapshot!(ladder);
}

/// The solution, as the page shows it: the login in one account, the pull in the other. The page relies on the role's
/// own permissions to pull, which it does not show; without them the other half of an access across accounts lacks.
#[test]
fn repost_answer() {
    let question = question(
        "arn:aws:ecr:us-east-1:012345678901:repository/my-demo-service",
        "arn:aws:iam::987654321098:role/prod-ecr-pull-role",
    );
    let shown = [
        ("login.json", fixture("repost-answer-role.json")),
        ("repository.json", fixture("repost-answer-repository.json")),
    ];
    let ladder = explain::pull(&question, &dossier(&shown));
    assert_eq!(statuses(&ladder), [Allowed, Denied, Denied]);
    insta::assert_snapshot!("repost_answer_alone", ladder);

    let attached = r#"{"AttachedPolicies":[{"PolicyName":"AmazonEC2ContainerRegistryReadOnly","PolicyArn":"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}]}"#;
    let whole = [shown[0], shown[1], ("attached.json", attached)];
    let ladder = explain::pull(&question, &dossier(&whole));
    assert_eq!(statuses(&ladder), [Allowed, Allowed, Allowed]);
    insta::assert_snapshot!("repost_answer_whole", ladder);
}

#[test]
fn what_is_not_given_is_unknown() {
    let ladder = explain::pull(&question(THERE, ROLE), &Dossier::new());
    assert_eq!(statuses(&ladder), [Unknown, Unknown, Unknown]);
    assert!(ladder.changes().is_empty());
    insta::assert_snapshot!(ladder);
    // One side alone decides nothing across accounts.
    let one = dossier(&[("role.json", &pull("*"))]);
    assert_eq!(
        statuses(&explain::pull(&question(THERE, ROLE), &one)),
        [Allowed, Unknown, Unknown]
    );
    // Within the account it does.
    assert_eq!(explain::pull(&question(HERE, ROLE), &one).status(), Allowed);
    // That there is none on the other side can be told; then it has to be made.
    let ladder = explain::pull(&question(THERE, ROLE).without_repository_policy(), &one);
    assert_eq!(statuses(&ladder), [Allowed, Denied, Denied]);
    assert_eq!(
        ladder.changes()[0].title,
        "resource-based policy of repository team/app"
    );
    // A managed policy that is attached and was not given may allow anything.
    let list = r#"{"AttachedPolicies":[{"PolicyName":"own","PolicyArn":"arn:aws:iam::111122223333:policy/own"}]}"#;
    let ladder = explain::pull(&question(HERE, ROLE), &dossier(&[("list.json", list)]));
    assert_eq!(ladder.status(), Unknown);
    assert!(ladder.rungs()[0].fetch[0].contains("policy/own"), "{ladder}");
}

#[test]
fn a_boundary_that_was_not_given_leaves_all_open() {
    let role = format!(
        r#"{{"Role":{{"Arn":"{ROLE}","PermissionsBoundary":{{"PermissionsBoundaryArn":"arn:aws:iam::111122223333:policy/edge"}}}}}}"#
    );
    let files = [("role.json", role.as_str()), ("pull.json", &pull("*"))];
    assert_eq!(explain::pull(&question(HERE, ROLE), &dossier(&files)).status(), Unknown);
}

#[test]
fn from_the_token_to_the_layers() {
    let trust = token_trust("issuer.example/acme", "team:a");
    let files = [
        ("provider.json", PROVIDER),
        ("trust.json", &trust),
        ("role.json", &pull(HERE)),
    ];
    let with = |token: Token| question(HERE, ROLE).token(token).unwrap();
    let good = with(Token::new(ISSUER, "sts.amazonaws.com", "team:a"));
    let ladder = explain::pull(&good, &dossier(&files));
    assert_eq!(statuses(&ladder), [Allowed; 5], "{ladder}");
    insta::assert_snapshot!(ladder);

    // The token of another team: the trust has to let it in, and nothing else has to change.
    let other = with(Token::new(ISSUER, "sts.amazonaws.com", "team:b"));
    let ladder = repairs(&other, &files);
    assert_eq!(statuses(&ladder), [Allowed, Denied, Allowed, Allowed, Allowed]);
    assert_eq!(ladder.changes()[0].what, ["`sub` may also be team:b"]);

    // An audience that neither the provider nor the trust takes.
    let audience = with(Token::new(ISSUER, "vault", "team:a"));
    let ladder = repairs(&audience, &files);
    assert_eq!(statuses(&ladder)[..2], [Denied, Denied]);
    assert_eq!(
        ladder.rungs()[0].aws_says.as_deref(),
        Some("InvalidIdentityToken: Incorrect token audience")
    );
    insta::assert_snapshot!("an_audience_that_nobody_takes", ladder);

    // Without the claims nobody can tell.
    let ladder = explain::pull(&question(HERE, ROLE), &dossier(&files));
    assert_eq!(statuses(&ladder), [Unknown, Allowed, Allowed, Allowed]);
}

/// The provider is registered as the page says, and the token has the issuer that the panel shows.
#[test]
fn replicated_two_issuers() {
    let permissions = fixture("replicated-permissions.json");
    let provider = r#"{"Url":"api.replicated.com/vendor","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}"#;
    let files = [
        ("provider.json", provider),
        ("trust.json", fixture("replicated-trust.json")),
        ("role.json", permissions),
    ];
    let role = "arn:aws:iam::123456789012:role/ReplicatedECRPullRole";
    let repository = "arn:aws:ecr:us-east-1:123456789012:repository/image1";
    let of = |issuer: &str| {
        let token = Token::new(issuer, "sts.amazonaws.com", "team-abc-123");
        question(repository, role).token(token).unwrap()
    };
    let ladder = explain::pull(&of("https://api.replicated.com/vendor"), &dossier(&files));
    assert_eq!(ladder.status(), Allowed, "{ladder}");
    let ladder = repairs(&of("https://api.replicated.com"), &files);
    assert_eq!(
        ladder.rungs()[0].aws_says.as_deref(),
        Some("InvalidIdentityToken: No OpenIDConnect provider found in your account for https://api.replicated.com")
    );
    // Narrowed as the page proposes, neither the login nor the repository itself is allowed.
    let narrowed = permissions.replace("\"*\"", r#"["arn:aws:ecr:us-east-1:123456789012:repository/image1/*"]"#);
    let files = [files[0], files[1], ("role.json", narrowed.as_str())];
    let ladder = repairs(&of("https://api.replicated.com/vendor"), &files);
    // Within the account a policy of the repository might allow the pull; none was given.
    assert_eq!(statuses(&ladder), [Allowed, Allowed, Denied, Unknown, Unknown]);
    insta::assert_snapshot!(ladder);
}

#[test]
fn okteto_a_scheme_in_the_keys() {
    let trust = token_trust("https://issuer.example/acme", "team:a");
    let files = [
        ("provider.json", PROVIDER),
        ("trust.json", &trust),
        ("role.json", &pull(HERE)),
    ];
    let question = question(HERE, ROLE)
        .token(Token::new(ISSUER, "sts.amazonaws.com", "team:a"))
        .unwrap();
    let ladder = repairs(&question, &files);
    let change = &ladder.changes()[0];
    assert_eq!(change.file.as_deref(), Some("trust.json"));
    assert_eq!(
        change.document.parse::<Policy>().unwrap(),
        token_trust("issuer.example/acme", "team:a").parse().unwrap()
    );
    // The ARN of the provider is no role.
    let provider = arn("arn:aws:iam::112233445566:oidc-provider/container.googleapis.com/v1");
    let error = Question::new(arn(HERE), provider).unwrap_err().to_string();
    assert!(
        error.contains("is the ARN of an OIDC provider; expected: the ARN of a role"),
        "{error}"
    );
}

#[test]
fn okteto_a_role_that_only_ec2_may_assume() {
    let files = [
        ("role.json", fixture("okteto-create-role.json")),
        ("permissions.json", &pull("*")),
    ];
    let role = "arn:aws:iam::112233445566:role/my-private-registry";
    let repository = "arn:aws:ecr:us-east-2:112233445566:repository/app";
    // For an instance, that is right.
    assert_eq!(
        explain::pull(&question(repository, role), &dossier(&files)).status(),
        Allowed
    );
    let token = Token::new(ISSUER, "a", "system:serviceaccount:okteto:okteto");
    let provider = r#"{"Url":"issuer.example/acme","ClientIDList":["a"],"ThumbprintList":[]}"#;
    let files = [files[0], files[1], ("provider.json", provider)];
    let ladder = repairs(&question(repository, role).token(token).unwrap(), &files);
    assert_eq!(statuses(&ladder), [Allowed, Denied, Allowed, Allowed, Allowed]);
}

#[test]
fn a_chain_of_roles() {
    let agent = "arn:aws:iam::444455556666:role/agent";
    let assume = r#"{"RoleName":"agent","PolicyName":"assume","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/puller"}]}}"#;
    let agent_role = r#"{"Role":{"Arn":"arn:aws:iam::444455556666:role/agent","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}}}"#;
    let trust = r#"{"Role":{"Arn":"arn:aws:iam::111122223333:role/puller","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:role/agent"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"one"}}}]}}}"#;
    let permissions = pull(HERE);
    let files = [
        ("assume.json", assume),
        ("agent.json", agent_role),
        ("puller.json", trust),
        ("pull.json", &permissions),
    ];
    let with = |id: &str| question(HERE, ROLE).via(vec![arn(agent)]).unwrap().external_id(id);
    let ladder = explain::pull(&with("one"), &dossier(&files));
    assert_eq!(statuses(&ladder), [Allowed; 4], "{ladder}");
    let ladder = explain::pull(&with("two"), &dossier(&files));
    assert_eq!(statuses(&ladder), [Denied, Allowed, Allowed, Allowed]);
    assert_eq!(ladder.changes()[0].title, "role trust policy of role puller");
    insta::assert_snapshot!(ladder);
    // The agent's own side lacks.
    let files = [
        ("assume.json", &*assume.replace("role/puller", "role/other")),
        files[1],
        files[2],
        files[3],
    ];
    let ladder = explain::pull(&with("one"), &dossier(&files));
    assert_eq!(statuses(&ladder)[0], Denied);
    assert_eq!(ladder.changes()[0].account.to_string(), "444455556666");
    assert!(ladder.changes()[0].document.contains("role/puller"));
}

#[test]
fn a_user_pulls_and_cannot_be_assumed() {
    let user = "arn:aws:iam::111122223333:user/ann";
    let document = format!(
        r#"{{"UserName":"ann","PolicyName":"pull","PolicyDocument":{}}}"#,
        pull(HERE)
    );
    let ladder = explain::pull(&question(HERE, user), &dossier(&[("ann.json", &document)]));
    assert_eq!(ladder.status(), Allowed);
    assert!(question(HERE, user).token(Token::new(ISSUER, "a", "b")).is_err());
    assert!(question(HERE, user).via(vec![arn(ROLE)]).is_err());
    assert!(Question::new(arn("arn:aws:s3:::b"), arn(ROLE)).is_err());
}

#[test]
fn a_denying_statement_is_named_and_taken_out() {
    let mut denying = pull(HERE);
    denying.truncate(denying.len() - 2);
    denying += r#",{"Sid":"NotThis","Effect":"Deny","Action":"ecr:GetDownloadUrlForLayer","Resource":"*"}]}"#;
    assert!(Policy::parse(&denying).is_ok(), "{denying}");
    let ladder = repairs(&question(HERE, ROLE), &[("role.json", &denying)]);
    assert_eq!(statuses(&ladder), [Allowed, Allowed, Denied]);
    assert!(
        ladder.rungs()[2]
            .aws_says
            .as_ref()
            .unwrap()
            .contains("with an explicit deny")
    );
    assert!(ladder.changes()[0].what[0].contains("is taken out"));
}

#[test]
fn a_condition_that_is_not_known_is_unknown_until_it_is_told() {
    let document = pull(HERE).replace(
        &format!("\"Resource\":\"{HERE}\""),
        &format!("\"Resource\":\"{HERE}\",\"Condition\":{{\"StringEquals\":{{\"aws:SourceVpce\":\"vpce-1\"}}}}"),
    );
    let repository = r#"{"registryId":"111122223333","repositoryName":"team/app","policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/other\"},\"Action\":\"ecr:ListImages\"}]}"}"#;
    let dossier = dossier(&[("role.json", &document), ("repository.json", repository)]);
    let status = |question: Question| explain::pull(&question, &dossier).status();
    assert_eq!(status(question(HERE, ROLE)), Unknown);
    assert_eq!(status(question(HERE, ROLE).with("aws:SourceVpce", "vpce-1")), Allowed);
    assert_eq!(status(question(HERE, ROLE).with("aws:SourceVpce", "vpce-2")), Denied);
}

#[test]
fn what_else_a_token_may_carry() {
    let trust = token_trust("issuer.example/acme", "team:a");
    let files = [
        ("provider.json", PROVIDER),
        ("trust.json", trust.as_str()),
        ("role.json", &pull(HERE)),
    ];
    let claims = |more: &str| format!(r#"{{"iss":"{ISSUER}","aud":"sts.amazonaws.com","sub":"team:a"{more}}}"#);
    let ask = |more: &str| {
        question(HERE, ROLE)
            .token(Token::parse(&claims(more)).unwrap())
            .unwrap()
    };
    let ladder = explain::pull(&ask(""), &dossier(&files));
    assert_eq!(ladder.status(), Allowed);
    // Tags need an action of their own.
    let tags = r#","https://aws.amazon.com/tags":{"principal_tags":{"team":["a"]}}"#;
    let ladder = repairs(&ask(tags), &files);
    assert!(ladder.rungs()[2].step.starts_with("sts:TagSession"), "{ladder}");
    // A pinned token opens its role only; no document can change that.
    let pinned = r#","https://aws.amazon.com/roles":["arn:aws:iam::111122223333:role/other"]"#;
    let ladder = explain::pull(&ask(pinned), &dossier(&files));
    assert_eq!((ladder.status(), ladder.changes().len()), (Denied, 0));
    // `azp` decides over several audiences.
    let parties = r#","azp":"vault""#;
    assert_eq!(explain::pull(&ask(parties), &dossier(&files)).status(), Denied);
    for bad in [
        r#"{"iss":"a","sub":"b"}"#,
        r#"{"iss":"a","aud":["b","c"],"sub":"d"}"#,
        r#"{"aud":"b","sub":"d"}"#,
        "x",
    ] {
        assert!(Token::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_statement_that_is_for_more_than_pulls_is_left_alone() {
    let push = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Push","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:role/ci"},"Action":["ecr:PutImage","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}"#;
    let files = [("role.json", &*pull(THERE)), ("repository.json", push)];
    let ladder = repairs(&question(THERE, ROLE), &files);
    let change = &ladder.changes()[0];
    assert_eq!(change.what.len(), 1);
    assert!(
        change.what[0].starts_with("the statement PullFromElsewhere allows"),
        "{:?}",
        change.what
    );
    // One that is for pulls alone takes one name more.
    let plain = push.replace("\"ecr:PutImage\",", "");
    let files = [files[0], ("repository.json", &plain)];
    let ladder = repairs(&question(THERE, ROLE), &files);
    assert!(ladder.changes()[0].what[0].contains("names arn:aws:iam::111122223333:role/puller too"));
    assert!(!ladder.changes()[0].document.contains("PullFromElsewhere"));
}

#[test]
fn a_role_without_permissions_gets_a_document_of_its_own() {
    let trust = format!(
        r#"{{"RoleDetailList":[{{"Arn":"{ROLE}","RoleName":"puller","RolePolicyList":[{{"PolicyName":"login","PolicyDocument":{}}}]}}],"UserDetailList":[],"Policies":[]}}"#,
        login()
    );
    let files = [("account.json", trust.as_str())];
    let repository = r#"{"registryId":"111122223333","repositoryName":"team/app","policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/other\"},\"Action\":\"ecr:ListImages\"}]}"}"#;
    let ladder = explain::pull(
        &question(HERE, ROLE),
        &dossier(&[files[0], ("repository.json", repository)]),
    );
    assert_eq!(statuses(&ladder), [Allowed, Denied, Denied]);
    assert_eq!(ladder.changes().len(), 1);
    assert!(
        ladder.changes()[0]
            .command
            .contains("put-role-policy --role-name puller --policy-name login")
    );
}

#[test]
fn a_claim_that_aws_passes_on_is_unknown_and_any_other_is_absent() {
    let status = |issuer: &str| {
        let trust = token_trust("issuer.example/acme", "team:a")
            .replace(
                "\"StringEquals\":{",
                "\"StringEquals\":{\"issuer.example/acme:repository\":\"x\",",
            )
            .replace("issuer.example/acme", issuer);
        let token = Token::new(format!("https://{issuer}"), "sts.amazonaws.com", "team:a");
        let question = question(HERE, ROLE).token(token).unwrap();
        explain::pull(&question, &dossier(&[("trust.json", &trust)])).rungs()[1].status
    };
    assert_eq!(status("issuer.example/acme"), Denied);
    assert_eq!(status("token.actions.githubusercontent.com"), Unknown);
}

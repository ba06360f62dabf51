//! An identity in one account, registries in others.

use serde_json::json;
use state::RobotToken;

use crate::page;
use crate::site::{AGENT, HOST, IMAGES, OTHER, REPOSITORY, Site, robot, trust_in_token};

const HEADING: &str = "Registries of other accounts";

fn site() -> (Site, RobotToken) {
    let mut site = Site::new();
    site.push(OTHER, REPOSITORY);
    let (robot, token) = robot("acme", "ci", json!({}));
    site.serve("", "", &(page::resources(HEADING, &[]) + &robot), &[]);
    site.trust_issuer(AGENT, &format!("https://{HOST}"), "sts.amazonaws.com");
    let trust = trust_in_token(AGENT, HOST, "sts.amazonaws.com", "acme");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": "*" },
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
    ] });
    site.role(AGENT, "pull", &trust, &policy.to_string());
    (site, token)
}

fn let_in(site: &Site, account: &str) {
    let role = format!("arn:aws:iam::{AGENT}:role/pull").parse().unwrap();
    let policy = iam::generate::pull_from_elsewhere(&[role]).unwrap().to_string();
    let input = json!({ "repositoryName": REPOSITORY, "policyText": policy });
    site.ecr(account, "SetRepositoryPolicy", input);
}

#[test]
fn repost_is_refused_without_the_repositorys_policy_and_let_in_by_it() {
    let (site, token) = site();
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("no resource-based policy allows the ecr:BatchGetImage action"),
        "{refused}"
    );
    let_in(&site, IMAGES);
    let pulled = site.pull(IMAGES, REPOSITORY, "robot", &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");
}

#[test]
fn repost_opens_registries_of_several_accounts_with_one_credential() {
    let (site, token) = site();
    let before = site.count();
    for account in [IMAGES, OTHER] {
        let_in(&site, account);
        let pulled = site.pull(account, REPOSITORY, "robot", &token);
        assert!(site.is_pulled(&pulled), "{account}: {pulled:?}");
    }
    let calls = site.calls_since(before);
    for action in ["sts:AssumeRoleWithWebIdentity", "ecr:GetAuthorizationToken"] {
        let count = calls.iter().filter(|call| call.action == action).count();
        assert_eq!(count, 1, "{action}");
    }
}

/// The role that pushes is another one than the role that pulls, and what only pulls cannot push.
#[test]
fn repost_pushes_with_one_role_and_pulls_with_another() {
    let site = Site::new();
    let roles = ["push", "pull"].map(|name| {
        format!("arn:aws:iam::{AGENT}:role/{name}")
            .parse::<iam::RoleArn>()
            .unwrap()
    });
    let (id, secret) = site.user(AGENT, "ci", &iam::generate::assume_only(&roles).unwrap().to_string());
    let user = format!("arn:aws:iam::{AGENT}:user/ci").parse().unwrap();
    let trust = iam::generate::assume_role_trust(&user, &[]).to_string();
    let pull = [
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchCheckLayerAvailability",
    ];
    let push = [
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    let [push, pull] = [[&push[..], &pull[2..]].concat(), pull.to_vec()];
    for (name, actions) in [("push", &push), ("pull", &pull)] {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions, "Resource": "*" },
            { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
        ] });
        site.role(AGENT, name, &trust, &policy.to_string());
    }
    let statement = |role: &iam::RoleArn, actions: &[&str]| json!({ "Effect": "Allow", "Principal": { "AWS": role.as_str() }, "Action": actions });
    let policy =
        json!({ "Version": "2012-10-17", "Statement": [statement(&roles[0], &push), statement(&roles[1], &pull)] });
    let input = json!({ "repositoryName": REPOSITORY, "policyText": policy.to_string() });
    site.ecr(IMAGES, "SetRepositoryPolicy", input);

    let login = |role: &iam::RoleArn| {
        let own = "source:\n    webIdentity: { roleArn: \"arn:aws:iam::777788889999:role/pull\" }";
        let key = json!({ "accessKey": { "accessKeyId": id, "secretAccessKey": secret } });
        let hops = json!([{ "roleArn": role.as_str() }]);
        let (caller, registry) = site.caller(&page::resources(
            HEADING,
            &[(own, &format!("source: {key}\n  hops: {hops}"))],
        ));
        (site.login(&caller, &registry), registry)
    };
    let [pusher, puller] = roles.each_ref().map(login);
    let refused = site.push_with(&puller.0, &puller.1, "2").unwrap_err();
    assert!(refused.contains("ecr:InitiateLayerUpload"), "{refused}");
    site.push_with(&pusher.0, &pusher.1, "2").unwrap();
    for (login, may_pull) in [(puller, true), (pusher, false)] {
        let aws::Pass::Basic { username, password } = &login.0.pass else {
            unreachable!()
        };
        let url = format!("https://{}/v2/{REPOSITORY}/manifests/2", login.1);
        let (status, text) = site.get(&url, username, secrecy::ExposeSecret::expose_secret(password));
        assert_eq!(status == 200, may_pull, "{status} {text}");
    }
}

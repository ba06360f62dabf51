//! A build service: whoever pulls names the role.

use serde_json::json;
use state::RobotToken;

use crate::home::{Home, Outcome};
use crate::pull::Pull;
use crate::site::{HOST, IMAGES, REPOSITORY, Site, pull_only, robot, trust_in_token};
use crate::{own, page, skopeo};

const ORGANIZATION: &str = "0a1b2c3d";
const ROLE: &str = "arn:aws:iam::111122223333:role/ci-pull";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/deploy";

/// The robot of a project, and one of another organization, in the same team.
fn site() -> (Site, RobotToken, RobotToken) {
    let mut site = Site::new();
    let attributes = |organization: &str| json!({ "organization": organization, "project": "p-1", "user": "u-1" });
    let (robot_1, token_1) = robot("acme", "project", attributes(ORGANIZATION));
    let (robot_2, token_2) = robot("acme", "stranger", attributes("99999999"));
    let resources = page::resources("A build service", &[]) + &robot_1 + &robot_2;
    site.serve("", "", &resources, &[]);
    site.trust_issuer(IMAGES, &format!("https://{HOST}"), ORGANIZATION);
    let subject = format!("org/{ORGANIZATION}/project/p-1/user/u-1");
    let trust = trust_in_token(IMAGES, HOST, ORGANIZATION, &subject);
    site.role(IMAGES, "ci-pull", &trust, &pull_only(IMAGES, REPOSITORY));
    site.role(IMAGES, "deploy", &trust, &pull_only(IMAGES, REPOSITORY));
    (site, token_1, token_2)
}

#[test]
fn circleci_pulls_with_the_role_that_the_client_names() {
    let (site, token, _) = site();
    let before = site.count();
    let pulled = site.pull(IMAGES, REPOSITORY, ROLE, &token);
    assert!(site.is_pulled(&pulled), "{pulled:?}");

    // The two actions of the document are enough: nothing else was asked, and nothing denied.
    let calls = site.calls_since(before);
    for call in &calls {
        assert!(call.status.is_some_and(|status| status < 400), "{call:?}");
        let expected = [
            "sts:AssumeRoleWithWebIdentity",
            "ecr:GetAuthorizationToken",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "s3:GetObject",
        ];
        assert!(expected.contains(&call.action.as_str()), "{call:?}");
    }
    assert!(
        calls.iter().any(|call| call.resource.as_deref() == Some(ROLE)),
        "{calls:?}"
    );
}

#[test]
fn circleci_is_refused_a_role_that_the_upstream_does_not_allow() {
    let (site, token, _) = site();
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, OTHER_ROLE, &token).unwrap_err();
    assert!(
        refused.contains("may not be named") && refused.contains(ROLE),
        "{refused}"
    );
    let refused = site.pull(IMAGES, REPOSITORY, "robot", &token).unwrap_err();
    assert!(
        refused.contains("no role is named") && refused.contains(ROLE),
        "{refused}"
    );
    assert_eq!(site.count(), before, "AWS was not asked");
}

/// `wharfinger pull --role-arn`, whose user has no name but the role.
fn pull_in_role(home: &Home, pull: &Pull, role: &str, output: &str) -> Outcome {
    own::pull_as(home, pull, &["--role-arn", role], output)
}

#[test]
fn circleci_pulls_with_our_client_in_the_role_of_an_option() {
    let (site, token, _) = site();
    let pull = site.wish(IMAGES, REPOSITORY, "robot", &token);
    let home = Home::new(&pull.ca);
    let before = site.count();
    for (output, written) in [
        ("oci:app", format!("oci:app:{}", pull.image)),
        ("docker-archive:app.tar", "docker-archive:app.tar".to_owned()),
    ] {
        let pulled = pull_in_role(&home, &pull, ROLE, output);
        assert!(site.is_pulled(&pulled), "{output}: {pulled:?}");
        // A copy reads every blob and compares it with its digest.
        skopeo::copy(&home, &[], &written, &format!("dir:{}", output.len())).unwrap();
    }
    let calls = site.calls_since(before);
    let assumed: Vec<_> = calls.iter().filter(|call| call.action.starts_with("sts:")).collect();
    assert!(
        matches!(assumed[..], [call] if call.resource.as_deref() == Some(ROLE)),
        "{assumed:?}"
    );
}

#[test]
fn circleci_reads_from_our_client_which_roles_may_be_named() {
    let (site, token, _) = site();
    let pull = site.wish(IMAGES, REPOSITORY, "robot", &token);
    let home = Home::new(&pull.ca);
    let before = site.count();
    for (refused, what) in [
        (
            pull_in_role(&home, &pull, OTHER_ROLE, "oci:app"),
            "the role arn:aws:iam::111122223333:role/deploy may not be named",
        ),
        (own::pull_as(&home, &pull, &[], "oci:app"), "no role is named"),
    ] {
        let refused = refused.unwrap_err();
        for part in [what, ROLE] {
            assert!(refused.contains(part), "{part:?} is not in: {refused}");
        }
        assert!(!home.path("app").join("index.json").exists());
    }
    assert_eq!(site.count(), before, "AWS was not asked");
}

#[test]
fn circleci_keeps_projects_of_another_organization_out() {
    let (site, token, stranger) = site();
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, ROLE, &stranger).unwrap_err();
    // The team's document allows no subject of that organization, so no token was minted.
    assert!(refused.contains("org/99999999/project/p-1/user/u-1"), "{refused}");
    assert_eq!(site.count(), before, "AWS was not asked");
    assert!(site.is_pulled(&site.pull(IMAGES, REPOSITORY, ROLE, &token)));
}

/// Here the team's document does allow the subject: it is AWS that tells one organization from another.
#[test]
fn circleci_is_kept_out_by_the_roles_trust_where_the_organization_is_another() {
    let (mut site, _, _) = site();
    let attributes = json!({ "organization": "99999999", "project": "p-1", "user": "u-1" });
    let (robot, token) = robot("acme", "stranger", attributes);
    let changes = [("org/0a1b2c3d/*", "org/99999999/*")];
    site.serve("", "", &(page::resources("A build service", &changes) + &robot), &[]);
    let before = site.count();
    let refused = site.pull(IMAGES, REPOSITORY, ROLE, &token).unwrap_err();
    for part in [
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "org/99999999/project/p-1/user/u-1",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    assert!(
        site.calls_since(before).iter().all(|call| call.error.is_some()),
        "no more than refusals"
    );
}

use std::time::Duration;

use oci::{Digest, MediaType};
use serde_json::json;

use crate::{
    images::Image,
    stage::{ACCOUNT, OTHER, REGISTRY, Stage, basic, pull_permissions},
};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/puller/wharf";

#[tokio::test]
async fn a_session_pulls_what_was_pushed() {
    let stage = Stage::furnished().await;
    let image = Image::new(1);
    stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;

    let login = stage.login(&stage.session().await).await;
    stage.pull(&login, "/v2/").await.ok();
    for reference in ["1".to_owned(), image.digest.to_string()] {
        let answer = stage
            .pull(&login, &format!("/v2/team/app/manifests/{reference}"))
            .await
            .ok();
        assert_eq!(answer.text(), image.manifest);
        assert_eq!(answer.header("content-type"), MediaType::OCI_MANIFEST);
        assert_eq!(answer.header("docker-content-digest"), image.digest.to_string());
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");

        let head = stage.http.head(format!("{REGISTRY}/v2/team/app/manifests/{reference}"));
        let head = stage
            .send(head.header("authorization", &login).build().unwrap())
            .await
            .ok();
        assert_eq!(head.header("content-length"), image.manifest.len().to_string());
        assert_eq!(head.header("docker-content-digest"), image.digest.to_string());
        assert!(head.body.is_empty());
    }
    for content in [&image.config, &image.layer] {
        let url = stage.layer_url(&login, "team/app", &Digest::of(content)).await;
        assert!(
            url.starts_with("https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/"),
            "{url}"
        );
        let answer = stage.send(stage.get(&url).build().unwrap()).await.ok();
        assert_eq!(answer.body, content);
        assert_eq!(answer.header("content-length"), content.len().to_string());
    }
}

#[tokio::test]
async fn without_a_login_there_is_a_challenge() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    for login in [
        "",
        "Basic",
        "Bearer abc",
        &basic("AWS", "password"),
        &basic("AWS", &root.secret),
    ] {
        for path in ["/v2/", "/v2/team/app/manifests/1"] {
            let answer = stage.pull(login, path).await;
            assert_eq!(answer.status, 401);
            assert_eq!(
                answer.header("www-authenticate"),
                format!("Basic realm=\"{REGISTRY}/\",service=\"ecr.amazonaws.com\"")
            );
            assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(answer.text(), "Not Authorized\n");
        }
    }
}

#[tokio::test]
async fn a_token_is_good_in_its_region_only() {
    let stage = Stage::furnished().await;
    let login = stage.login(&stage.session().await).await;
    let elsewhere = REGISTRY.replace("us-east-1", "eu-west-1");
    let request = stage.get(&format!("{elsewhere}/v2/")).header("authorization", &login);
    assert_eq!(stage.send(request.build().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_token_is_good_for_twelve_hours() {
    let stage = Stage::furnished().await;
    let login = stage.login(&stage.session().await).await;
    stage.clock.advance(Duration::from_secs(12 * 3600 - 1));
    stage.pull(&login, "/v2/").await.ok();
    stage.clock.advance(Duration::from_secs(1));
    for path in ["/v2/", "/v2/team/app/manifests/1"] {
        stage.pull(&login, path).await.denied(
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        );
    }
}

#[tokio::test]
async fn each_action_needs_its_permission() {
    let stage = Stage::furnished().await;
    let image = Image::new(2);
    stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;
    let login = stage.login(&stage.session().await).await;
    let digest = Digest::of(&image.layer);
    let blob = format!("/v2/team/app/blobs/{digest}");
    let message = |action: &str| {
        format!(
            "User: {SESSION} is not authorized to perform: {action} on resource: \
             arn:aws:ecr:us-east-1:111122223333:repository/team/app because no identity-based policy allows the {action} \
             action"
        )
    };
    // The role may get images and layers, and nothing else.
    stage
        .pull(&login, "/v2/team/app/tags/list")
        .await
        .denied(403, "DENIED", &message("ecr:ListImages"));
    let head = stage
        .http
        .head(format!("{REGISTRY}{blob}"))
        .header("authorization", &login);
    let head = stage.send(head.build().unwrap()).await;
    assert_eq!((head.status, head.body.len()), (403, 0));

    // Running sessions lose what the policy loses.
    stage
        .allow(
            "puller",
            &pull_permissions("team/app").replace("ecr:BatchGetImage", "ecr:ListImages"),
        )
        .await;
    stage
        .pull(&login, "/v2/team/app/manifests/1")
        .await
        .denied(403, "DENIED", &message("ecr:BatchGetImage"));
    stage.pull(&login, "/v2/team/app/tags/list").await.ok();
    stage
        .allow(
            "puller",
            &pull_permissions("team/app").replace("GetDownloadUrlForLayer", "BatchCheckLayerAvailability"),
        )
        .await;
    stage
        .pull(&login, &blob)
        .await
        .denied(403, "DENIED", &message("ecr:GetDownloadUrlForLayer"));
    let head = stage
        .http
        .head(format!("{REGISTRY}{blob}"))
        .header("authorization", &login);
    let head = stage.send(head.build().unwrap()).await.ok();
    assert_eq!(head.header("content-length"), image.layer.len().to_string());
    assert_eq!(head.header("docker-content-digest"), digest.to_string());
}

#[tokio::test]
async fn an_explicit_deny_wins_and_says_where_it_stands() {
    let stage = Stage::furnished().await;
    stage
        .push(&stage.root_login(ACCOUNT).await, "team/app", &Image::new(3))
        .await;
    let login = stage.login(&stage.session().await).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"},
    ]});
    let input = json!({"repositoryName": "team/app", "policyText": policy.to_string()});
    stage
        .ecr("SetRepositoryPolicy", &input, &stage.root(ACCOUNT))
        .await
        .ok();
    stage.pull(&login, "/v2/team/app/manifests/1").await.denied(
        403,
        "DENIED",
        &format!(
            "User: {SESSION} is not authorized to perform: ecr:BatchGetImage on resource: \
             arn:aws:ecr:us-east-1:111122223333:repository/team/app with an explicit deny in a resource-based policy"
        ),
    );
}

#[tokio::test]
async fn a_repository_policy_is_enough_in_the_same_account() {
    let stage = Stage::furnished().await;
    stage
        .push(&stage.root_login(ACCOUNT).await, "team/app", &Image::new(4))
        .await;
    stage.allow("puller", &pull_permissions("another/app")).await;
    let login = stage.login(&stage.session().await).await;
    let path = "/v2/team/app/manifests/1";
    assert_eq!(stage.pull(&login, path).await.status, 403);
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/puller"},
        "Action": "ecr:BatchGetImage",
    }]});
    let input = json!({"repositoryName": "team/app", "policyText": policy.to_string()});
    stage
        .ecr("SetRepositoryPolicy", &input, &stage.root(ACCOUNT))
        .await
        .ok();
    stage.pull(&login, path).await.ok();
}

#[tokio::test]
async fn across_accounts_both_sides_must_allow() {
    let stage = Stage::furnished().await;
    stage.create_repository(OTHER, "team/app").await;
    let elsewhere = REGISTRY.replace(ACCOUNT, OTHER);
    let login = stage.login(&stage.session().await).await;
    let pull = |name: &'static str| {
        let (stage, url, login) = (&stage, format!("{elsewhere}/v2/{name}/manifests/1"), &login);
        async move {
            stage
                .send(stage.get(&url).header("authorization", login).build().unwrap())
                .await
        }
    };
    let message = |name: &str| {
        format!(
            "User: {SESSION} is not authorized to perform: ecr:BatchGetImage on resource: \
             arn:aws:ecr:us-east-1:444455556666:repository/{name} because no resource-based policy allows the \
             ecr:BatchGetImage action"
        )
    };
    stage.allow("puller", &pull_permissions("*")).await;
    pull("team/app").await.denied(403, "DENIED", &message("team/app"));
    // Whether the repository is there is none of the caller's business.
    pull("no/such").await.denied(403, "DENIED", &message("no/such"));

    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }]});
    let input = json!({"repositoryName": "team/app", "policyText": policy.to_string()});
    stage.ecr("SetRepositoryPolicy", &input, &stage.root(OTHER)).await.ok();
    pull("team/app")
        .await
        .denied(404, "MANIFEST_UNKNOWN", "Requested image not found");

    stage.allow("puller", &pull_permissions("another/app")).await;
    let answer = pull("team/app").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(
        answer
            .text()
            .contains("because no identity-based policy allows the ecr:BatchGetImage action")
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let stage = Stage::furnished().await;
    stage.allow("puller", &pull_permissions("*")).await;
    let login = stage.login(&stage.session().await).await;
    let digest = Digest::of(b"nothing");
    stage.pull(&login, "/v2/no/such/manifests/1").await.denied(
        404,
        "NAME_UNKNOWN",
        "The repository with name 'no/such' does not exist in the registry with id '111122223333'",
    );
    for reference in ["2".to_owned(), digest.to_string()] {
        let answer = stage.pull(&login, &format!("/v2/team/app/manifests/{reference}")).await;
        answer.denied(404, "MANIFEST_UNKNOWN", "Requested image not found");
    }
    let blob = stage.pull(&login, &format!("/v2/team/app/blobs/{digest}")).await;
    assert_eq!(
        (blob.status, blob.json()["errors"][0]["code"].as_str()),
        (404, Some("BLOB_UNKNOWN"))
    );
}

#[tokio::test]
async fn a_role_that_was_made_anew_does_not_serve_old_sessions() {
    let stage = Stage::furnished().await;
    stage
        .push(&stage.root_login(ACCOUNT).await, "team/app", &Image::new(5))
        .await;
    let login = stage.login(&stage.session().await).await;
    stage
        .iam(&[
            ("Action", "DeleteRolePolicy"),
            ("RoleName", "puller"),
            ("PolicyName", "permissions"),
        ])
        .await
        .ok();
    stage
        .iam(&[("Action", "DeleteRole"), ("RoleName", "puller")])
        .await
        .ok();
    stage.create_role("puller", &crate::stage::trust("team:app")).await.ok();
    stage.allow("puller", &pull_permissions("team/app")).await;
    assert_eq!(stage.pull(&login, "/v2/team/app/manifests/1").await.status, 403);
}

#[tokio::test]
async fn tags_come_by_pages_as_plain_text() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(6);
    stage.push(&login, "team/app", &image).await;
    for tag in 2..=5 {
        stage
            .put_manifest(&login, "team/app", &tag.to_string(), &image.manifest)
            .await
            .ok();
    }
    let mut path = "/v2/team/app/tags/list?n=2".to_owned();
    let mut tags = Vec::new();
    for page in 1.. {
        let answer = stage.pull(&login, &path).await.ok();
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.json()["name"], "team/app");
        let listed = answer.json()["tags"].as_array().unwrap().clone();
        tags.extend(listed.iter().map(|tag| tag.as_str().unwrap().to_owned()));
        let link = answer.header("link").to_owned();
        if link.is_empty() {
            assert_eq!((page, listed.len()), (3, 1));
            break;
        }
        assert_eq!(listed.len(), 2);
        let url = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .unwrap();
        path = url.strip_prefix(REGISTRY).expect("the link is absolute").to_owned();
    }
    assert_ne!(tags, ["1", "2", "3", "4", "5"], "an order that means something");
    tags.sort();
    assert_eq!(tags, ["1", "2", "3", "4", "5"]);

    stage.pull(&login, "/v2/team/app/tags/list?n=1001").await.denied(
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to \
         1000'",
    );
    assert_eq!(stage.pull(&login, "/v2/team/app/tags/list?n=0").await.status, 405);
    assert_eq!(stage.pull(&login, "/v2/team/app/tags/list?last=%2f").await.status, 405);
}

//! Names whose first part stands before `/v2/`, as containerd makes them of a mirror's URL that has a path.

use iam::Arn;
use serde_json::{Value, json};

use crate::harbour::{ACCOUNT, Harbour, REGION};

/// The prefixes that stand for the upstream: its registry's host, and its name.
fn prefixes() -> [String; 2] {
    [format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"), "prod".to_owned()]
}

#[tokio::test]
async fn an_image_is_pulled_by_a_name_before_v2() {
    let harbour = Harbour::keyless().await;
    for prefix in prefixes() {
        let base = harbour.at("GET", &format!("/{prefix}/v2/")).send().await.unwrap();
        assert_eq!(base.status(), 200, "{prefix}");
        assert!(base.headers().contains_key("docker-distribution-api-version"));
        let path = format!("/{prefix}/v2/team/app/manifests/1");
        let head = harbour.at("HEAD", &path).send().await.unwrap();
        let manifest = harbour.at("GET", &path).send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), manifest.status().as_u16()),
            (200, 200),
            "{prefix}"
        );
        let digest = manifest.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        assert_eq!(head.headers()["docker-content-digest"], digest.as_str());
        let manifest = manifest.bytes().await.unwrap();
        assert_eq!(oci::Digest::of(&manifest).to_string(), digest);

        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        let blob = harbour
            .at("GET", &format!("/{prefix}/v2/team/app/blobs/{layer}"))
            .send()
            .await
            .unwrap();
        assert_eq!(blob.status(), 200, "{prefix}");
        assert_eq!(oci::Digest::of(&blob.bytes().await.unwrap()).to_string(), layer);
    }
}

#[tokio::test]
async fn the_pages_of_a_list_go_on_under_the_same_form() {
    let harbour = Harbour::keyless().await;
    harbour.tag(&["2".to_owned(), "3".to_owned()]).await;
    let repository: Arn = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app")
        .parse()
        .unwrap();
    let document = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ecr:ListImages", "Resource": repository.to_string()
    } });
    let policy = [
        ("RoleName", "pull"),
        ("PolicyName", "list"),
        ("PolicyDocument", &document.to_string()),
    ];
    harbour.iam("PutRolePolicy", &policy).await;
    for prefix in prefixes() {
        let mut tags = Vec::new();
        let mut next = Some(format!("/{prefix}/v2/team/app/tags/list?n=1"));
        while let Some(path) = next {
            let page = harbour.at("GET", &path).send().await.unwrap();
            assert_eq!(page.status(), 200, "{path}");
            let link = page.headers().get("link").map(|link| link.to_str().unwrap());
            next = link.map(|link| link[1..].split_once('>').unwrap().0.to_owned());
            let list: Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
            tags.extend(
                list["tags"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|tag| tag.as_str().unwrap().to_owned()),
            );
        }
        tags.sort();
        assert_eq!(tags, ["1", "2", "3"], "{prefix}");
    }
}

#[tokio::test]
async fn what_is_before_v2_has_to_stand_for_an_upstream_and_lets_nobody_in() {
    let harbour = Harbour::keyless().await;
    for (prefix, status) in [
        ("444455556666.dkr.ecr.us-east-1.amazonaws.com", 404),
        ("registry.example.com", 404),
        ("nobody", 404),
        ("two/parts", 404),
    ] {
        let answer = harbour
            .at("GET", &format!("/{prefix}/v2/team/app/manifests/1"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{prefix}");
    }
    for prefix in prefixes() {
        for path in ["", "team/app/manifests/1"] {
            let path = format!("/{prefix}/v2/{path}");
            let (client, request) = harbour.at("GET", &path).build_split();
            let mut request = request.unwrap();
            request.headers_mut().remove("authorization");
            let answer = client.execute(request).await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
        }
    }
}

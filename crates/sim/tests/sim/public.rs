//! ECR Public.

use std::time::Duration;

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    images::Image,
    signing::{Keys, Scope, post},
    stage::{ACCOUNT, Answer, OTHER, Stage},
};

const PUBLIC: &str = "https://public.ecr.aws";
const NAME: &str = "team/app";

impl Stage {
    async fn ecr_public(&self, operation: &str, input: &Value, keys: &Keys) -> Answer {
        let scope = Scope {
            service: "ecr-public",
            region: "us-east-1",
            time: self.now(),
        };
        let target = format!("SpencerFrontendService.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let url = "https://api.ecr-public.us-east-1.amazonaws.com/";
        self.send(post(url, &headers, input.to_string().as_bytes(), keys, scope))
            .await
    }

    /// The login of ECR Public, as `Basic …`.
    async fn public_login(&self, keys: &Keys) -> String {
        let answer = self
            .ecr_public("GetAuthorizationToken", &json!({}), keys)
            .await
            .ok()
            .json();
        let token = answer["authorizationData"]["authorizationToken"].as_str().unwrap();
        format!("Basic {token}")
    }

    async fn public_token(&self, login: &str) -> Answer {
        let request = self.get(&format!("{PUBLIC}/token/?service=public.ecr.aws&scope=aws"));
        let request = if login.is_empty() {
            request
        } else {
            request.header("authorization", login)
        };
        self.send(request.build().unwrap()).await
    }

    /// A bearer token for a login, or for none.
    async fn bearer(&self, login: &str) -> String {
        let answer = self.public_token(login).await.ok().json();
        format!("Bearer {}", answer["token"].as_str().unwrap())
    }

    async fn public(&self, method: &str, path: &str, bearer: &str, body: &[u8]) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{PUBLIC}{path}")).body(body.to_vec());
        let request = if bearer.is_empty() {
            request
        } else {
            request.header("authorization", bearer)
        };
        self.send(request.build().unwrap()).await
    }
}

/// A stage with a public repository of [`ACCOUNT`] that has an image with the tag `1`, and the path of the repository.
async fn published() -> (Stage, String, Image) {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let created = stage
        .ecr_public("CreateRepository", &json!({"repositoryName": NAME}), &root)
        .await
        .ok()
        .json();
    let uri = created["repository"]["repositoryUri"].as_str().unwrap();
    let path = format!("/v2/{}", uri.strip_prefix("public.ecr.aws/").unwrap());
    let bearer = stage.bearer(&stage.public_login(&root).await).await;
    let image = Image::new(1);
    for content in [&image.config, &image.layer] {
        let begun = stage
            .public("POST", &format!("{path}/blobs/uploads/"), &bearer, b"")
            .await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        let location = begun.header("location").strip_prefix(PUBLIC).unwrap();
        let url = format!("{location}?digest={}", Digest::of(content));
        let finished = stage.public("PUT", &url, &bearer, content).await;
        assert_eq!(finished.status, 201, "{}", finished.text());
        assert_eq!(
            finished.header("location"),
            format!("{PUBLIC}{path}/blobs/{}", Digest::of(content))
        );
    }
    let put = stage
        .public(
            "PUT",
            &format!("{path}/manifests/1"),
            &bearer,
            image.manifest.as_bytes(),
        )
        .await;
    assert_eq!(put.status, 201, "{}", put.text());
    (stage, path, image)
}

#[tokio::test]
async fn anybody_pulls_what_was_published() {
    let (stage, path, image) = published().await;
    let anonymous = stage.bearer("").await;
    let known = stage.bearer(&stage.public_login(&stage.root(OTHER)).await).await;
    for bearer in [anonymous, known] {
        stage.public("GET", "/v2/", &bearer, b"").await.ok();
        let manifest = stage
            .public("GET", &format!("{path}/manifests/1"), &bearer, b"")
            .await
            .ok();
        assert_eq!(manifest.text(), image.manifest);
        let tags = stage
            .public("GET", &format!("{path}/tags/list"), &bearer, b"")
            .await
            .ok();
        let name = path.strip_prefix("/v2/").unwrap();
        assert_eq!(tags.json(), json!({"name": name, "tags": ["1"]}));
        let blob = format!("{path}/blobs/{}", Digest::of(&image.layer));
        let redirect = stage.public("GET", &blob, &bearer, b"").await;
        assert_eq!(redirect.status, 307);
        let layer = stage.get(redirect.header("location")).build().unwrap();
        assert_eq!(stage.send(layer).await.ok().body, image.layer);
        // What GET has, HEAD has not.
        let head = stage.public("HEAD", &blob, &bearer, b"").await;
        assert_eq!((head.status, head.body.len()), (401, 0));
        let missing = stage.public("GET", &format!("{path}/manifests/2"), &bearer, b"").await;
        missing.denied(404, "MANIFEST_UNKNOWN", "Requested image not found");
        for unknown in ["/v2/r00000000/team/app", &path.replace(NAME, "no/such")] {
            let missing = stage
                .public("GET", &format!("{unknown}/manifests/1"), &bearer, b"")
                .await;
            assert_eq!(
                (missing.status, missing.json()["errors"][0]["code"].as_str()),
                (404, Some("NAME_UNKNOWN"))
            );
        }
        let catalog = stage.public("GET", "/v2/_catalog", &bearer, b"").await;
        assert!(matches!(catalog.status, 404 | 405), "{}", catalog.text());
    }
}

#[tokio::test]
async fn the_public_registry_wants_a_bearer_token_of_its_own() {
    let (stage, path, _) = published().await;
    let manifest = format!("{path}/manifests/1");
    for target in ["/v2/", manifest.as_str()] {
        let challenge = stage.public("GET", target, "", b"").await;
        assert_eq!(challenge.status, 401);
        assert_eq!(
            challenge.header("www-authenticate"),
            "Bearer realm=\"https://public.ecr.aws/token/\",service=\"public.ecr.aws\",scope=\"aws\""
        );
    }
    let root = stage.root(ACCOUNT);
    let login = stage.public_login(&root).await;
    let private = stage.root_login(ACCOUNT).await;
    let token = login.strip_prefix("Basic ").unwrap();
    for wrong in [
        login.clone(),
        private.clone(),
        format!("Bearer {token}"),
        "Bearer x".to_owned(),
    ] {
        let refused = stage.public("GET", &manifest, &wrong, b"").await;
        refused.denied(400, "DENIED", "Your Authorization Token is invalid.");
    }
    for wrong in [private, "Basic x".to_owned()] {
        let refused = stage.public_token(&wrong).await;
        refused.denied(400, "DENIED", "Your Authorization Token is invalid.");
    }
    // Nor is the login of ECR Public one of a private registry.
    assert_eq!(stage.pull(&login, "/v2/").await.status, 401);

    let bearer = stage.bearer(&login).await;
    stage.clock.advance(Duration::from_secs(12 * 3600));
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    stage
        .public("GET", &manifest, &bearer, b"")
        .await
        .denied(400, "DENIED", expired);
    stage.public_token(&login).await.denied(400, "DENIED", expired);
}

#[tokio::test]
async fn pushing_takes_permission() {
    let (stage, path, image) = published().await;
    let anonymous = stage.bearer("").await;
    let begin = format!("{path}/blobs/uploads/");
    assert_eq!(stage.public("POST", &begin, &anonymous, b"").await.status, 401);
    let manifest = format!("{path}/manifests/1");
    assert_eq!(stage.public("DELETE", &manifest, &anonymous, b"").await.status, 401);
    let other = stage.bearer(&stage.public_login(&stage.root(OTHER)).await).await;
    stage
        .public("PUT", &manifest, &other, image.manifest.as_bytes())
        .await
        .denied(
            403,
            "DENIED",
            "User: arn:aws:iam::444455556666:root is not authorized to perform: ecr-public:PutImage on resource: \
         arn:aws:ecr-public::111122223333:repository/team/app because no resource-based policy allows the \
         ecr-public:PutImage action",
        );
}

#[tokio::test]
async fn a_login_takes_two_permissions() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let allow = |actions: &[&str]| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}})
            .to_string()
    };
    let (token, bearer) = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken");
    for (allowed, missing) in [(token, bearer), (bearer, token)] {
        stage.allow("puller", &allow(&[allowed])).await;
        let refused = stage.ecr_public("GetAuthorizationToken", &json!({}), &session).await;
        refused.faulted(
            "AccessDeniedException",
            &format!(
                "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: {missing} on \
                 resource: * because no identity-based policy allows the {missing} action"
            ),
        );
    }
    stage.allow("puller", &allow(&[token, bearer])).await;
    let answer = stage
        .ecr_public("GetAuthorizationToken", &json!({}), &session)
        .await
        .ok()
        .json();
    let expires = stage.now().as_second() + 12 * 3600;
    assert_eq!(answer["authorizationData"]["expiresAt"], json!(expires as f64));
}

#[tokio::test]
async fn public_repositories_are_described_and_deleted() {
    let (stage, path, _) = published().await;
    let root = stage.root(ACCOUNT);
    let uri = path.replace("/v2/", "public.ecr.aws/");
    let expected = json!({
        "repositoryArn": "arn:aws:ecr-public::111122223333:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": NAME,
        "repositoryUri": uri,
        "createdAt": stage.now().as_second() as f64,
    });
    let described = stage
        .ecr_public("DescribeRepositories", &json!({}), &root)
        .await
        .ok()
        .json();
    assert_eq!(described, json!({"repositories": [expected]}));
    let registries = stage
        .ecr_public("DescribeRegistries", &json!({}), &root)
        .await
        .ok()
        .json();
    assert_eq!(
        registries["registries"][0]["registryUri"],
        uri.strip_suffix("/team/app").unwrap()
    );
    // Private registries know nothing of it, though one of theirs has the name too.
    let private = json!({"repositoryName": NAME});
    let images = stage.ecr("ListImages", &private, &root).await.ok().json();
    assert_eq!(images, json!({"imageIds": []}));

    let again = stage.ecr_public("CreateRepository", &private, &root).await;
    assert_eq!(again.json()["__type"], "RepositoryAlreadyExistsException");
    let kept = stage.ecr_public("DeleteRepository", &private, &root).await;
    assert_eq!(kept.json()["__type"], "RepositoryNotEmptyException");
    let force = json!({"repositoryName": NAME, "force": true});
    stage.ecr_public("DeleteRepository", &force, &root).await.ok();
    for (operation, input, code) in [
        ("DeleteRepository", force, "RepositoryNotFoundException"),
        ("PutImage", json!({}), "UnsupportedOperationException"),
        ("BatchGetImage", json!({}), "UnknownOperationException"),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "catalogData": {}}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a".repeat(206)}),
            "InvalidParameterException",
        ),
    ] {
        let answer = stage.ecr_public(operation, &input, &root).await;
        assert_eq!(
            (answer.status, answer.json()["__type"].as_str()),
            (400, Some(code)),
            "{operation}"
        );
    }
}

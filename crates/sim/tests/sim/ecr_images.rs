//! Images through the API.

use std::time::Duration;

use oci::{Digest, MediaType};
use serde_json::{Value, json};

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, Stage},
};

pub(crate) const NAME: &str = "team/app";

/// A stage with an image that has the tag `1`.
pub(crate) async fn pushed() -> (Stage, Image) {
    let stage = Stage::furnished().await;
    let image = Image::new(1);
    stage.push(&stage.root_login(ACCOUNT).await, NAME, &image).await;
    (stage, image)
}

impl Stage {
    /// A call about [`NAME`] by the root.
    pub(crate) async fn about(&self, operation: &str, mut input: Value) -> Answer {
        input["repositoryName"] = json!(NAME);
        self.ecr(operation, &input, &self.root(ACCOUNT)).await
    }

    /// Puts an image, which must succeed.
    pub(crate) async fn put(&self, manifest: &str, tag: Option<&str>) -> Digest {
        let mut input = json!({ "imageManifest": manifest });
        if let Some(tag) = tag {
            input["imageTag"] = json!(tag);
        }
        self.about("PutImage", input).await.ok();
        Digest::of(manifest.as_bytes())
    }
}

/// An index of images that are there.
pub(crate) fn index(images: &[&Digest]) -> String {
    let manifests = images
        .iter()
        .map(|digest| json!({"mediaType": MediaType::OCI_MANIFEST, "digest": digest, "size": 1}));
    json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests.collect::<Value>()})
        .to_string()
}

#[tokio::test]
async fn images_are_listed_by_pages_and_by_tag_status() {
    let (stage, image) = pushed().await;
    stage.put(&image.manifest, Some("2")).await;
    let untagged = stage.put(&index(&[&image.digest]), None).await;
    let tagged = |tag: &str| json!({"imageDigest": image.digest, "imageTag": tag});
    let sorted = |ids: &Value| {
        let mut ids = ids.as_array().unwrap().clone();
        ids.sort_by_key(Value::to_string);
        ids
    };
    let mut expected = vec![json!({ "imageDigest": untagged }), tagged("1"), tagged("2")];
    expected.sort_by_key(Value::to_string);
    let all = stage.about("ListImages", json!({})).await.ok().json();
    assert_eq!(
        (sorted(&all["imageIds"]), &all["nextToken"]),
        (expected.clone(), &Value::Null)
    );
    for (status, ids) in [
        ("ANY", expected),
        ("TAGGED", vec![tagged("1"), tagged("2")]),
        ("UNTAGGED", vec![json!({ "imageDigest": untagged })]),
    ] {
        let listed = stage
            .about("ListImages", json!({"filter": {"tagStatus": status}}))
            .await;
        assert_eq!(sorted(&listed.ok().json()["imageIds"]), ids, "{status}");
    }
    let archived = stage
        .about("ListImages", json!({"filter": {"imageStatus": "ARCHIVED"}}))
        .await;
    assert_eq!(archived.ok().json(), json!({"imageIds": []}));

    let mut found = Vec::new();
    let mut input = json!({"maxResults": 1});
    loop {
        let page = stage.about("ListImages", input.clone()).await.ok().json();
        found.extend(page["imageIds"].as_array().unwrap().clone());
        let Some(next) = page.get("nextToken") else { break };
        input["nextToken"] = next.clone();
    }
    assert_eq!(Value::Array(found), all["imageIds"]);
    for bad in [
        json!({"maxResults": 1001}),
        json!({"filter": {"tagStatus": "X"}}),
        json!({"nextToken": "!"}),
    ] {
        let answer = stage.about("ListImages", bad).await;
        assert_eq!(answer.json()["__type"], "InvalidParameterException");
    }
}

#[tokio::test]
async fn images_are_described() {
    let (stage, image) = pushed().await;
    let pushed = stage.now();
    stage.clock.advance(Duration::from_secs(60));
    stage.put(&image.manifest, Some("2")).await;
    let index = stage.put(&index(&[&image.digest]), Some("all")).await;
    let size = image.config.len() + image.layer.len();
    let expected = json!({
        "registryId": ACCOUNT,
        "repositoryName": NAME,
        "imageDigest": image.digest,
        "imageTags": ["1", "2"],
        "imageSizeInBytes": size,
        "imagePushedAt": pushed.as_second() as f64,
        "imageManifestMediaType": MediaType::OCI_MANIFEST,
        "artifactMediaType": MediaType::OCI_CONFIG,
        "imageStatus": "ACTIVE",
    });
    for id in [json!({"imageTag": "1"}), json!({"imageDigest": image.digest})] {
        let answer = stage
            .about("DescribeImages", json!({"imageIds": [id]}))
            .await
            .ok()
            .json();
        assert_eq!(answer, json!({"imageDetails": [expected]}));
    }
    let all = stage.about("DescribeImages", json!({})).await.ok().json();
    let details = all["imageDetails"].as_array().unwrap();
    assert_eq!(details.len(), 2);
    let described = details
        .iter()
        .find(|detail| detail["imageDigest"] == json!(index))
        .unwrap();
    // The largest of its images counts, and an index has no configuration.
    assert_eq!(described["imageSizeInBytes"], json!(size));
    assert_eq!(described["artifactMediaType"], Value::Null);
    assert_eq!(described["imagePushedAt"], json!((pushed.as_second() + 60) as f64));

    let answer = stage
        .about("DescribeImages", json!({"imageIds": [{"imageTag": "3"}]}))
        .await;
    answer.faulted(
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'3'} does not exist within the repository with name \
         'team/app' in the registry with id '111122223333'",
    );
    for bad in [
        json!({"imageIds": []}),
        json!({"imageIds": [{}]}),
        json!({"imageIds": [{"imageTag": "1"}], "maxResults": 1}),
    ] {
        let answer = stage.about("DescribeImages", bad).await;
        assert_eq!(answer.json()["__type"], "InvalidParameterException");
    }
}

#[tokio::test]
async fn the_last_pull_is_recorded() {
    let (stage, image) = pushed().await;
    let describe = || async {
        let input = json!({"imageIds": [{"imageDigest": image.digest}]});
        let answer = stage.about("DescribeImages", input).await.ok().json();
        answer["imageDetails"][0]["lastRecordedPullTime"].clone()
    };
    assert_eq!(describe().await, Value::Null);
    let login = stage.root_login(ACCOUNT).await;
    let url = format!("{}/v2/{NAME}/manifests/1", crate::stage::REGISTRY);
    let head = stage.http.head(&url).header("authorization", &login);
    stage.send(head.build().unwrap()).await.ok();
    assert_eq!(describe().await, Value::Null, "a look is no pull");
    stage.clock.advance(Duration::from_secs(60));
    stage.pull(&login, &format!("/v2/{NAME}/manifests/1")).await.ok();
    assert_eq!(describe().await, json!(stage.now().as_second() as f64));
    stage.clock.advance(Duration::from_secs(60));
    stage
        .about("BatchGetImage", json!({"imageIds": [{"imageTag": "1"}]}))
        .await
        .ok();
    assert_eq!(describe().await, json!(stage.now().as_second() as f64));
}

#[tokio::test]
async fn images_are_got_and_failures_are_named() {
    let (stage, image) = pushed().await;
    let nothing = Digest::of(b"nothing");
    let other = stage.put(&index(&[&image.digest]), None).await;
    let ids = json!([
        {"imageTag": "1"},
        {"imageDigest": image.digest},
        {"imageTag": "1", "imageDigest": image.digest},
        {"imageTag": "2"},
        {"imageDigest": nothing},
        {"imageTag": "1", "imageDigest": other},
        {"imageDigest": "nonsense"},
        {"imageTag": "a b"},
        {},
    ]);
    let answer = stage
        .about("BatchGetImage", json!({ "imageIds": ids }))
        .await
        .ok()
        .json();
    let image_of = |id: Value| {
        json!({
            "registryId": ACCOUNT,
            "repositoryName": NAME,
            "imageId": id,
            "imageManifest": image.manifest,
            "imageManifestMediaType": MediaType::OCI_MANIFEST,
        })
    };
    let with_tag = json!({"imageTag": "1", "imageDigest": image.digest});
    assert_eq!(
        answer["images"],
        json!([
            image_of(with_tag.clone()),
            image_of(json!({"imageDigest": image.digest})),
            image_of(with_tag)
        ])
    );
    let failures = answer["failures"].as_array().unwrap();
    let codes = failures.iter().map(|failure| failure["failureCode"].as_str().unwrap());
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [
            "ImageNotFound",
            "ImageNotFound",
            "ImageTagDoesNotMatchDigest",
            "InvalidImageDigest",
            "InvalidImageTag",
            "MissingDigestAndTag"
        ]
    );
    assert_eq!(failures[0]["imageId"], json!({"imageTag": "2"}));
    assert_eq!(failures[0]["failureReason"], "Requested image not found");
    let answer = stage.about("BatchGetImage", json!({"imageIds": []})).await;
    assert_eq!(answer.json()["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn by_tag_a_manifest_is_converted_and_by_digest_never() {
    let (stage, image) = pushed().await;
    let get = |id: Value, types: &[&str]| {
        let input = json!({"imageIds": [id], "acceptedMediaTypes": types});
        let stage = &stage;
        async move { stage.about("BatchGetImage", input).await.ok().json() }
    };
    let converted = get(json!({"imageTag": "1"}), &[MediaType::DOCKER_MANIFEST]).await;
    let converted = &converted["images"][0];
    assert_eq!(converted["imageManifestMediaType"], MediaType::DOCKER_MANIFEST);
    let manifest = converted["imageManifest"].as_str().unwrap();
    assert_eq!(
        converted["imageId"]["imageDigest"],
        json!(Digest::of(manifest.as_bytes()))
    );
    assert!(manifest.contains("application/vnd.docker.image.rootfs.diff.tar.gzip"));

    let stored = get(json!({"imageDigest": image.digest}), &[MediaType::DOCKER_MANIFEST]).await;
    assert_eq!(stored["images"][0]["imageManifest"], image.manifest);
    let none = get(
        json!({"imageTag": "1"}),
        &["application/vnd.docker.distribution.manifest.v1+json"],
    )
    .await;
    assert_eq!(none["failures"][0]["failureCode"], "ImageNotFound");
}

#[tokio::test]
async fn an_image_is_put_under_another_tag() {
    let (stage, image) = pushed().await;
    let digest = image.digest.to_string();
    let put = json!({"imageManifest": image.manifest, "imageTag": "2", "imageDigest": digest});
    let answer = stage.about("PutImage", put.clone()).await.ok().json();
    assert_eq!(
        answer["image"],
        json!({
            "registryId": ACCOUNT,
            "repositoryName": NAME,
            "imageId": {"imageDigest": digest, "imageTag": "2"},
            "imageManifest": image.manifest,
            "imageManifestMediaType": MediaType::OCI_MANIFEST,
        })
    );
    stage.about("PutImage", put).await.faulted(
        "ImageAlreadyExistsException",
        &format!(
            "Image with digest '{digest}' and tag '2' already exists in the repository with name 'team/app' in registry \
             with id '111122223333'"
        ),
    );
    let answer = stage.about("PutImage", json!({"imageManifest": image.manifest})).await;
    assert_eq!(answer.json()["__type"], "ImageAlreadyExistsException");
    let other = json!({"imageManifest": index(&[&image.digest]), "imageDigest": digest});
    stage.about("PutImage", other).await.faulted(
        "ImageDigestDoesNotMatchException",
        "The specified image digest does not match the digest that Amazon ECR calculated for the image.",
    );
    let missing = Image::new(2);
    let answer = stage
        .about("PutImage", json!({"imageManifest": missing.manifest}))
        .await;
    assert_eq!(answer.json()["__type"], "LayersNotFoundException");
    let answer = stage
        .about("PutImage", json!({"imageManifest": index(&[&missing.digest])}))
        .await;
    assert_eq!(answer.json()["__type"], "ReferencedImagesNotFoundException");
    for bad in [
        json!({}),
        json!({"imageManifest": ""}),
        json!({"imageManifest": "[]"}),
        json!({"imageManifest": "{\"manifests\":[]}"}),
        json!({"imageManifest": image.manifest, "imageTag": "a b"}),
        json!({"imageManifest": image.manifest, "imageDigest": "x"}),
        json!({"imageManifest": image.manifest, "imageManifestMediaType": MediaType::OCI_INDEX}),
    ] {
        let answer = stage.about("PutImage", bad.clone()).await;
        assert_eq!(answer.json()["__type"], "InvalidParameterException", "{bad}");
    }
}

#[tokio::test]
async fn an_immutable_tag_stays() {
    let (stage, image) = pushed().await;
    let immutable = json!({
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev*"}],
    });
    stage.about("PutImageTagMutability", immutable).await.ok();
    let message = "The image tag '1' already exists in the 'team/app' repository and cannot be overwritten because the \
        tag is immutable.";
    let other = index(&[&image.digest]);
    // The same image again is refused like another.
    for manifest in [&other, &image.manifest] {
        let answer = stage
            .about("PutImage", json!({"imageManifest": manifest, "imageTag": "1"}))
            .await;
        answer.faulted("ImageTagAlreadyExistsException", message);
        let login = stage.root_login(ACCOUNT).await;
        let request = stage
            .http
            .put(format!("{}/v2/{NAME}/manifests/1", crate::stage::REGISTRY))
            .header("authorization", login)
            .body(manifest.clone());
        let answer = stage.send(request.build().unwrap()).await;
        answer.denied(400, "TAG_INVALID", message);
    }
    stage.put(&other, Some("2")).await;
    stage.put(&image.manifest, Some("dev")).await;
    stage.put(&other, Some("dev")).await;
    // What may not be moved may be taken away.
    let answer = stage
        .about("BatchDeleteImage", json!({"imageIds": [{"imageTag": "dev"}]}))
        .await;
    assert_eq!(answer.ok().json()["failures"], json!([]));
}

#[tokio::test]
async fn each_operation_needs_its_permission() {
    let (stage, _) = pushed().await;
    let session = stage.session().await;
    let id = json!([{"imageTag": "1"}]);
    for (operation, action) in [
        ("ListImages", "ListImages"),
        ("DescribeImages", "DescribeImages"),
        ("BatchDeleteImage", "BatchDeleteImage"),
        ("PutImage", "PutImage"),
        ("PutImageTagMutability", "PutImageTagMutability"),
        ("InitiateLayerUpload", "InitiateLayerUpload"),
        ("BatchCheckLayerAvailability", "BatchCheckLayerAvailability"),
        ("PutLifecyclePolicy", "PutLifecyclePolicy"),
        ("DeleteRepository", "DeleteRepository"),
    ] {
        let input = json!({
            "repositoryName": NAME,
            "imageIds": if operation == "DescribeImages" { Value::Null } else { id.clone() },
            "imageManifest": index(&[]),
            "imageTagMutability": "MUTABLE",
            "layerDigests": [Digest::of(b"x")],
            "lifecyclePolicyText": format!("{}{}", json!({"rules": []}), " ".repeat(100)),
        });
        let answer = stage.ecr(operation, &input, &session).await;
        answer.faulted(
            "AccessDeniedException",
            &format!(
                "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: ecr:{action} on \
                 resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app because no identity-based policy \
                 allows the ecr:{action} action"
            ),
        );
    }
}

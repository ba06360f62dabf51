//! What the registry does beside plain pushes and pulls.

use oci::{Digest, Manifest, MediaType};
use serde_json::{Value, json};

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, OTHER, REGISTRY, Stage, pull_permissions},
};

const NAME: &str = "team/app";
const SPDX: &str = "application/spdx+json";

/// A stage with an image that has the tag `1`, and the root's login.
async fn pushed() -> (Stage, String, Image) {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    stage.push(&login, NAME, &image).await;
    (stage, login, image)
}

async fn get(stage: &Stage, login: &str, reference: &str, accept: &[&str]) -> Answer {
    let mut request = stage
        .get(&format!("{REGISTRY}/v2/{NAME}/manifests/{reference}"))
        .header("authorization", login);
    for accept in accept {
        request = request.header("accept", *accept);
    }
    stage.send(request.build().unwrap()).await
}

async fn delete(stage: &Stage, login: &str, path: &str) -> Answer {
    let request = stage
        .http
        .delete(format!("{REGISTRY}{path}"))
        .header("authorization", login);
    stage.send(request.build().unwrap()).await
}

/// A manifest about a subject, as clients attach them.
fn attached(kind: &str, subject: &Digest) -> String {
    let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2});
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": kind,
        "config": empty,
        "layers": [empty],
        "subject": {"mediaType": MediaType::OCI_MANIFEST, "digest": subject, "size": 1},
        "annotations": {"made": "today"},
    })
    .to_string()
}

#[tokio::test]
async fn by_tag_the_client_gets_a_type_that_it_accepts() {
    let (stage, login, image) = pushed().await;
    let any = MediaType::ANY_MANIFEST;
    for accept in [
        &[][..],
        &["*/*"],
        &[any],
        &[MediaType::DOCKER_LIST, MediaType::OCI_MANIFEST],
    ] {
        let answer = get(&stage, &login, "1", accept).await.ok();
        assert_eq!(answer.text(), image.manifest, "{accept:?}");
    }
    let docker = get(&stage, &login, "1", &[MediaType::DOCKER_MANIFEST]).await.ok();
    assert_eq!(docker.header("content-type"), MediaType::DOCKER_MANIFEST);
    let digest = Digest::of(&docker.body);
    assert_eq!(docker.header("docker-content-digest"), digest.to_string());
    assert_ne!(digest, image.digest, "another type is another digest");
    let manifest = Manifest::parse(&MediaType::DOCKER_MANIFEST.into(), &docker.body).unwrap();
    let layers = manifest
        .children()
        .map(|child| child.digest.clone())
        .collect::<Vec<_>>();
    assert_eq!(layers, [Digest::of(&image.config), Digest::of(&image.layer)]);

    let by_digest = get(&stage, &login, &image.digest.to_string(), &[MediaType::DOCKER_MANIFEST]).await;
    assert_eq!(by_digest.ok().text(), image.manifest, "by digest nothing is converted");
    let index = get(&stage, &login, "1", &[MediaType::OCI_INDEX]).await;
    index.denied(404, "MANIFEST_UNKNOWN", "Requested image not found");
}

#[tokio::test]
async fn what_is_attached_to_an_image_is_listed() {
    let (stage, login, image) = pushed().await;
    assert_eq!(stage.upload(&login, NAME, b"{}").await.status, 201);
    let spdx = attached(SPDX, &image.digest);
    let answer = stage
        .put_manifest(&login, NAME, &Digest::of(spdx.as_bytes()).to_string(), &spdx)
        .await;
    assert_eq!(
        (answer.status, answer.header("oci-subject")),
        (201, image.digest.to_string().as_str())
    );
    let signature = attached("application/vnd.example.signature", &image.digest);
    assert_eq!(
        stage.put_manifest(&login, NAME, "signature", &signature).await.status,
        201
    );

    let path = format!("/v2/{NAME}/referrers/{}", image.digest);
    let answer = stage.pull(&login, &path).await.ok();
    assert_eq!(answer.header("content-type"), MediaType::OCI_INDEX);
    assert_eq!(answer.header("oci-filters-applied"), "");
    assert_eq!(answer.json()["manifests"].as_array().unwrap().len(), 2);
    let answer = stage
        .pull(&login, &format!("{path}?artifactType={}", SPDX.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    let expected = json!({
        "mediaType": MediaType::OCI_MANIFEST,
        "digest": Digest::of(spdx.as_bytes()),
        "size": spdx.len(),
        "artifactType": SPDX,
        "annotations": {"made": "today"},
    });
    assert_eq!(
        answer.json(),
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [expected]})
    );
    let nothing = stage
        .pull(&login, &format!("/v2/{NAME}/referrers/{}", Digest::of(b"x")))
        .await
        .ok();
    assert_eq!(nothing.json()["manifests"], json!([]));

    let input = json!({
        "repositoryName": NAME,
        "subjectId": {"imageDigest": image.digest},
        "filter": {"artifactTypes": [SPDX]},
    });
    // Listing them takes the permission to get images, which the role has.
    let answer = stage
        .ecr("ListImageReferrers", &input, &stage.session().await)
        .await
        .ok();
    let mut active = expected;
    active["artifactStatus"] = json!("ACTIVE");
    assert_eq!(answer.json(), json!({ "referrers": [active] }));
    let described = json!({"repositoryName": NAME, "imageIds": [{"imageTag": "signature"}]});
    let described = stage
        .ecr("DescribeImages", &described, &stage.root(ACCOUNT))
        .await
        .ok()
        .json();
    assert_eq!(
        described["imageDetails"][0]["subjectManifestDigest"],
        json!(image.digest)
    );
    assert_eq!(
        described["imageDetails"][0]["artifactMediaType"],
        "application/vnd.example.signature"
    );

    stage
        .allow(
            "puller",
            &pull_permissions(NAME).replace("ecr:BatchGetImage", "ecr:ListImages"),
        )
        .await;
    let session = stage.login(&stage.session().await).await;
    let denied = stage.pull(&session, &path).await;
    assert!(
        denied
            .text()
            .contains("is not authorized to perform: ecr:BatchGetImage"),
        "{}",
        denied.text()
    );
}

#[tokio::test]
async fn the_catalog_lists_repositories_by_pages() {
    let (stage, login, _) = pushed().await;
    for name in ["base", "team/zoo"] {
        stage.create_repository(ACCOUNT, name).await;
    }
    stage.create_repository(OTHER, "not/ours").await;
    let first = stage.pull(&login, "/v2/_catalog?n=2").await.ok();
    assert_eq!(first.json(), json!({"repositories": ["base", "team/app"]}));
    let link = first.header("link").strip_prefix(&format!("<{REGISTRY}")).unwrap();
    let second = stage
        .pull(&login, link.strip_suffix(">; rel=\"next\"").unwrap())
        .await
        .ok();
    assert_eq!(
        (second.json(), second.header("link")),
        (json!({"repositories": ["team/zoo"]}), "")
    );
    stage.pull(&login, "/v2/_catalog?n=10000").await.denied(
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to \
         1000'",
    );
    let session = stage.login(&stage.session().await).await;
    stage.pull(&session, "/v2/_catalog").await.denied(
        403,
        "DENIED",
        "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: \
         ecr:DescribeRepositories on resource: arn:aws:ecr:us-east-1:111122223333:repository/* because no identity-based \
         policy allows the ecr:DescribeRepositories action",
    );
}

#[tokio::test]
async fn an_image_is_deleted_through_the_registry() {
    let (stage, login, image) = pushed().await;
    let by_digest = format!("/v2/{NAME}/manifests/{}", image.digest);
    let session = stage.login(&stage.session().await).await;
    let denied = delete(&stage, &session, &by_digest).await;
    assert!(
        denied
            .text()
            .contains("is not authorized to perform: ecr:BatchDeleteImage"),
        "{}",
        denied.text()
    );

    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [
        {"mediaType": MediaType::OCI_MANIFEST, "digest": image.digest, "size": 1},
    ]})
    .to_string();
    let put = json!({"repositoryName": NAME, "imageManifest": index, "imageTag": "all"});
    stage.ecr("PutImage", &put, &stage.root(ACCOUNT)).await.ok();
    delete(&stage, &login, &by_digest).await.denied(
        405,
        "UNSUPPORTED",
        &format!(
            "Requested image referenced by manifest list: [{}]",
            Digest::of(index.as_bytes())
        ),
    );
    assert_eq!(
        delete(&stage, &login, &format!("/v2/{NAME}/manifests/all"))
            .await
            .status,
        202
    );
    assert_eq!(delete(&stage, &login, &by_digest).await.status, 202);
    delete(&stage, &login, &by_digest)
        .await
        .denied(404, "MANIFEST_UNKNOWN", "Requested image not found");
    let tags = stage.pull(&login, &format!("/v2/{NAME}/tags/list")).await.ok();
    assert_eq!(tags.json()["tags"], json!([]));
    let blob = delete(
        &stage,
        &login,
        &format!("/v2/{NAME}/blobs/{}", Digest::of(&image.layer)),
    )
    .await;
    assert_eq!(
        (blob.status, blob.json()["errors"][0]["code"].as_str()),
        (405, Some("UNSUPPORTED"))
    );
}

#[tokio::test]
async fn a_reader_reads_on_when_the_layer_is_deleted() {
    let (stage, login, image) = pushed().await;
    let url = stage.layer_url(&login, NAME, &Digest::of(&image.layer)).await;
    let reading = stage.http.get(&url).send().await.unwrap();
    assert_eq!(reading.status(), 200);
    assert_eq!(
        delete(&stage, &login, &format!("/v2/{NAME}/manifests/1")).await.status,
        202
    );
    assert_eq!(stage.send(stage.get(&url).build().unwrap()).await.status, 404);
    assert_eq!(reading.bytes().await.unwrap(), image.layer);
    // The same content can be pushed again at once.
    stage.push(&login, NAME, &image).await;
    let url = stage.layer_url(&login, NAME, &Digest::of(&image.layer)).await;
    assert_eq!(
        stage.send(stage.get(&url).build().unwrap()).await.ok().body,
        image.layer
    );
}

#[tokio::test]
async fn a_registry_answers_by_all_its_names() {
    let (stage, login, image) = pushed().await;
    for host in [
        "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
        "111122223333.dkr-ecr.us-east-1.on.aws",
        "111122223333.dkr-ecr-fips.us-east-1.on.aws",
    ] {
        let challenge = stage
            .send(stage.get(&format!("https://{host}/v2/")).build().unwrap())
            .await;
        assert_eq!(
            challenge.header("www-authenticate"),
            format!("Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\"")
        );
        let url = format!("https://{host}/v2/{NAME}/manifests/1");
        let answer = stage
            .send(stage.get(&url).header("authorization", &login).build().unwrap())
            .await;
        assert_eq!(answer.ok().text(), image.manifest);
        let begin = stage
            .http
            .post(format!("https://{host}/v2/{NAME}/blobs/uploads/"))
            .header("authorization", &login);
        let location = stage.send(begin.build().unwrap()).await;
        assert!(location.header("location").starts_with(&format!("https://{host}/v2/")));
    }
    for host in [
        "ecr-fips.us-east-1.amazonaws.com",
        "ecr.us-east-1.api.aws",
        "ecr-fips.us-east-1.api.aws",
    ] {
        let scope = crate::signing::Scope {
            service: "ecr",
            region: crate::stage::REGION,
            time: stage.now(),
        };
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry"),
        ];
        let url = format!("https://{host}/");
        let request = crate::signing::post(&url, &headers, b"{}", &stage.root(ACCOUNT), scope);
        let answer = stage.send(request).await.ok().json();
        assert_eq!(answer["registryId"], Value::from(ACCOUNT));
    }
}

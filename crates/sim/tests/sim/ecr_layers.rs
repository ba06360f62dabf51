//! Layers through the API.

use base64::{Engine, engine::general_purpose::STANDARD};
use oci::{Digest, MediaType};
use serde_json::{Value, json};

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, Stage},
};

const NAME: &str = "team/app";
const MIB: usize = 1024 * 1024;

async fn about(stage: &Stage, operation: &str, mut input: Value) -> Answer {
    input["repositoryName"] = json!(NAME);
    stage.ecr(operation, &input, &stage.root(ACCOUNT)).await
}

async fn initiate(stage: &Stage) -> String {
    let answer = about(stage, "InitiateLayerUpload", json!({})).await.ok().json();
    assert_eq!(answer["partSize"], 10 * MIB);
    answer["uploadId"].as_str().unwrap().to_owned()
}

async fn upload(stage: &Stage, id: &str, first: usize, part: &[u8]) -> Answer {
    let input = json!({
        "uploadId": id,
        "partFirstByte": first,
        "partLastByte": (first + part.len()).saturating_sub(1),
        "layerPartBlob": STANDARD.encode(part),
    });
    about(stage, "UploadLayerPart", input).await
}

async fn complete(stage: &Stage, id: &str, digest: &Digest) -> Answer {
    about(
        stage,
        "CompleteLayerUpload",
        json!({"uploadId": id, "layerDigests": [digest]}),
    )
    .await
}

#[tokio::test]
async fn a_layer_comes_in_parts() {
    let stage = Stage::furnished().await;
    let layer = (0..6 * MIB).map(|n| (n / 7) as u8).collect::<Vec<_>>();
    let digest = Digest::of(&layer);
    let id = initiate(&stage).await;
    let (first, second) = layer.split_at(5 * MIB);
    let answer = upload(&stage, &id, 0, first).await.ok().json();
    assert_eq!(
        answer,
        json!({"registryId": ACCOUNT, "repositoryName": NAME, "uploadId": id, "lastByteReceived": 5 * MIB - 1})
    );
    upload(&stage, &id, 5 * MIB, second).await.ok();
    let answer = complete(&stage, &id, &digest).await.ok().json();
    assert_eq!(
        answer,
        json!({"registryId": ACCOUNT, "repositoryName": NAME, "uploadId": id, "layerDigest": digest})
    );
    // What came through the API is there for the registry.
    let login = stage.root_login(ACCOUNT).await;
    let url = stage.layer_url(&login, NAME, &digest).await;
    assert!(stage.send(stage.get(&url).build().unwrap()).await.ok().body == layer);
    let again = complete(&stage, &id, &digest).await;
    assert_eq!(again.json()["__type"], "UploadNotFoundException");
}

#[tokio::test]
async fn parts_follow_one_another() {
    let stage = Stage::furnished().await;
    let id = initiate(&stage).await;
    let refused = upload(&stage, &id, 1, b"abc").await;
    assert_eq!(refused.status, 400);
    let expected = json!({
        "__type": "InvalidLayerPartException",
        "message": "The layer part size is not valid, or the first byte specified is not consecutive to the last byte of \
            a previous layer part upload.",
        "registryId": ACCOUNT,
        "repositoryName": NAME,
        "uploadId": id,
    });
    assert_eq!(refused.json(), expected);
    upload(&stage, &id, 0, b"abc").await.ok();
    for (first, last, blob) in [(0, 2, "abc"), (4, 6, "abc"), (3, 6, "abc"), (3, 2, "")] {
        let input = json!({
            "uploadId": id, "partFirstByte": first, "partLastByte": last, "layerPartBlob": STANDARD.encode(blob),
        });
        let mut expected = expected.clone();
        expected["lastValidByteReceived"] = json!(2);
        assert_eq!(about(&stage, "UploadLayerPart", input).await.json(), expected);
    }
    // A part that was too short shows in the end, unless it is the last.
    upload(&stage, &id, 3, b"def").await.ok();
    let answer = complete(&stage, &id, &Digest::of(b"abcdef")).await;
    answer.faulted(
        "LayerPartTooSmallException",
        "Layer parts must be at least 5 MiB in size.",
    );
}

#[tokio::test]
async fn an_upload_must_have_content_and_the_digest_that_was_said() {
    let stage = Stage::furnished().await;
    let digest = Digest::of(b"abc");
    let id = initiate(&stage).await;
    complete(&stage, &id, &digest).await.faulted(
        "EmptyUploadException",
        "The specified layer upload does not contain any layer parts.",
    );
    upload(&stage, &id, 0, b"abd").await.ok();
    let answer = complete(&stage, &id, &digest).await;
    assert_eq!(answer.json()["__type"], "InvalidLayerException");
    let id = initiate(&stage).await;
    upload(&stage, &id, 0, b"abc").await.ok();
    complete(&stage, &id, &digest).await.ok();
    let id = initiate(&stage).await;
    upload(&stage, &id, 0, b"abc").await.ok();
    let answer = complete(&stage, &id, &digest).await;
    answer.faulted(
        "LayerAlreadyExistsException",
        &format!(
            "The layer with digest '{digest}' already exists in the repository with name 'team/app' in registry with id \
             '111122223333'"
        ),
    );
}

#[tokio::test]
async fn bad_input_is_named() {
    let stage = Stage::furnished().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let cases = [
        ("UploadLayerPart", json!({}), "InvalidParameterException"),
        (
            "UploadLayerPart",
            json!({"uploadId": "x", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "YQ=="}),
            "InvalidParameterException",
        ),
        (
            "UploadLayerPart",
            json!({"uploadId": unknown, "partFirstByte": -1, "partLastByte": 0, "layerPartBlob": "YQ=="}),
            "InvalidParameterException",
        ),
        (
            "UploadLayerPart",
            json!({"uploadId": unknown, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "!"}),
            "SerializationException",
        ),
        (
            "UploadLayerPart",
            json!({"uploadId": unknown, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "YQ=="}),
            "UploadNotFoundException",
        ),
        (
            "CompleteLayerUpload",
            json!({"uploadId": unknown, "layerDigests": []}),
            "InvalidParameterException",
        ),
        (
            "CompleteLayerUpload",
            json!({"uploadId": unknown, "layerDigests": ["x"]}),
            "InvalidParameterException",
        ),
        (
            "BatchCheckLayerAvailability",
            json!({"layerDigests": []}),
            "InvalidParameterException",
        ),
        (
            "GetDownloadUrlForLayer",
            json!({"layerDigest": "x"}),
            "InvalidParameterException",
        ),
    ];
    for (operation, input, code) in cases {
        let answer = about(&stage, operation, input.clone()).await;
        assert_eq!(
            (answer.status, answer.json()["__type"].as_str()),
            (400, Some(code)),
            "{operation} {input}"
        );
    }
    let long = vec![0; 20_971_521];
    let answer = upload(&stage, unknown, 0, &long).await;
    assert_eq!(answer.json()["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn a_layer_has_a_url_once_an_image_refers_to_it() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    let digest = Digest::of(&image.layer);
    let url = || about(&stage, "GetDownloadUrlForLayer", json!({ "layerDigest": digest }));
    let missing = url().await;
    assert_eq!(missing.json()["__type"], "LayersNotFoundException");
    assert_eq!(stage.upload(&login, NAME, &image.layer).await.status, 201);
    assert_eq!(url().await.json()["__type"], "LayerInaccessibleException");
    stage.push(&login, NAME, &image).await;
    let answer = url().await.ok().json();
    assert_eq!(answer["layerDigest"], json!(digest));
    let content = stage.get(answer["downloadUrl"].as_str().unwrap()).build().unwrap();
    assert_eq!(stage.send(content).await.ok().body, image.layer);
}

#[tokio::test]
async fn the_availability_of_layers_is_told() {
    let stage = Stage::furnished().await;
    let image = Image::new(1);
    stage.push(&stage.root_login(ACCOUNT).await, NAME, &image).await;
    let (digest, nothing) = (Digest::of(&image.layer), Digest::of(b"nothing"));
    let input = json!({"layerDigests": [digest, nothing, "nonsense", ""]});
    let answer = about(&stage, "BatchCheckLayerAvailability", input).await.ok().json();
    assert_eq!(
        answer["layers"],
        json!([
            {
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": image.layer.len(),
                "mediaType": MediaType::OCI_LAYER_GZIP,
            },
            {"layerDigest": nothing, "layerAvailability": "UNAVAILABLE"},
        ])
    );
    let failures = answer["failures"].as_array().unwrap();
    let codes = failures.iter().map(|failure| failure["failureCode"].as_str().unwrap());
    assert_eq!(codes.collect::<Vec<_>>(), ["InvalidLayerDigest", "MissingLayerDigest"]);
}

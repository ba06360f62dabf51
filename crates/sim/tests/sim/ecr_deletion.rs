//! Images go, and what only they needed goes with them.

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    ecr_images::{NAME, index, pushed},
    stage::ACCOUNT,
};

#[tokio::test]
async fn a_tag_goes_alone_and_an_image_with_its_tags() {
    let (stage, image) = pushed().await;
    stage.put(&image.manifest, Some("2")).await;
    let delete = |ids: Value| {
        let stage = &stage;
        async move {
            stage
                .about("BatchDeleteImage", json!({ "imageIds": ids }))
                .await
                .ok()
                .json()
        }
    };
    let digest = &image.digest;
    let answer = delete(json!([{"imageTag": "2"}])).await;
    assert_eq!(
        answer,
        json!({"imageIds": [{"imageDigest": digest, "imageTag": "2"}], "failures": []})
    );
    let index_digest = stage.put(&index(&[digest]), None).await;
    let reason = format!("Requested image referenced by manifest list: [{index_digest}]");
    // The last tag would take the image with it.
    for id in [json!({ "imageDigest": digest }), json!({"imageTag": "1"})] {
        let answer = delete(json!([id])).await;
        assert_eq!(
            answer,
            json!({"imageIds": [], "failures": [
                {"imageId": id, "failureCode": "ImageReferencedByManifestList", "failureReason": reason},
            ]})
        );
    }
    let url = stage
        .layer_url(&stage.root_login(ACCOUNT).await, NAME, &Digest::of(&image.layer))
        .await;
    let answer = delete(json!([
        {"imageDigest": index_digest},
        {"imageDigest": digest},
        {"imageTag": "1"},
        {"imageDigest": digest, "imageTag": "1"},
        {},
    ]))
    .await;
    assert_eq!(
        answer["imageIds"],
        json!([{ "imageDigest": index_digest }, {"imageDigest": digest, "imageTag": "1"}])
    );
    assert_eq!(answer["failures"].as_array().unwrap().len(), 3);
    // Its layers went with it, and so did their objects.
    assert_eq!(stage.send(stage.get(&url).build().unwrap()).await.status, 404);
    let layers = json!({"layerDigests": [Digest::of(&image.layer)]});
    let answer = stage.about("BatchCheckLayerAvailability", layers).await.ok().json();
    assert_eq!(answer["layers"][0]["layerAvailability"], "UNAVAILABLE");
}

#[tokio::test]
async fn a_layer_that_two_images_have_stays_with_the_other() {
    let (stage, image) = pushed().await;
    let other = image.manifest.replace("\"schemaVersion\":2", "\"schemaVersion\": 2");
    assert_ne!(other, image.manifest);
    stage.put(&other, Some("2")).await;
    let ids = json!({"imageIds": [{"imageTag": "1"}]});
    stage.about("BatchDeleteImage", ids).await.ok();
    let login = stage.root_login(ACCOUNT).await;
    let url = stage.layer_url(&login, NAME, &Digest::of(&image.layer)).await;
    assert_eq!(
        stage.send(stage.get(&url).build().unwrap()).await.ok().body,
        image.layer
    );
}

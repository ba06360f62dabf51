use oci::{Digest, MediaType};
use serde_json::json;

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, REGISTRY, Stage},
};

async fn patch(stage: &Stage, login: &str, location: &str, range: Option<&str>, content: &[u8]) -> Answer {
    let mut request = stage
        .http
        .patch(location)
        .header("authorization", login)
        .body(content.to_vec());
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    stage.send(request.build().unwrap()).await
}

#[tokio::test]
async fn a_layer_comes_in_pieces() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    let (first, rest) = image.layer.split_at(300_000);
    let (second, third) = rest.split_at(200_000);

    let location = stage.begin(&login, "team/app").await;
    assert!(
        location.starts_with(&format!("{REGISTRY}/v2/team/app/blobs/uploads/")),
        "{location}"
    );
    let answer = patch(&stage, &login, &location, Some("0-299999"), first).await;
    // ECR says 201 where the specification says 202.
    assert_eq!((answer.status, answer.header("range")), (201, "0-299999"));
    let answer = patch(&stage, &login, answer.header("location"), None, second).await;
    assert_eq!((answer.status, answer.header("range")), (201, "0-499999"));

    let misplaced = patch(&stage, &login, &location, Some("499999-699999"), third).await;
    assert_eq!(misplaced.status, 416);
    let status = stage
        .send(stage.get(&location).header("authorization", &login).build().unwrap())
        .await;
    assert_eq!((status.status, status.header("range")), (204, "0-499999"));

    let digest = Digest::of(&image.layer);
    let answer = stage.finish(&login, &location, third, &digest).await;
    assert_eq!(
        (answer.status, answer.header("docker-content-digest")),
        (201, digest.to_string().as_str())
    );
    assert_eq!(
        answer.header("location"),
        format!("{REGISTRY}/v2/team/app/blobs/{digest}")
    );

    let url = stage.layer_url(&login, "team/app", &digest).await;
    assert_eq!(
        stage.send(stage.get(&url).build().unwrap()).await.ok().body,
        image.layer
    );
}

#[tokio::test]
async fn a_layer_comes_in_one_request() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let digest = Digest::of(b"layer");
    let request = stage
        .http
        .post(format!("{REGISTRY}/v2/team/app/blobs/uploads/?digest={digest}"))
        .header("authorization", &login)
        .body("layer");
    let answer = stage.send(request.build().unwrap()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let url = stage.layer_url(&login, "team/app", &digest).await;
    assert_eq!(stage.send(stage.get(&url).build().unwrap()).await.ok().text(), "layer");
}

#[tokio::test]
async fn a_layer_of_another_repository_is_not_mounted() {
    let stage = Stage::furnished().await;
    stage.create_repository(ACCOUNT, "team/other").await;
    let login = stage.root_login(ACCOUNT).await;
    assert_eq!(stage.upload(&login, "team/app", b"layer").await.status, 201);
    let digest = Digest::of(b"layer");
    let request = stage
        .http
        .post(format!(
            "{REGISTRY}/v2/team/other/blobs/uploads/?mount={digest}&from=team/app"
        ))
        .header("authorization", &login);
    let answer = stage.send(request.build().unwrap()).await;
    assert_eq!(answer.status, 202, "an upload is begun instead");
    let blob = stage.pull(&login, &format!("/v2/team/other/blobs/{digest}")).await;
    assert_eq!(blob.status, 404, "what one repository has, another has not");
}

#[tokio::test]
async fn a_layer_is_mounted_where_the_account_asked_for_it() {
    let stage = Stage::furnished().await;
    stage.create_repository(ACCOUNT, "team/other").await;
    let root = stage.root(ACCOUNT);
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    let digest = Digest::of(&image.layer);
    let mount = |login: String, from: &'static str| {
        let query = format!("?mount={digest}&from={from}");
        let request = stage
            .http
            .post(format!("{REGISTRY}/v2/team/other/blobs/uploads/{query}"));
        let request = request.header("authorization", login).build().unwrap();
        async { stage.send(request).await }
    };
    stage.push(&login, "team/app", &image).await;
    assert_eq!(
        mount(login.clone(), "team/app").await.status,
        202,
        "nobody has asked for it"
    );
    let setting = json!({"name": "BLOB_MOUNTING", "value": "ENABLED"});
    assert_eq!(
        stage.ecr("PutAccountSetting", &setting, &root).await.ok().json(),
        setting
    );
    let shown = stage
        .ecr("GetAccountSetting", &json!({"name": "BLOB_MOUNTING"}), &root)
        .await;
    assert_eq!(shown.ok().json(), setting);

    // Whoever may push here and not pull there uploads.
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:GetDownloadUrlForLayer", "Resource": "arn:aws:ecr:*:*:repository/team/app"},
    ]});
    stage.allow("puller", &policy.to_string()).await;
    let session = stage.login(&stage.session().await).await;
    assert_eq!(mount(session, "team/app").await.status, 202);
    assert_eq!(mount(login.clone(), "no/such").await.status, 202);
    let answer = mount(login.clone(), "team/app").await;
    assert_eq!(
        (answer.status, answer.header("docker-content-digest")),
        (201, digest.to_string().as_str())
    );
    assert_eq!(
        answer.header("location"),
        format!("{REGISTRY}/v2/team/other/blobs/{digest}")
    );
    // A layer that no image refers to is not shared: the one just mounted is such.
    let back = stage.http.post(format!(
        "{REGISTRY}/v2/team/app/blobs/uploads/?mount={digest}&from=team/other"
    ));
    let back = stage.send(back.header("authorization", &login).build().unwrap()).await;
    assert_eq!(back.status, 202);

    let force = json!({"repositoryName": "team/app", "force": true});
    stage.ecr("DeleteRepository", &force, &root).await.ok();
    let url = stage.layer_url(&login, "team/other", &digest).await;
    assert_eq!(
        stage.send(stage.get(&url).build().unwrap()).await.ok().body,
        image.layer
    );

    let disabled = json!({"name": "BLOB_MOUNTING", "value": "DISABLED"});
    stage.ecr("PutAccountSetting", &disabled, &root).await.ok();
    for bad in [
        json!({"name": "BLOB_MOUNTING", "value": "YES"}),
        json!({"name": "X", "value": "Y"}),
    ] {
        let answer = stage.ecr("PutAccountSetting", &bad, &root).await;
        assert_eq!(answer.json()["__type"], "InvalidParameterException");
    }
}

#[tokio::test]
async fn content_without_its_digest_is_not_kept() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let claimed = Digest::of(b"what was promised");
    let location = stage.begin(&login, "team/app").await;
    let answer = stage.finish(&login, &location, b"something else", &claimed).await;
    assert_eq!(
        (answer.status, answer.json()["errors"][0]["code"].as_str()),
        (400, Some("DIGEST_INVALID"))
    );
    for digest in [claimed, Digest::of(b"something else")] {
        let answer = stage.pull(&login, &format!("/v2/team/app/blobs/{digest}")).await;
        assert_eq!(answer.status, 404);
    }
    // The upload is gone with it.
    let again = patch(&stage, &login, &location, None, b"x").await;
    assert_eq!(
        (again.status, again.json()["errors"][0]["code"].as_str()),
        (404, Some("BLOB_UPLOAD_UNKNOWN"))
    );
}

#[tokio::test]
async fn an_upload_needs_a_digest_that_is_one() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let location = stage.begin(&login, "team/app").await;
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for query in ["", "?digest=", "?digest=sha256:0", &format!("?digest={sha512}")] {
        let request = stage
            .http
            .put(format!("{location}{query}"))
            .header("authorization", &login);
        let answer = stage.send(request.build().unwrap()).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["code"].as_str()),
            (400, Some("DIGEST_INVALID"))
        );
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    let stage = Stage::furnished().await;
    stage.create_repository(ACCOUNT, "team/other").await;
    let login = stage.root_login(ACCOUNT).await;
    let location = stage.begin(&login, "team/app").await;
    let stolen = patch(&stage, &login, &location.replace("team/app", "team/other"), None, b"x").await;
    assert_eq!(stolen.status, 404);
    let request = stage.http.delete(&location).header("authorization", &login);
    assert_eq!(stage.send(request.build().unwrap()).await.status, 204);
    assert_eq!(patch(&stage, &login, &location, None, b"x").await.status, 404);
}

#[tokio::test]
async fn a_manifest_needs_what_it_refers_to() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(2);
    assert_eq!(stage.upload(&login, "team/app", &image.config).await.status, 201);
    let missing = Digest::of(&image.layer);
    stage.put_manifest(&login, "team/app", "1", &image.manifest).await.denied(
        404,
        "BLOB_UPLOAD_UNKNOWN",
        &format!(
            "Layers with digests '[{missing}]' required for pushing image into repository with name 'team/app' in the \
             registry with id '111122223333' do not exist"
        ),
    );
    stage
        .pull(&login, "/v2/team/app/manifests/1")
        .await
        .denied(404, "MANIFEST_UNKNOWN", "Requested image not found");
}

#[tokio::test]
async fn an_index_needs_its_images() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(3);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": [{
            "mediaType": MediaType::OCI_MANIFEST,
            "digest": image.digest.to_string(),
            "size": image.manifest.len(),
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
    })
    .to_string();
    let put = || {
        let request = stage
            .http
            .put(format!("{REGISTRY}/v2/team/app/manifests/all"))
            .header("authorization", &login)
            .header("content-type", MediaType::OCI_INDEX)
            .body(index.clone());
        stage.send(request.build().unwrap())
    };
    let answer = put().await;
    assert_eq!(
        (answer.status, answer.json()["errors"][0]["code"].as_str()),
        (404, Some("MANIFEST_BLOB_UNKNOWN"))
    );
    stage.push(&login, "team/app", &image).await;
    assert_eq!(put().await.status, 201);
    let answer = stage.pull(&login, "/v2/team/app/manifests/all").await.ok();
    assert_eq!(
        (answer.text(), answer.header("content-type")),
        (index.clone(), MediaType::OCI_INDEX)
    );
}

#[tokio::test]
async fn a_manifest_that_is_none_is_refused() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(4);
    stage.push(&login, "team/app", &image).await;
    let digest = Digest::of(b"another");
    stage.put_manifest(&login, "team/app", &digest.to_string(), &image.manifest).await.denied(
        400,
        "MANIFEST_INVALID",
        &format!(
            "The image with digest '{digest}' in repository 'team/app' and registry ID '111122223333' does not match the \
             image digest that Amazon ECR has calculated."
        ),
    );
    for manifest in [
        "",
        "{",
        "[]",
        "{}",
        &image.manifest.replace(MediaType::OCI_MANIFEST, MediaType::OCI_INDEX),
    ] {
        let answer = stage.put_manifest(&login, "team/app", "2", manifest).await;
        let code = answer.json()["errors"][0]["code"].clone();
        assert_eq!(
            (answer.status, code.as_str()),
            (400, Some("MANIFEST_INVALID")),
            "{manifest}"
        );
    }
    let long = format!("{}{}", image.manifest, " ".repeat(4 * 1024 * 1024));
    assert_eq!(stage.put_manifest(&login, "team/app", "2", &long).await.status, 413);
    let unknown = json!({"schemaVersion": 2, "mediaType": "application/vnd.example+json"}).to_string();
    let request = stage
        .http
        .put(format!("{REGISTRY}/v2/team/app/manifests/2"))
        .header("authorization", &login)
        .body(unknown);
    let answer = stage.send(request.build().unwrap()).await;
    assert_eq!(
        (answer.status, answer.json()["errors"][0]["code"].as_str()),
        (405, Some("UNSUPPORTED"))
    );
}

#[tokio::test]
async fn pushing_needs_permission() {
    let stage = Stage::furnished().await;
    let login = stage.login(&stage.session().await).await;
    let message = |action: &str| {
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: {action} on \
             resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app because no identity-based policy allows \
             the {action} action"
        )
    };
    let request = stage.http.post(format!("{REGISTRY}/v2/team/app/blobs/uploads/"));
    let answer = stage
        .send(request.header("authorization", &login).build().unwrap())
        .await;
    answer.denied(403, "DENIED", &message("ecr:InitiateLayerUpload"));

    let location = stage.begin(&stage.root_login(ACCOUNT).await, "team/app").await;
    let answer = patch(&stage, &login, &location, None, b"x").await;
    answer.denied(403, "DENIED", &message("ecr:UploadLayerPart"));
    let answer = stage.finish(&login, &location, b"x", &Digest::of(b"x")).await;
    answer.denied(403, "DENIED", &message("ecr:CompleteLayerUpload"));
    let answer = stage
        .put_manifest(&login, "team/app", "1", &Image::new(5).manifest)
        .await;
    answer.denied(403, "DENIED", &message("ecr:PutImage"));
}

#[tokio::test]
async fn a_repository_must_be_there_to_be_pushed_to() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let request = stage.http.post(format!("{REGISTRY}/v2/no/such/blobs/uploads/"));
    let answer = stage
        .send(request.header("authorization", &login).build().unwrap())
        .await;
    answer.denied(
        404,
        "NAME_UNKNOWN",
        "The repository with name 'no/such' does not exist in the registry with id '111122223333'",
    );
}

#[tokio::test]
async fn what_failed_in_one_request_takes_no_place() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let wrong = Digest::of(b"something else");
    let url = format!("{REGISTRY}/v2/team/app/blobs/uploads/?digest=");
    // More than there are places for uploads.
    for number in 0..1010 {
        let digest = if number % 10 == 0 {
            wrong.to_string()
        } else {
            "garbage".to_owned()
        };
        let request = stage
            .http
            .post(format!("{url}{digest}"))
            .header("authorization", &login)
            .body("x");
        assert_eq!(stage.send(request.build().unwrap()).await.status, 400);
    }
    let digest = Digest::of(b"x");
    let request = stage
        .http
        .post(format!("{url}{digest}"))
        .header("authorization", &login)
        .body("x");
    assert_eq!(stage.send(request.build().unwrap()).await.status, 201);
    assert_eq!(std::fs::read_dir(stage.dir.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_bytes_of_a_layer_need_a_permission_of_their_own() {
    let stage = Stage::furnished().await;
    let actions = [
        "ecr:GetAuthorizationToken",
        "ecr:InitiateLayerUpload",
        "ecr:CompleteLayerUpload",
    ];
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}});
    stage.allow("puller", &policy.to_string()).await;
    let login = stage.login(&stage.session().await).await;
    let digest = Digest::of(b"x");
    let url = format!("{REGISTRY}/v2/team/app/blobs/uploads/");
    let whole = stage
        .http
        .post(format!("{url}?digest={digest}"))
        .header("authorization", &login);
    let answer = stage.send(whole.body("x").build().unwrap()).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("ecr:UploadLayerPart"), "{}", answer.text());
    let location = stage.begin(&login, "team/app").await;
    assert_eq!(stage.finish(&login, &location, b"x", &digest).await.status, 403);
}

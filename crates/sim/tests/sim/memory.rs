//! What an AWS knows after a restart.

use std::{fs, path::Path};

use oci::Digest;
use serde_json::json;
use sim::{Builder, Sim, StartError};

use crate::{
    images::Image,
    signing::Keys,
    stage::{ACCOUNT, Answer, REGISTRY, Stage, pull_permissions, trust},
};

/// What a client holds of the earlier AWS.
struct Held {
    ca_pem: String,
    root: Keys,
    session: Keys,
    login: String,
    layer_url: String,
    image: Image,
}

impl Stage {
    /// Ends the simulator and starts another one in the same directory.
    pub(crate) async fn restarted(self, change: impl FnOnce(Builder) -> Builder) -> Self {
        let Self {
            sim,
            clock,
            issuer,
            dir,
            ..
        } = self;
        sim.shutdown().await;
        let builder = Stage::builder(&issuer, &clock, dir.path());
        let sim = change(builder).start().await.unwrap();
        Self::around(sim, clock, issuer, dir)
    }

    async fn hold(&self) -> Held {
        let login = self.root_login(ACCOUNT).await;
        let image = Image::new(1);
        self.push(&login, "team/app", &image).await;
        let session = self.session().await;
        let login = self.login(&session).await;
        let blob = self
            .pulled(&login, &format!("blobs/{}", Digest::of(&image.layer)))
            .await;
        Held {
            ca_pem: self.sim.ca_pem().to_owned(),
            root: self.root(ACCOUNT),
            session,
            login,
            layer_url: blob.header("location").to_owned(),
            image,
        }
    }

    async fn pulled(&self, login: &str, what: &str) -> Answer {
        let request = self.get(&format!("{REGISTRY}/v2/team/app/{what}"));
        self.send(request.header("authorization", login).build().unwrap()).await
    }

    async fn caller(&self, keys: &Keys) -> Answer {
        self.query("sts", &[("Action", "GetCallerIdentity")], keys).await
    }
}

#[tokio::test]
async fn everything_is_as_it_was_after_a_restart() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    let held = stage.hold().await;
    stage.create_role("short-lived", &trust("x")).await.ok();
    stage
        .iam(&[("Action", "DeleteRole"), ("RoleName", "short-lived")])
        .await
        .ok();

    let stage = stage.restarted(Builder::keep_state).await;
    assert_eq!(stage.sim.ca_pem(), held.ca_pem);
    assert_eq!(stage.sim.trail_len(), 0);
    assert_eq!(stage.root(ACCOUNT).id, held.root.id);
    stage.caller(&held.root).await.ok();
    stage.caller(&held.session).await.ok();
    let manifest = stage.pulled(&held.login, "manifests/1").await.ok();
    assert_eq!(manifest.body, held.image.manifest);
    let layer = stage.send(stage.get(&held.layer_url).build().unwrap()).await.ok();
    assert_eq!(layer.body, held.image.layer);
    // Provider, role, trust and permissions still let a new token in.
    stage.login(&stage.session().await).await;
    let gone = stage.iam(&[("Action", "GetRole"), ("RoleName", "short-lived")]).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn what_is_changed_after_a_restart_is_kept_too() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    let stage = stage.restarted(Builder::keep_state).await;
    let policy = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    stage.allow("puller", &policy).await;
    let stage = stage.restarted(Builder::keep_state).await;
    let session = stage.session().await;
    let refused = stage.ecr("GetAuthorizationToken", &json!({}), &session).await;
    assert_eq!(refused.json()["__type"], "AccessDeniedException");
    stage.allow("puller", &pull_permissions("team/app")).await;
    stage.login(&session).await;
}

#[tokio::test]
async fn a_repository_comes_back_with_all_that_is_kept_of_it() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    let root = stage.root(ACCOUNT);
    let held = stage.hold().await;
    let arn = json!({"resourceArn": "arn:aws:ecr:us-east-1:111122223333:repository/team/app"});
    let policy = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"},
    }]});
    let mut tag = arn.clone();
    tag["tags"] = json!([{"Key": "team", "Value": "red"}]);
    stage.ecr("TagResource", &tag, &root).await.ok();
    for (operation, member, value) in [
        ("PutImageTagMutability", "imageTagMutability", json!("IMMUTABLE")),
        ("PutLifecyclePolicy", "lifecyclePolicyText", json!(policy.to_string())),
        (
            "PutImageScanningConfiguration",
            "imageScanningConfiguration",
            json!({"scanOnPush": true}),
        ),
    ] {
        let mut input = json!({"repositoryName": "team/app"});
        input[member] = value;
        stage.ecr(operation, &input, &root).await.ok();
    }
    let name = json!({"repositoryName": "team/app"});
    let questions = [
        ("DescribeRepositories", json!({})),
        ("DescribeImages", name.clone()),
        ("GetLifecyclePolicy", name.clone()),
        ("ListTagsForResource", arn),
        (
            "GetDownloadUrlForLayer",
            json!({"repositoryName": "team/app", "layerDigest": Digest::of(&held.image.layer)}),
        ),
    ];
    let mut before = Vec::new();
    for (operation, input) in &questions {
        before.push(stage.ecr(operation, input, &root).await.ok().json());
    }
    let stage = stage.restarted(Builder::keep_state).await;
    for ((operation, input), before) in questions.iter().zip(before) {
        assert_eq!(
            stage.ecr(operation, input, &root).await.ok().json(),
            before,
            "{operation}"
        );
    }
    let force = json!({"repositoryName": "team/app", "force": true});
    stage.ecr("DeleteRepository", &force, &root).await.ok();
    let stage = stage.restarted(Builder::keep_state).await;
    let answer = stage.ecr("ListImages", &name, &root).await;
    assert_eq!(answer.json()["__type"], "RepositoryNotFoundException");
}

#[tokio::test]
async fn nothing_is_known_where_nothing_was_to_be_kept() {
    let stage = Stage::furnished().await;
    let held = stage.hold().await;
    let stage = stage.restarted(|builder| builder).await;
    assert_ne!(stage.sim.ca_pem(), held.ca_pem);
    assert_eq!(stage.caller(&held.root).await.status, 403);
    assert_eq!(stage.caller(&held.session).await.status, 403);
    assert_eq!(stage.pulled(&held.login, "manifests/1").await.status, 401);
    let layer = stage.send(stage.get(&held.layer_url).build().unwrap()).await;
    assert_eq!(
        (layer.status, layer.element("Code").as_str()),
        (403, "InvalidAccessKeyId")
    );
}

#[tokio::test]
async fn a_directory_belongs_to_one_simulator_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Sim::builder().data_dir(dir.path());
    let sim = builder.clone().start().await.unwrap();
    let error = builder.clone().start().await.unwrap_err();
    assert!(
        matches!(&error, StartError::InUse(used) if used == dir.path()),
        "{error}"
    );
    sim.shutdown().await;
    builder.start().await.unwrap().shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_answered_with_success() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    let repositories = stage.dir.path().join("state/repositories");
    let away = stage.dir.path().join("away");
    fs::rename(&repositories, &away).unwrap();
    let root = stage.root(ACCOUNT);
    let create = async |name: &str| {
        stage
            .ecr("CreateRepository", &json!({"repositoryName": name}), &root)
            .await
    };
    let lost = create("team/lost").await;
    assert_eq!(
        (lost.status, lost.json()["__type"].as_str()),
        (500, Some("InternalFailure"))
    );
    // It is tried again until there is room.
    fs::rename(&away, &repositories).unwrap();
    create("team/more").await.ok();
    let stage = stage.restarted(Builder::keep_state).await;
    let root = stage.root(ACCOUNT);
    let listed = stage.ecr("DescribeRepositories", &json!({}), &root).await.ok();
    assert_eq!(listed.json()["repositories"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_directory_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let files = [dir.path().join("uploads/photo"), dir.path().join("blobs/sha256/abc")];
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    for builder in [Sim::builder(), Sim::builder().keep_state()] {
        let error = builder.data_dir(dir.path()).start().await.unwrap_err();
        assert!(
            matches!(&error, StartError::Foreign(foreign) if foreign == dir.path()),
            "{error}"
        );
    }
    assert!(files.iter().all(|file| fs::read_to_string(file).unwrap() == "mine"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn what_was_kept_is_not_swept_by_one_that_forgets() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    let held = stage.hold().await;
    let Stage {
        sim,
        clock,
        issuer,
        dir,
        ..
    } = stage;
    sim.shutdown().await;
    let forgetful = Sim::builder().data_dir(dir.path()).start().await.unwrap_err();
    assert!(matches!(forgetful, StartError::Kept(_)), "{forgetful}");
    let sim = Stage::builder(&issuer, &clock, dir.path())
        .keep_state()
        .start()
        .await
        .unwrap();
    let stage = Stage::around(sim, clock, issuer, dir);
    let layer = stage.send(stage.get(&held.layer_url).build().unwrap()).await.ok();
    assert_eq!(layer.body, held.image.layer);
}

#[tokio::test]
async fn state_that_was_tampered_with_is_named_and_left_alone() {
    let stage = Stage::furnished_with(Builder::keep_state).await;
    stage.hold().await;
    let state = stage.dir.path().join("state");
    stage.sim.shutdown().await;
    // What a kill leaves is none of the state, and goes.
    let layers = stage.dir.path().join("blobs/sha256");
    let left = [
        state.join("accounts/unfinished-x"),
        state.join("manifests/0123"),
        layers.join("0123"),
    ];
    for file in &left {
        fs::write(file, "{").unwrap();
    }
    let builder = Sim::builder().data_dir(stage.dir.path()).keep_state();
    builder.clone().start().await.unwrap().shutdown().await;
    assert!(left.iter().all(|file| !file.exists()));
    assert_eq!(fs::read_dir(&layers).unwrap().count(), 2);

    let manifest = only_file(&state.join("manifests"));
    for (file, content, error) in [
        (
            state.join(format!("accounts/{ACCOUNT}.json")),
            "{",
            "EOF while parsing an object at line 1 column 1",
        ),
        (manifest, "{}", "is not the manifest that its name says"),
    ] {
        let before = fs::read(&file).unwrap();
        fs::write(&file, content).unwrap();
        let message = builder.clone().start().await.unwrap_err().to_string();
        assert!(
            message.contains(&file.display().to_string()) && message.contains(error),
            "{message}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        fs::write(&file, before).unwrap();
    }
    builder.start().await.unwrap().shutdown().await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_secrets() {
    use std::os::unix::fs::PermissionsExt;

    let stage = Stage::furnished_with(Builder::keep_state).await;
    for file in ["secrets.json".to_owned(), format!("accounts/{ACCOUNT}.json")] {
        let metadata = fs::metadata(stage.dir.path().join("state").join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o077, 0);
    }
}

fn only_file(dir: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect::<Vec<_>>();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

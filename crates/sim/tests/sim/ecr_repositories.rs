//! What is kept of a repository beside its images.

use serde_json::{Value, json};

use crate::{
    images::Image,
    stage::{ACCOUNT, OTHER, Stage},
};

const ARN: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";

fn at(name: &str) -> Value {
    json!({ "repositoryName": name })
}

#[tokio::test]
async fn a_repository_is_deleted_with_all_that_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::with(|builder| builder.data_dir(dir.path())).await;
    let root = stage.root(ACCOUNT);
    stage.create_repository(ACCOUNT, "team/app").await;
    stage.create_repository(ACCOUNT, "team/copy").await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    stage.push(&login, "team/app", &image).await;
    assert_eq!(stage.upload(&login, "team/copy", &image.config).await.status, 201);
    let url = stage
        .layer_url(&login, "team/app", &oci::Digest::of(&image.layer))
        .await;
    let upload = stage.begin(&login, "team/app").await;

    stage.ecr("DeleteRepository", &at("team/app"), &root).await.faulted(
        "RepositoryNotEmptyException",
        "The repository with name 'team/app' in registry with id '111122223333' cannot be deleted because it still \
         contains images",
    );
    let force = json!({"repositoryName": "team/app", "force": true});
    let deleted = stage.ecr("DeleteRepository", &force, &root).await.ok().json();
    assert_eq!(deleted["repository"]["repositoryArn"], ARN);
    stage.ecr("DeleteRepository", &force, &root).await.faulted(
        "RepositoryNotFoundException",
        "The repository with name 'team/app' does not exist in the registry with id '111122223333'",
    );
    assert_eq!(stage.send(stage.get(&url).build().unwrap()).await.status, 404);
    // What another repository has stays.
    let kept = std::fs::read_dir(dir.path().join("blobs/sha256")).unwrap();
    let kept = kept.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [oci::Digest::of(&image.config).hex().to_owned()]
    );
    // The upload that was under way is not one of the repository that is made anew.
    stage.create_repository(ACCOUNT, "team/app").await;
    let digest = oci::Digest::of(b"x");
    assert_eq!(stage.finish(&login, &upload, b"x", &digest).await.status, 404);
    stage.ecr("DeleteRepository", &at("team/app"), &root).await.ok();
}

#[tokio::test]
async fn settings_of_a_repository_are_kept_and_shown() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    let create = json!({
        "repositoryName": "team/app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
        "imageScanningConfiguration": {"scanOnPush": true},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    });
    let created = stage.ecr("CreateRepository", &create, &root).await.ok().json();
    let described = stage.ecr("DescribeRepositories", &json!({}), &root).await.ok().json();
    assert_eq!(described["repositories"][0], created["repository"]);
    for (name, value) in create.as_object().unwrap() {
        assert_eq!(&created["repository"][name], value);
    }

    let mutable = json!({"repositoryName": "team/app", "imageTagMutability": "MUTABLE"});
    let answer = stage.ecr("PutImageTagMutability", &mutable, &root).await.ok().json();
    assert_eq!(
        answer,
        json!({"registryId": ACCOUNT, "repositoryName": "team/app", "imageTagMutability": "MUTABLE"})
    );
    let scanning = json!({"repositoryName": "team/app", "imageScanningConfiguration": {"scanOnPush": false}});
    stage.ecr("PutImageScanningConfiguration", &scanning, &root).await.ok();
    let described = stage.ecr("DescribeRepositories", &json!({}), &root).await.ok().json();
    let repository = &described["repositories"][0];
    assert_eq!(repository["imageTagMutability"], "MUTABLE");
    assert_eq!(repository["imageTagMutabilityExclusionFilters"], Value::Null);
    assert_eq!(repository["imageScanningConfiguration"], json!({"scanOnPush": false}));

    let names = json!({"repositoryNames": ["team/app", "no/such"]});
    let answer = stage
        .ecr("BatchGetRepositoryScanningConfiguration", &names, &root)
        .await;
    let answer = answer.ok().json();
    assert_eq!(answer["scanningConfigurations"][0]["scanFrequency"], "MANUAL");
    assert_eq!(answer["failures"][0]["failureCode"], "REPOSITORY_NOT_FOUND");
    let missing = json!({"repositoryName": "no/such", "imageTagMutability": "MUTABLE"});
    let answer = stage.ecr("PutImageTagMutability", &missing, &root).await;
    assert_eq!(answer.json()["__type"], "RepositoryNotFoundException");
}

#[tokio::test]
async fn tags_of_a_repository_decide_who_may_use_it() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let session = stage.session().await;
    for key in ["aws:ResourceTag/team", "ecr:ResourceTag/team"] {
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "ecr:*", "Resource": "*",
            "Condition": {"StringEquals": {key: "red"}},
        }});
        stage.allow("puller", &policy.to_string()).await;
        let answer = stage.ecr("ListImages", &at("team/app"), &session).await;
        assert_eq!(answer.json()["__type"], "AccessDeniedException", "{key}");
        let red = json!({"resourceArn": ARN, "tags": [{"Key": "team", "Value": "red"}, {"Key": "x", "Value": ""}]});
        assert_eq!(stage.ecr("TagResource", &red, &root).await.ok().json(), json!({}));
        stage.ecr("ListImages", &at("team/app"), &session).await.ok();

        let listed = stage
            .ecr("ListTagsForResource", &json!({"resourceArn": ARN}), &root)
            .await;
        assert_eq!(listed.ok().json(), json!({"tags": red["tags"]}));
        let keys = json!({"resourceArn": ARN, "tagKeys": ["team", "unknown"]});
        stage.ecr("UntagResource", &keys, &root).await.ok();
        let listed = stage
            .ecr("ListTagsForResource", &json!({"resourceArn": ARN}), &root)
            .await;
        assert_eq!(listed.ok().json(), json!({"tags": [{"Key": "x", "Value": ""}]}));
    }
}

#[tokio::test]
async fn the_tags_of_a_request_decide_whether_it_may_be_made() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ecr:CreateRepository", "ecr:TagResource"], "Resource": "*",
         "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}},
    ]});
    stage.allow("puller", &policy.to_string()).await;
    for (tags, allowed) in [
        (json!([{"Key": "team", "Value": "blue"}]), false),
        (
            json!([{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "1"}]),
            false,
        ),
        (json!([]), false),
        (json!([{"Key": "team", "Value": "red"}]), true),
    ] {
        let create = json!({"repositoryName": "red/app", "tags": tags});
        let answer = stage.ecr("CreateRepository", &create, &session).await;
        assert_eq!(answer.status == 200, allowed, "{tags} {}", answer.text());
    }
    // Tags in a request to create need the permission to tag.
    stage
        .allow(
            "puller",
            &policy.to_string().replace("ecr:TagResource", "ecr:ListImages"),
        )
        .await;
    let create = json!({"repositoryName": "red/other", "tags": [{"Key": "team", "Value": "red"}]});
    let answer = stage.ecr("CreateRepository", &create, &session).await;
    assert!(
        answer.text().contains("is not authorized to perform: ecr:TagResource"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn only_a_repository_of_the_region_is_tagged() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    for arn in [
        "team/app",
        "arn:aws:ecr:eu-west-1:111122223333:repository/team/app",
        "arn:aws:s3:us-east-1:111122223333:repository/team/app",
        "arn:aws:ecr:us-east-1:111122223333:team/app",
        "arn:aws:ecr:us-east-1::repository/team/app",
    ] {
        let answer = stage
            .ecr("ListTagsForResource", &json!({"resourceArn": arn}), &root)
            .await;
        answer.faulted(
            "InvalidParameterException",
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
        );
    }
    let tags = (0..30)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect::<Value>();
    stage
        .ecr("TagResource", &json!({"resourceArn": ARN, "tags": tags}), &root)
        .await
        .ok();
    let more = (20..51)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect::<Value>();
    let answer = stage
        .ecr("TagResource", &json!({"resourceArn": ARN, "tags": more}), &root)
        .await;
    assert_eq!(answer.json()["__type"], "TooManyTagsException");
    let elsewhere = ARN.replace(ACCOUNT, OTHER);
    let answer = stage
        .ecr("ListTagsForResource", &json!({ "resourceArn": elsewhere }), &root)
        .await;
    assert_eq!(answer.json()["__type"], "AccessDeniedException");
}

#[tokio::test]
async fn a_policy_that_locks_out_must_be_forced() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"},
    ]});
    let mut set = json!({"repositoryName": "team/app", "policyText": deny.to_string()});
    let answer = stage.ecr("SetRepositoryPolicy", &set, &root).await;
    assert_eq!(answer.json()["__type"], "InvalidParameterException");
    assert!(
        answer.text().contains("would prevent you from setting another policy"),
        "{}",
        answer.text()
    );
    set["force"] = json!(true);
    stage.ecr("SetRepositoryPolicy", &set, &root).await.ok();
    let answer = stage.ecr("SetRepositoryPolicy", &set, &root).await;
    assert_eq!(answer.json()["__type"], "AccessDeniedException");
    stage.ecr("DeleteRepositoryPolicy", &at("team/app"), &root).await.ok();
}

#[tokio::test]
async fn a_lifecycle_policy_is_put_shown_and_deleted() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let missing = "Lifecycle policy does not exist for the repository with name 'team/app' in the registry with id \
        '111122223333'";
    for operation in ["GetLifecyclePolicy", "DeleteLifecyclePolicy"] {
        let answer = stage.ecr(operation, &at("team/app"), &root).await;
        answer.faulted("LifecyclePolicyNotFoundException", missing);
    }
    let policy = json!({"rules": [{
        "rulePriority": 1,
        "description": "keep the last five",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"},
    }]});
    let put = json!({"repositoryName": "team/app", "lifecyclePolicyText": policy.to_string()});
    let expected =
        json!({"registryId": ACCOUNT, "repositoryName": "team/app", "lifecyclePolicyText": policy.to_string()});
    for (operation, input) in [
        ("PutLifecyclePolicy", &put),
        ("GetLifecyclePolicy", &at("team/app")),
        ("DeleteLifecyclePolicy", &at("team/app")),
    ] {
        assert_eq!(
            stage.ecr(operation, input, &root).await.ok().json(),
            expected,
            "{operation}"
        );
    }
    let short = json!({"repositoryName": "team/app", "lifecyclePolicyText": "{}"});
    stage.ecr("PutLifecyclePolicy", &short, &root).await.faulted(
        "InvalidParameterException",
        "Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint: 'Member must have length greater than \
         or equal to 100'",
    );
    let wrong = policy.to_string().replace("imageCountMoreThan", "imagesMoreThan");
    let wrong = json!({"repositoryName": "team/app", "lifecyclePolicyText": wrong});
    let answer = stage.ecr("PutLifecyclePolicy", &wrong, &root).await;
    assert!(
        answer.json()["message"].as_str().unwrap().starts_with(
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
             failure: "
        ),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn what_a_registry_does_not_have_is_said_truthfully() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    for (operation, expected) in [
        (
            "DescribeRegistry",
            json!({"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}),
        ),
        (
            "GetRegistryScanningConfiguration",
            json!({"registryId": ACCOUNT, "scanningConfiguration": {"scanType": "BASIC", "rules": []}}),
        ),
        ("DescribePullThroughCacheRules", json!({"pullThroughCacheRules": []})),
        (
            "DescribeRepositoryCreationTemplates",
            json!({"registryId": ACCOUNT, "repositoryCreationTemplates": []}),
        ),
        ("ListPullTimeUpdateExclusions", json!({"pullTimeUpdateExclusions": []})),
    ] {
        assert_eq!(stage.ecr(operation, &json!({}), &root).await.ok().json(), expected);
        let answer = stage.ecr(operation, &json!({}), &stage.session().await).await;
        assert_eq!(answer.json()["__type"], "AccessDeniedException", "{operation}");
    }
    for operation in ["GetRegistryPolicy", "DeleteRegistryPolicy"] {
        stage.ecr(operation, &json!({}), &root).await.faulted(
            "RegistryPolicyNotFoundException",
            "Registry policy does not exist in the registry with id '111122223333'",
        );
    }
    let setting = json!({"name": "BLOB_MOUNTING"});
    let answer = stage.ecr("GetAccountSetting", &setting, &root).await.ok().json();
    assert_eq!(answer, json!({"name": "BLOB_MOUNTING", "value": "DISABLED"}));
    let answer = stage.ecr("GetAccountSetting", &json!({"name": "COLOUR"}), &root).await;
    assert_eq!(answer.json()["__type"], "InvalidParameterException");
    let none = json!({"replicationConfiguration": {"rules": []}});
    assert_eq!(
        stage.ecr("PutReplicationConfiguration", &none, &root).await.ok().json(),
        none
    );
}

#[tokio::test]
async fn what_is_not_simulated_is_refused_by_its_name() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    stage.ecr("StartImageScan", &json!({}), &root).await.faulted(
        "UnsupportedOperationException",
        "This simulated AWS does not have the operation ecr:StartImageScan yet.",
    );
    let rules = json!({"replicationConfiguration": {"rules": [
        {"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]},
    ]}});
    stage.ecr("PutReplicationConfiguration", &rules, &root).await.faulted(
        "InvalidParameterException",
        "This simulated AWS has no replication yet; leave replicationConfiguration.rules out of the request.",
    );
}

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::stage::{ACCOUNT, OTHER, REGISTRY, Stage};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/puller/wharf";

#[tokio::test]
async fn a_token_has_the_form_of_a_real_one() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    for input in [json!({}), json!({"registryIds": [OTHER]})] {
        let answer = stage.ecr("GetAuthorizationToken", &input, &session).await.ok();
        assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
        let document = answer.json();
        let [data] = &document["authorizationData"].as_array().unwrap()[..] else {
            panic!("{document}")
        };
        assert_eq!(data["proxyEndpoint"], REGISTRY);
        let expires = stage.now().as_second() + 12 * 3600;
        assert_eq!(data["expiresAt"], json!(expires as f64));
        let token = STANDARD.decode(data["authorizationToken"].as_str().unwrap()).unwrap();
        let password = token.strip_prefix(b"AWS:").unwrap();
        let password = serde_json::from_slice::<serde_json::Value>(&STANDARD.decode(password).unwrap()).unwrap();
        assert_eq!(password["expiration"], json!(expires));
        assert_eq!(password["type"], "DATA_KEY");
    }
}

#[tokio::test]
async fn a_token_needs_permission_on_everything() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let narrowed = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"],
        "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
    }});
    stage.allow("puller", &narrowed.to_string()).await;
    stage.ecr("GetAuthorizationToken", &json!({}), &session).await.faulted(
        "AccessDeniedException",
        &format!(
            "User: {SESSION} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no \
             identity-based policy allows the ecr:GetAuthorizationToken action"
        ),
    );
}

#[tokio::test]
async fn a_session_policy_limits_a_session() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token(&stage.claims());
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*",
    }})
    .to_string();
    let answer = stage
        .sts(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", crate::stage::ROLE),
            ("RoleSessionName", "wharf"),
            ("WebIdentityToken", &token),
            ("Policy", &policy),
        ])
        .await
        .ok();
    let session = crate::signing::Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    };
    let answer = stage.ecr("GetAuthorizationToken", &json!({}), &session).await;
    assert_eq!(
        (answer.status, answer.json()["__type"].as_str()),
        (400, Some("AccessDeniedException"))
    );
    assert!(
        answer
            .text()
            .contains("because no session policy allows the ecr:GetAuthorizationToken action")
    );
}

#[tokio::test]
async fn a_repository_is_created_and_described() {
    let stage = Stage::new().await;
    let root = stage.root(ACCOUNT);
    let expected = |name: &str| {
        json!({
            "repositoryArn": format!("arn:aws:ecr:us-east-1:111122223333:repository/{name}"),
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryUri": format!("111122223333.dkr.ecr.us-east-1.amazonaws.com/{name}"),
            "createdAt": stage.now().as_second() as f64,
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": false},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        })
    };
    let create = json!({"repositoryName": "team/app"});
    let answer = stage.ecr("CreateRepository", &create, &root).await.ok();
    assert_eq!(answer.json(), json!({"repository": expected("team/app")}));
    stage.ecr("CreateRepository", &create, &root).await.faulted(
        "RepositoryAlreadyExistsException",
        "The repository with name 'team/app' already exists in the registry with id '111122223333'",
    );
    stage.create_repository(ACCOUNT, "base").await;
    let answer = stage
        .ecr("DescribeRepositories", &json!({"repositoryNames": ["base"]}), &root)
        .await
        .ok();
    assert_eq!(answer.json(), json!({"repositories": [expected("base")]}));

    let first = stage
        .ecr("DescribeRepositories", &json!({"maxResults": 1}), &root)
        .await
        .ok()
        .json();
    assert_eq!(first["repositories"], json!([expected("base")]));
    let next = json!({"maxResults": 1, "nextToken": first["nextToken"]});
    let second = stage.ecr("DescribeRepositories", &next, &root).await.ok().json();
    assert_eq!(second, json!({"repositories": [expected("team/app")]}));
    let all = stage.ecr("DescribeRepositories", &json!({}), &root).await.ok().json();
    assert_eq!(all["repositories"].as_array().unwrap().len(), 2);

    stage
        .ecr("DescribeRepositories", &json!({"repositoryNames": ["no/such"]}), &root)
        .await
        .faulted(
            "RepositoryNotFoundException",
            "The repository with name 'no/such' does not exist in the registry with id '111122223333'",
        );
}

#[tokio::test]
async fn a_repository_policy_is_set_shown_and_deleted() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let policy =
        r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;
    let name = json!({"repositoryName": "team/app"});
    let missing = "Repository policy does not exist for the repository with name 'team/app' in the registry with id \
        '111122223333'";
    for operation in ["GetRepositoryPolicy", "DeleteRepositoryPolicy"] {
        stage
            .ecr(operation, &name, &root)
            .await
            .faulted("RepositoryPolicyNotFoundException", missing);
    }
    let expected = json!({"registryId": ACCOUNT, "repositoryName": "team/app", "policyText": policy});
    let set = json!({"repositoryName": "team/app", "policyText": policy});
    for (operation, input) in [
        ("SetRepositoryPolicy", &set),
        ("GetRepositoryPolicy", &name),
        ("DeleteRepositoryPolicy", &name),
    ] {
        assert_eq!(
            stage.ecr(operation, input, &root).await.ok().json(),
            expected,
            "{operation}"
        );
    }
    stage
        .ecr("GetRepositoryPolicy", &name, &root)
        .await
        .faulted("RepositoryPolicyNotFoundException", missing);
    for text in [
        "{",
        "{}",
        r#"{"Statement":[{"Effect":"Allow","Action":"ecr:BatchGetImage"}]}"#,
    ] {
        let set = json!({"repositoryName": "team/app", "policyText": text});
        stage.ecr("SetRepositoryPolicy", &set, &root).await.faulted(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        );
    }
}

#[tokio::test]
async fn a_repository_of_another_account_is_not_to_be_touched() {
    let stage = Stage::furnished().await;
    stage.create_repository(OTHER, "team/app").await;
    let input = json!({"registryId": OTHER, "repositoryName": "team/app"});
    let answer = stage.ecr("GetRepositoryPolicy", &input, &stage.root(ACCOUNT)).await;
    answer.faulted(
        "AccessDeniedException",
        "User: arn:aws:iam::111122223333:root is not authorized to perform: ecr:GetRepositoryPolicy on resource: \
         arn:aws:ecr:us-east-1:444455556666:repository/team/app because no resource-based policy allows the \
         ecr:GetRepositoryPolicy action",
    );
    let answer = stage.ecr("CreateRepository", &input, &stage.session().await).await;
    assert_eq!(answer.json()["__type"], "AccessDeniedException");
}

#[tokio::test]
async fn bad_input_is_named() {
    let stage = Stage::furnished().await;
    let root = stage.root(ACCOUNT);
    let cases = [
        ("CreateRepository", json!({}), "InvalidParameterException"),
        (
            "CreateRepository",
            json!({"repositoryName": "Team"}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": 7}),
            "SerializationException",
        ),
        ("CreateRepository", json!([]), "SerializationException"),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "registryId": "1"}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "imageTagMutability": "FROZEN"}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "*"}]}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "encryptionConfiguration": {"encryptionType": "KMS"}}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "encryptionConfiguration": {}}),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "tags": [{"Key": "aws:k", "Value": "v"}]}),
            "InvalidTagParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "tags": [{"Key": "k", "Value": "v"}, {"Key": "k", "Value": "w"}]}),
            "InvalidTagParameterException",
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a/b", "tags": vec![json!({"Key": "k", "Value": "v"}); 51]}),
            "TooManyTagsException",
        ),
        (
            "GetAuthorizationToken",
            json!({"registryIds": ["1"]}),
            "InvalidParameterException",
        ),
        (
            "DescribeRepositories",
            json!({"maxResults": 0}),
            "InvalidParameterException",
        ),
        (
            "DescribeRepositories",
            json!({"nextToken": "!"}),
            "InvalidParameterException",
        ),
        (
            "SetRepositoryPolicy",
            json!({"repositoryName": "team/app"}),
            "InvalidParameterException",
        ),
        (
            "DescribeRepositories",
            json!({"repositoryNames": ["team/app"], "maxResults": 1}),
            "InvalidParameterException",
        ),
        ("ListTagsForResource", json!([]), "SerializationException"),
        ("EatImage", json!({}), "UnknownOperationException"),
    ];
    for (operation, input, code) in cases {
        let answer = stage.ecr(operation, &input, &root).await;
        assert_eq!(
            (answer.status, answer.json()["__type"].as_str()),
            (400, Some(code)),
            "{operation} {input}"
        );
    }
}

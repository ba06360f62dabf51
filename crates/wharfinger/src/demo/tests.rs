//! The demo's steps, as they should go; and then again with one thing broken each time, where the step that depends on it
//! has to fail. A step that were only shown and not done would pass the first and not the second.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Request, Response};
use net::{Body, Certificate, Limits, Listener};
use oidc::{Issuer, SigningKey};
use serde_json::{Value, json};

use super::{Image, Stage, Step};
use crate::pull::{PullError, Pulled, Silent};

const IMAGE_SIZES: [usize; 3] = [300_000, 70_000, 1_000];

async fn pull(stage: &Stage, tag: &str, layout: &str) -> Result<Pulled, PullError> {
    stage.pull(tag, layout, Arc::new(Silent)).await.unwrap()
}

/// Everything is up and linked, and `team/app:1` is pushed.
async fn stage() -> (Stage, Image) {
    let mut stage = Stage::set().await.unwrap();
    let image = Image::generate(&IMAGE_SIZES, 1).unwrap();
    stage.start_aws().await.unwrap();
    stage.push("1", &image, |_| ()).await.unwrap();
    stage.start_proxy().await.unwrap();
    stage.link().await.unwrap();
    stage.register().unwrap();
    (stage, image)
}

/// What the simulated AWS saw since the call with this number: status and action.
fn seen(stage: &Stage, since: u64) -> Vec<(u16, String)> {
    let calls = stage
        .aws()
        .unwrap()
        .trail()
        .into_iter()
        .filter(|call| call.number > since);
    calls.map(|call| (call.status.unwrap(), call.action)).collect()
}

async fn explanation(stage: &Stage) -> Value {
    pull(stage, "1", "refused").await.unwrap_err().detail().unwrap().clone()
}

/// A part of the explanation; of its causes, of the likeliest one.
fn part<'a>(explanation: &'a Value, name: &str) -> &'a str {
    let of_cause = &explanation["causes"][0][name];
    of_cause.as_str().or_else(|| explanation[name].as_str()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_pull_goes_the_whole_way_and_the_second_none_of_it() {
    let (stage, image) = stage().await;
    let before = stage.aws().unwrap().trail_len();
    let pulled = pull(&stage, "1", "first").await.unwrap();
    assert_eq!(pulled.digest, image.digest());
    assert_eq!(pulled.layers.len(), image.layers.len());

    let seen = seen(&stage, before);
    let order: Vec<_> = seen
        .iter()
        .take(3)
        .map(|(status, action)| (*status, action.as_str()))
        .collect();
    assert_eq!(
        order,
        [
            (200, "sts:AssumeRoleWithWebIdentity"),
            (200, "ecr:GetAuthorizationToken"),
            (200, "ecr:BatchGetImage")
        ]
    );
    let count = |status, action: &str| seen.iter().filter(|call| **call == (status, action.to_owned())).count();
    let blobs = image.blobs().count();
    assert_eq!(count(307, "ecr:GetDownloadUrlForLayer"), blobs);
    assert_eq!(count(200, "s3:GetObject"), blobs);
    assert_eq!(seen.len(), 3 + 2 * blobs, "{seen:?}");

    let [
        Step::Minted(claims),
        Step::Assumed { session, .. },
        Step::LoggedIn { .. },
    ] = &stage.journal().take()[..]
    else {
        panic!("a token, a session, a login");
    };
    assert_eq!(
        (claims.iss.as_str(), claims.sub.as_str(), claims.aud.as_str()),
        (Stage::ISSUER, Stage::TEAM, Stage::AUDIENCE)
    );
    assert_eq!(claims.roles, [Stage::documents().unwrap().role.to_string()]);
    assert_eq!(
        session,
        "arn:aws:sts::444455556666:assumed-role/wharfinger-pull/wharfinger-acme-prod"
    );

    let after = stage.aws().unwrap().trail_len();
    assert_eq!(pull(&stage, "1", "second").await.unwrap().digest, image.digest());
    assert_eq!(
        stage.aws().unwrap().trail_len(),
        after,
        "the simulated AWS got no request"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_policy_that_wants_another_subject_is_noticed_when_the_session_ends_and_explained() {
    let (stage, image) = stage().await;
    pull(&stage, "1", "first").await.unwrap();
    stage.trust("somebody-else").await.unwrap();
    assert!(
        pull(&stage, "1", "second").await.is_ok(),
        "the session and the tag are still good"
    );
    stage.wait(Duration::from_hours(2));
    let explanation = explanation(&stage).await;
    for (name, wanted) in [
        ("tried", "sub `acme`"),
        (
            "said",
            "AccessDenied (HTTP 403): Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        ("why", "trust policy"),
        ("fix", "update-assume-role-policy"),
    ] {
        assert!(part(&explanation, name).contains(wanted), "{name}: {explanation}");
    }
    // The fix is what it says it is: put in place, it lets the pull through.
    let document: Value = serde_json::from_str(part(&explanation["causes"][0]["document"], "text")).unwrap();
    let (role, policy) = (Stage::documents().unwrap().role, document.to_string());
    let parameters = [("RoleName", role.name()), ("PolicyDocument", policy.as_str())];
    stage
        .administrator(Stage::ROLE_ACCOUNT)
        .unwrap()
        .iam("UpdateAssumeRolePolicy", &parameters, stage.now())
        .await
        .unwrap();
    assert_eq!(pull(&stage, "1", "third").await.unwrap().digest, image.digest());
    stage.close().await;
}

/// An issuer's host that serves what it is told.
async fn false_issuer(stage: &Stage, document: impl Fn(&str) -> String + Clone + Send + Sync + 'static) -> SocketAddr {
    let certificate = Certificate::load(&stage.edge().certificate, &stage.edge().key).unwrap();
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Some(&certificate), Limits::default())
        .await
        .unwrap();
    let address = listener.address();
    let handler = move |request: Request<()>| {
        let text = document(request.uri().path());
        async move {
            let mut response = Response::new(Body::from(text));
            response
                .headers_mut()
                .insert("content-type", http::HeaderValue::from_static("application/json"));
            response
        }
    };
    tokio::spawn(listener.serve(handler, std::future::pending()));
    address
}

/// The stage with AWS finding the issuer's host elsewhere.
async fn stage_with_issuer_at(mut stage: Stage, issuer: SocketAddr) -> Stage {
    stage.start_aws_with_issuer_at(issuer).await.unwrap();
    stage
        .push("1", &Image::generate(&IMAGE_SIZES, 1).unwrap(), |_| ())
        .await
        .unwrap();
    stage.start_proxy().await.unwrap();
    stage.link().await.unwrap();
    stage.register().unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_keys_of_another_issuer_the_first_pull_fails() {
    let stage = Stage::set().await.unwrap();
    let other = Arc::new(Issuer::new(Stage::issuer(), SigningKey::generate().unwrap()));
    let documents = other.clone();
    let address = false_issuer(&stage, move |path| {
        if path == documents.jwks_path() {
            documents.jwks()
        } else {
            documents.discovery()
        }
    })
    .await;
    let stage = stage_with_issuer_at(stage, address).await;
    let explanation = explanation(&stage).await;
    assert!(
        part(&explanation, "said").starts_with("InvalidIdentityToken (HTTP 400)"),
        "{explanation}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_corrupted_key_set_the_first_pull_fails() {
    for corrupt in [
        // One digit of the modulus.
        |jwks: String| jwks.replacen("\"n\":\"", "\"n\":\"A", 1),
        |jwks: String| jwks.replace("\"keys\"", "\"kees\""),
        |jwks: String| jwks[..jwks.len() / 2].to_owned(),
        |_| String::new(),
    ] {
        let mut stage = Stage::set().await.unwrap();
        let proxy = stage.address();
        let ca = std::fs::read(&stage.edge().ca).unwrap();
        let genuine = net::Outgoing {
            resolve: net::Resolve::parse([format!("{}={proxy}", Stage::issuer().host())]).unwrap(),
            roots: net::Roots::system().with_pem("the CA", &ca).unwrap(),
        };
        let jwks: Arc<std::sync::OnceLock<String>> = Arc::default();
        let served = jwks.clone();
        let address = false_issuer(&stage, move |path| {
            if path.ends_with("jwks.json") {
                return served.get().unwrap().clone();
            }
            json!({ "issuer": Stage::ISSUER, "jwks_uri": format!("{}/.well-known/jwks.json", Stage::ISSUER) })
                .to_string()
        })
        .await;
        stage = stage_with_issuer_at(stage, address).await;
        let url = format!("{}/.well-known/jwks.json", Stage::ISSUER);
        let published = genuine
            .client()
            .unwrap()
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        jwks.set(corrupt(published)).unwrap();
        let explanation = explanation(&stage).await;
        assert!(
            part(&explanation, "said").starts_with("InvalidIdentityToken (HTTP 400)"),
            "{explanation}"
        );
        assert!(
            stage
                .aws()
                .unwrap()
                .trail()
                .iter()
                .all(|call| call.action != "ecr:BatchGetImage")
        );
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_issuer_that_cannot_be_reached_the_first_pull_fails() {
    let (stage, _) = stage().await;
    // It was there when AWS was linked: without thumbprints AWS creates no provider for an issuer that it cannot reach.
    let gone = r#"{"id": "gone", "when": {"service": "issuer"}, "what": "unreachable"}"#;
    stage.aws().unwrap().add_fault(gone.parse().unwrap()).unwrap();
    let explanation = explanation(&stage).await;
    assert!(
        part(&explanation, "said").contains("Couldn't retrieve verification key"),
        "{explanation}"
    );
    assert!(
        part(&explanation, "fix").contains("curl https://images.wharfinger.example/.well-known/openid-configuration")
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_was_created_in_aws_is_needed() {
    let role = Stage::documents().unwrap().role;
    let provider = Stage::documents().unwrap().provider;
    let role_name = [("RoleName", role.name())];
    let inline = [("RoleName", role.name()), ("PolicyName", "pull")];
    let provider_arn = [("OpenIDConnectProviderArn", provider.as_str())];
    let iam_calls = [
        (
            "DeleteOpenIDConnectProvider",
            &provider_arn[..],
            "No OpenIDConnect provider found in your account for https://images.wharfinger.example",
        ),
        ("DeleteRolePolicy", &inline, "ecr:GetAuthorizationToken"),
        (
            "DeleteRole",
            &role_name,
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
    ];
    for (action, parameters, said) in iam_calls {
        let (stage, _) = stage().await;
        let administrator = stage.administrator(Stage::ROLE_ACCOUNT).unwrap();
        if action == "DeleteRole" {
            administrator
                .iam("DeleteRolePolicy", &inline, stage.now())
                .await
                .unwrap();
        }
        administrator.iam(action, parameters, stage.now()).await.unwrap();
        let explanation = explanation(&stage).await;
        assert!(part(&explanation, "said").contains(said), "{action}: {explanation}");
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_policy_of_the_repository_the_other_account_is_not_let_in() {
    let (stage, _) = stage().await;
    let administrator = stage.administrator(Stage::REGISTRY_ACCOUNT).unwrap();
    let repository = json!({ "repositoryName": Stage::REPOSITORY });
    administrator
        .ecr("DeleteRepositoryPolicy", repository, stage.now())
        .await
        .unwrap();
    let explanation = explanation(&stage).await;
    assert!(
        part(&explanation, "said").contains("because no resource-based policy allows the ecr:BatchGetImage action"),
        "{explanation}"
    );
    assert!(
        part(&explanation, "fix").contains("in the account 111122223333"),
        "{explanation}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_was_changed_behind_the_registry_never_counts_as_pulled() {
    let (stage, image) = stage().await;
    let layer = oci::Digest::of(&image.layers[0]);
    let file = find(&stage.folder().join("aws"), layer.hex());
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(pull(&stage, "1", "layout").await.is_err());
    let blob = |root: &str| stage.folder().join(root).join("blobs").join("sha256");
    assert!(
        !blob("layout").join(layer.hex()).exists(),
        "the client has no such blob"
    );
    assert!(
        !blob("data/content").join(&layer.hex()[..2]).join(layer.hex()).exists(),
        "neither has the cache"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_used_no_longer_than_it_lasts() {
    let (stage, _) = stage().await;
    pull(&stage, "1", "first").await.unwrap();
    stage
        .push("2", &Image::generate(&IMAGE_SIZES, 2).unwrap(), |_| ())
        .await
        .unwrap();
    stage
        .push("3", &Image::generate(&IMAGE_SIZES, 3).unwrap(), |_| ())
        .await
        .unwrap();
    stage.wait(Duration::from_mins(35));
    let before = stage.aws().unwrap().trail_len();
    pull(&stage, "2", "second").await.unwrap();
    assert!(
        seen(&stage, before)
            .iter()
            .all(|(_, action)| !action.starts_with("sts:")),
        "nobody renews it before three fifths of an hour"
    );
    // An hour less a minute after it was made.
    stage.wait(Duration::from_mins(24));
    let before = stage.aws().unwrap().trail_len();
    pull(&stage, "3", "third").await.unwrap();
    assert_eq!(
        seen(&stage, before)[0],
        (200, "sts:AssumeRoleWithWebIdentity".to_owned())
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_the_stage_is_closed() {
    let (stage, _) = stage().await;
    let (folder, address) = (stage.folder().to_owned(), stage.address());
    stage.close().await;
    assert!(!folder.exists());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap().to_str().unwrap().contains(name) {
                return path;
            }
        }
    }
    panic!("no file is called {name}");
}

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sim::Clock;

use crate::{
    signing::{Keys, Scope, post, presigned},
    stage::{ACCOUNT, Answer, OTHER, REGION, Stage},
};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";
const ECR: &str = "https://api.ecr.us-east-1.amazonaws.com/";
const STS: &str = "https://sts.us-east-1.amazonaws.com/";
const WHO: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

async fn token(stage: &Stage, keys: &Keys) -> Answer {
    stage.ecr("GetAuthorizationToken", &json!({}), keys).await
}

async fn who(stage: &Stage, keys: &Keys) -> Answer {
    stage.query("sts", &[("Action", "GetCallerIdentity")], keys).await
}

#[tokio::test]
async fn a_root_key_and_a_session_sign() {
    let stage = Stage::furnished().await;
    let root = who(&stage, &stage.root(ACCOUNT)).await.ok();
    assert_eq!(root.element("Arn"), "arn:aws:iam::111122223333:root");
    assert_eq!(root.element("UserId"), ACCOUNT);
    let session = stage.session().await;
    token(&stage, &session).await.ok();
    let session = who(&stage, &session).await.ok();
    assert_eq!(
        session.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/puller/wharf"
    );
}

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let stage = Stage::furnished().await;
    let mut keys = stage.root(ACCOUNT);
    keys.secret = stage.root(OTHER).secret;
    token(&stage, &keys)
        .await
        .faulted("InvalidSignatureException", MISMATCH);
    who(&stage, &keys).await.refused(403, "SignatureDoesNotMatch", MISMATCH);
    let mut keys = stage.session().await;
    keys.secret
        .replace_range(..1, if keys.secret.starts_with('a') { "b" } else { "a" });
    token(&stage, &keys)
        .await
        .faulted("InvalidSignatureException", MISMATCH);
}

#[tokio::test]
async fn a_key_that_is_not_known_is_refused() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let root = stage.root(ACCOUNT);
    let unknown = [
        Keys {
            id: "AKIAAAAAAAAAAAAAAAAA".to_owned(),
            ..root.clone()
        },
        // A session's key without its token, a token that is none, and a token of another key.
        Keys {
            token: None,
            ..session.clone()
        },
        Keys {
            token: Some("token".to_owned()),
            ..session.clone()
        },
        Keys {
            token: session.token.clone(),
            ..root.clone()
        },
    ];
    for keys in unknown {
        token(&stage, &keys).await.faulted(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        );
        who(&stage, &keys).await.refused(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        );
    }
}

#[tokio::test]
async fn a_session_ends() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    stage.clock.advance(Duration::from_secs(3599));
    token(&stage, &session).await.ok();
    stage.clock.advance(Duration::from_secs(1));
    let message = "The security token included in the request is expired";
    token(&stage, &session).await.faulted("ExpiredTokenException", message);
    who(&stage, &session).await.refused(403, "ExpiredToken", message);
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let stage = Stage::furnished().await;
    let request = stage
        .http
        .post(ECR)
        .header(
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        )
        .body("{}");
    let answer = stage.send(request.build().unwrap()).await;
    answer.faulted("MissingAuthenticationTokenException", "Missing Authentication Token");
    let answer = stage.sts(&[("Action", "GetCallerIdentity")]).await;
    answer.refused(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    );
}

#[tokio::test]
async fn a_signature_is_for_its_time() {
    let stage = Stage::furnished().await;
    let keys = stage.root(ACCOUNT);
    let at = |seconds: i64| {
        let scope = Scope {
            service: "sts",
            region: REGION,
            time: stage.now() + SignedDuration::from_secs(seconds),
        };
        stage.send(post(STS, &[], WHO, &keys, scope))
    };
    at(-300).await.ok();
    at(300).await.ok();
    at(-301).await.refused(
        403,
        "SignatureDoesNotMatch",
        "Signature expired: 20261120T115459Z is now earlier than 20261120T115500Z (20261120T120000Z - 5 min.)",
    );
    at(301).await.refused(
        403,
        "SignatureDoesNotMatch",
        "Signature not yet current: 20261120T120501Z is still later than 20261120T120500Z (20261120T120000Z + 5 min.)",
    );
}

#[tokio::test]
async fn a_signature_is_for_its_service_and_region() {
    let stage = Stage::furnished().await;
    let keys = stage.root(ACCOUNT);
    let scoped = |service: &'static str, region: &'static str| {
        let time = stage.now();
        stage.send(post(STS, &[], WHO, &keys, Scope { service, region, time }))
    };
    scoped("ecr", REGION).await.refused(
        403,
        "SignatureDoesNotMatch",
        "Credential should be scoped to correct service: 'sts'.",
    );
    scoped("sts", "eu-west-1").await.refused(
        403,
        "SignatureDoesNotMatch",
        "Credential should be scoped to a valid region, not 'eu-west-1'.",
    );
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed() {
    let stage = Stage::furnished().await;
    let keys = stage.root(ACCOUNT);
    let signed = || {
        let scope = Scope {
            service: "sts",
            region: REGION,
            time: stage.now(),
        };
        post(STS, &[("x-amz-note", "one")], WHO, &keys, scope)
    };
    stage.send(signed()).await.ok();

    let mut body = signed();
    *body.body_mut() = Some("Action=GetCallerIdentity&Version=2011-06-15&a=b".into());
    let mut query = signed();
    query.url_mut().set_query(Some("a=b"));
    let mut path = signed();
    path.url_mut().set_path("/a");
    let mut header = signed();
    header.headers_mut().insert("x-amz-note", "two".parse().unwrap());
    let mut host = signed();
    host.headers_mut()
        .insert("host", "sts.us-east-1.amazonaws.com:8443".parse().unwrap());
    for request in [body, query, path, header, host] {
        let answer = stage.send(request).await;
        answer.refused(403, "SignatureDoesNotMatch", MISMATCH);
    }

    let mut more = signed();
    more.headers_mut().insert("x-amz-other", "unsigned".parse().unwrap());
    stage.send(more).await.refused(
        403,
        "SignatureDoesNotMatch",
        "The request signature does not conform to AWS standards. Header(s) not signed: x-amz-other.",
    );
}

#[tokio::test]
async fn a_url_may_carry_the_signature() {
    let stage = Stage::furnished().await;
    let scope = Scope {
        service: "sts",
        region: REGION,
        time: stage.now(),
    };
    let url = format!("{STS}?{}", std::str::from_utf8(WHO).unwrap());
    let url = presigned(&url, &stage.session().await, scope, Duration::from_secs(60));
    let get = |url: &str| stage.send(stage.get(url).build().unwrap());
    let answer = get(&url).await.ok();
    assert_eq!(
        answer.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/puller/wharf"
    );

    get(&format!("{url}&Action=AssumeRole"))
        .await
        .refused(403, "SignatureDoesNotMatch", MISMATCH);
    let post = stage.send(stage.http.post(&url).build().unwrap()).await;
    post.refused(403, "SignatureDoesNotMatch", MISMATCH);
    stage.clock.advance(Duration::from_secs(61));
    let expired = get(&url).await;
    assert_eq!(
        (expired.status, expired.element("Code").as_str()),
        (403, "SignatureDoesNotMatch")
    );
    assert!(expired.element("Message").starts_with("Signature expired"));
}

#[tokio::test]
async fn a_signature_that_cannot_be_read_is_incomplete() {
    let stage = Stage::furnished().await;
    let algorithm = "AWS4-HMAC-SHA256";
    let credential = "Credential=AKIAAAAAAAAAAAAAAAAA/20261120/us-east-1/sts/aws4_request";
    let cases = [
        (algorithm.to_owned(), 400, "IncompleteSignature"),
        (format!("{algorithm} {credential}"), 400, "IncompleteSignature"),
        (
            format!("{algorithm} {credential}, SignedHeaders=host"),
            400,
            "IncompleteSignature",
        ),
        (
            format!("{algorithm} Credential=a/b, SignedHeaders=host, Signature=0"),
            400,
            "IncompleteSignature",
        ),
        (
            format!("{algorithm} {credential}, SignedHeaders=x-amz-date, Signature=0"),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            format!(
                "{algorithm} {}, SignedHeaders=host;x-amz-date, Signature=0",
                credential.replace("1120", "1121")
            ),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            format!("{algorithm} {credential}, SignedHeaders=host;x-amz-date, Signature=0"),
            403,
            "InvalidClientTokenId",
        ),
        ("Basic YTpi".to_owned(), 403, "MissingAuthenticationToken"),
    ];
    for (authorization, status, code) in cases {
        let request = stage
            .http
            .post(STS)
            .header("authorization", &authorization)
            .header("x-amz-date", "20261120T120000Z")
            .body(WHO);
        let answer = stage.send(request.build().unwrap()).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (status, code),
            "{authorization}"
        );
    }
    let undated = stage
        .http
        .post(STS)
        .header(
            "authorization",
            format!("{algorithm} {credential}, SignedHeaders=host, Signature=0"),
        )
        .body(WHO);
    let answer = stage.send(undated.build().unwrap()).await;
    assert_eq!(answer.element("Code"), "IncompleteSignature");
}

#[tokio::test]
async fn tools_that_know_the_machines_clock_only_are_let_in_where_that_was_asked_for() {
    for lenient in [false, true] {
        let clock = Clock::system();
        let shown = clock.clone();
        let stage = Stage::with(|builder| builder.clock(if lenient { shown.with_machine_time() } else { shown })).await;
        clock.advance(Duration::from_hours(13));
        let time = |seconds| Timestamp::now() - SignedDuration::from_secs(seconds);
        let statuses = [time(0), time(600), clock.now()].map(async |time| {
            let scope = Scope {
                service: "sts",
                region: REGION,
                time,
            };
            let form = ("content-type", "application/x-www-form-urlencoded");
            let body = b"Action=GetCallerIdentity&Version=2011-06-15";
            let request = post(
                "https://sts.us-east-1.amazonaws.com/",
                &[form],
                body,
                &stage.root(ACCOUNT),
                scope,
            );
            stage.send(request).await.status
        });
        let expected = if lenient { [200, 403, 200] } else { [403, 403, 200] };
        assert_eq!(futures_util::future::join_all(statuses).await, expected);
    }
}

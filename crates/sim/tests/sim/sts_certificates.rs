//! Whose certificates AWS takes of an issuer's host: those of authorities that it trusts, else those whose top
//! certificate is among the provider's thumbprints.

use serde_json::json;

use crate::{
    issuer::{HOST, Issuer, Oddities, URL},
    stage::{AUDIENCE, Answer, SUBJECT, Stage, trust},
};

const MISMATCH: &str = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";

/// A stage with an issuer whose authority AWS does not trust.
async fn stage(oddities: Oddities) -> (Stage, Issuer) {
    let issuer = Issuer::at(URL, oddities).await;
    let stage = Stage::with(|builder| builder.resolve(HOST, issuer.address)).await;
    stage.create_role("puller", &trust(SUBJECT)).await.ok();
    (stage, issuer)
}

async fn register(stage: &Stage, thumbprints: &[&str]) {
    let names = (1..=thumbprints.len()).map(|number| format!("ThumbprintList.member.{number}"));
    let names = names.collect::<Vec<_>>();
    let mut params = vec![
        ("Action", "CreateOpenIDConnectProvider"),
        ("Url", URL),
        ("ClientIDList.member.1", AUDIENCE),
    ];
    params.extend(names.iter().map(String::as_str).zip(thumbprints.iter().copied()));
    stage.iam(&params).await.ok();
}

async fn assume(stage: &Stage, issuer: &Issuer) -> Answer {
    stage.assume(&issuer.token(&stage.claims())).await
}

fn refused(answer: &Answer) {
    answer.refused(400, "InvalidIdentityToken", MISMATCH);
}

const SENDS_AUTHORITY: Oddities = Oddities {
    sends_authority: true,
    is_self_signed: false,
    has_expired: false,
    is_of_another_host: false,
    sends_a_stranger: false,
};

#[tokio::test]
async fn the_top_certificate_is_taken_by_its_thumbprint() {
    let (stage, issuer) = stage(SENDS_AUTHORITY).await;
    let upper = issuer.thumbprints[1].to_uppercase();
    register(&stage, &[&"a".repeat(40), &upper]).await;
    assume(&stage, &issuer).await.ok();
}

#[tokio::test]
async fn the_thumbprint_of_the_hosts_own_certificate_is_wrong() {
    let (stage, issuer) = stage(SENDS_AUTHORITY).await;
    register(&stage, &[&issuer.thumbprints[0]]).await;
    refused(&assume(&stage, &issuer).await);
}

#[tokio::test]
async fn another_thumbprint_is_refused() {
    let (stage, issuer) = stage(SENDS_AUTHORITY).await;
    register(&stage, &[&"a".repeat(40)]).await;
    refused(&assume(&stage, &issuer).await);
    // Nor does a wrong signature get another answer: the certificate is looked at first.
    let stranger = Issuer::start().await;
    refused(&stage.assume(&stranger.token(&stage.claims())).await);
}

#[tokio::test]
async fn a_certificate_that_signs_itself_is_its_own_top() {
    let oddities = Oddities {
        is_self_signed: true,
        ..Oddities::default()
    };
    let (stage, issuer) = stage(oddities).await;
    register(&stage, &[&issuer.thumbprints[0]]).await;
    assume(&stage, &issuer).await.ok();
}

#[tokio::test]
async fn a_thumbprint_vouches_for_no_broken_chain() {
    for oddities in [
        // Nothing that was sent made the host's certificate.
        Oddities::default(),
        Oddities {
            sends_a_stranger: true,
            ..Oddities::default()
        },
        Oddities {
            has_expired: true,
            ..SENDS_AUTHORITY
        },
        Oddities {
            is_of_another_host: true,
            ..SENDS_AUTHORITY
        },
    ] {
        let (stage, issuer) = stage(oddities).await;
        let thumbprints = issuer.thumbprints.iter().map(String::as_str).collect::<Vec<_>>();
        register(&stage, &thumbprints).await;
        refused(&assume(&stage, &issuer).await);
    }
}

#[tokio::test]
async fn thumbprints_are_not_looked_at_where_the_authority_is_trusted() {
    let stage = Stage::new().await;
    stage.create_role("puller", &trust(SUBJECT)).await.ok();
    register(&stage, &[&"a".repeat(40)]).await;
    assume(&stage, &stage.issuer).await.ok();
}

#[tokio::test]
async fn the_thumbprints_are_those_of_the_moment_where_key_sets_are_kept() {
    let issuer = Issuer::at(URL, SENDS_AUTHORITY).await;
    let stage = Stage::with(|builder| {
        builder
            .resolve(HOST, issuer.address)
            .key_set_lifetime(std::time::Duration::from_secs(60))
    })
    .await;
    stage.create_role("puller", &trust(SUBJECT)).await.ok();
    register(&stage, &[&issuer.thumbprints[1]]).await;
    assume(&stage, &issuer).await.ok();
    let provider = ("OpenIDConnectProviderArn", crate::stage::PROVIDER);
    stage
        .iam(&[("Action", "DeleteOpenIDConnectProvider"), provider])
        .await
        .ok();
    register(&stage, &[&"a".repeat(40)]).await;
    refused(&assume(&stage, &issuer).await);
}

#[tokio::test]
async fn both_hosts_must_be_vouched_for() {
    let keys = Issuer::at("https://keys.example.test/team", SENDS_AUTHORITY).await;
    let stage = Stage::with(|builder| builder.resolve("keys.example.test", keys.address)).await;
    stage.create_role("puller", &trust(SUBJECT)).await.ok();
    let discovery = json!({"issuer": URL, "jwks_uri": "https://keys.example.test/team/keys"}).to_string();
    let page = crate::issuer::Page::Text(200, discovery);
    stage.issuer.set(crate::issuer::DISCOVERY, page);
    keys.set_keys(&[stage.issuer.jwk()]);
    register(&stage, &[&"a".repeat(40)]).await;
    refused(&assume(&stage, &stage.issuer).await);
    let provider = ("OpenIDConnectProviderArn", crate::stage::PROVIDER);
    stage
        .iam(&[("Action", "DeleteOpenIDConnectProvider"), provider])
        .await
        .ok();
    register(&stage, &[&keys.thumbprints[1]]).await;
    assume(&stage, &stage.issuer).await.ok();
}

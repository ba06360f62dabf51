//! Which keys of an issuer STS uses, and how long it keeps them.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        self, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    issuer::{DISCOVERY, Issuer, KEYS, Page, sign},
    stage::{Answer, Stage},
    web_identity::NO_KEY,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn assume(stage: &Stage) -> Answer {
    stage.assume(&stage.issuer.token(&stage.claims())).await
}

fn no_key(answer: &Answer) {
    answer.refused(400, "InvalidIdentityToken", NO_KEY);
}

fn with(jwk: &Value, name: &str, value: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk
}

/// A key of another pair under an id.
async fn other_key(id: &str) -> Value {
    with(&Issuer::start().await.jwk(), "kid", json!(id))
}

fn rsa_jwk(id: &str, pair: &RsaKeyPair) -> Value {
    let public = pair.public_key();
    json!({"kty": "RSA", "kid": id,
        "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero())})
}

#[tokio::test]
async fn keys_that_sts_does_not_use_are_as_good_as_absent() {
    let stage = Stage::furnished().await;
    let good = stage.issuer.jwk();
    for bad in [
        with(&good, "kid", Value::Null),
        with(&good, "use", json!("enc")),
        with(&good, "key_ops", json!(["verify"])),
        with(&good, "x5c", json!(["AA=="])),
        json!({"kty": "EC", "kid": "one", "x5c": ["AA=="]}),
    ] {
        stage.issuer.set_keys(std::slice::from_ref(&bad));
        no_key(&assume(&stage).await);
    }
    stage.issuer.set_keys(&[with(&good, "alg", json!("RS512"))]);
    assume(&stage).await.ok();
}

#[tokio::test]
async fn a_certificate_beside_a_key_must_be_of_it() {
    let stage = Stage::furnished().await;
    let own = rcgen::KeyPair::generate().unwrap();
    let certificate = |pair: &rcgen::KeyPair| {
        let params = rcgen::CertificateParams::new(["issuer.example.test".to_owned()]).unwrap();
        STANDARD.encode(params.self_signed(pair).unwrap().der())
    };
    let (x, y) = own.public_key_raw()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "certified",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
    let header = json!({"alg": "ES256", "kid": "certified"}).to_string();
    let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &own.serialize_der()).unwrap();
    let token = sign(&header, &stage.claims().to_string(), |message| {
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    });
    stage.issuer.set_keys(&[with(&jwk, "x5c", json!([certificate(&own)]))]);
    stage.assume(&token).await.ok();
    let other = rcgen::KeyPair::generate().unwrap();
    stage
        .issuer
        .set_keys(&[with(&jwk, "x5c", json!([certificate(&other)]))]);
    no_key(&stage.assume(&token).await);
}

#[tokio::test]
async fn of_two_keys_with_one_id_the_later_counts() {
    let stage = Stage::furnished().await;
    let (own, other) = (stage.issuer.jwk(), other_key("one").await);
    stage.issuer.set_keys(&[other.clone(), own.clone()]);
    assume(&stage).await.ok();
    stage.issuer.set_keys(&[own, other]);
    assume(&stage)
        .await
        .refused(400, "InvalidIdentityToken", "Token signature invalid");
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_a_set_of_one_key() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token_with(&json!({"alg": "ES256"}), &stage.claims());
    stage.assume(&token).await.ok();
    stage.issuer.set_keys(&[stage.issuer.jwk(), other_key("two").await]);
    no_key(&stage.assume(&token).await);
    assume(&stage).await.ok();
}

#[tokio::test]
async fn all_six_algorithms_are_taken() {
    let stage = Stage::furnished().await;
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p521 = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap();
    let ec_jwk = |curve: &str, pair: &EcdsaKeyPair| {
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        json!({"kty": "EC", "kid": curve, "crv": curve,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    };
    stage.issuer.set_keys(&[
        stage.issuer.jwk(),
        rsa_jwk("rsa", &rsa),
        ec_jwk("P-384", &p384),
        ec_jwk("P-521", &p521),
    ]);
    assume(&stage).await.ok();
    let claims = stage.claims().to_string();
    let header = |algorithm: &str, id: &str| json!({"alg": algorithm, "kid": id}).to_string();
    let by_rsa = |algorithm: &str, encoding| {
        sign(&header(algorithm, "rsa"), &claims, |message| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(encoding, &SystemRandom::new(), message, &mut signature)
                .unwrap();
            signature
        })
    };
    let by_ec = |algorithm: &str, curve: &str, pair: &EcdsaKeyPair| {
        sign(&header(algorithm, curve), &claims, |message| {
            pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
        })
    };
    for token in [
        by_rsa("RS256", &signature::RSA_PKCS1_SHA256),
        by_rsa("RS384", &signature::RSA_PKCS1_SHA384),
        by_rsa("RS512", &signature::RSA_PKCS1_SHA512),
        by_ec("ES384", "P-384", &p384),
        by_ec("ES512", "P-521", &p521),
    ] {
        stage.assume(&token).await.ok();
    }
    // A key is good for the algorithms of its kind alone.
    stage
        .assume(&by_ec("ES256", "P-384", &p384))
        .await
        .refused(400, "InvalidIdentityToken", "Token signature invalid");
}

#[tokio::test]
async fn more_than_a_hundred_rsa_keys_break_rsa_tokens_and_no_others() {
    let stage = Stage::furnished().await;
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let header = json!({"alg": "RS256", "kid": "0"}).to_string();
    let token = sign(&header, &stage.claims().to_string(), |message| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )
        .unwrap();
        signature
    });
    let keys = |count: usize| {
        let many = (0..count).map(|id| rsa_jwk(&id.to_string(), &rsa));
        many.chain([stage.issuer.jwk()]).collect::<Vec<_>>()
    };
    stage.issuer.set_keys(&keys(100));
    stage.assume(&token).await.ok();
    stage.issuer.set_keys(&keys(101));
    no_key(&stage.assume(&token).await);
    assume(&stage).await.ok();
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for() {
    let stage = Stage::furnished().await;
    for count in 1..=3 {
        assume(&stage).await.ok();
        assert_eq!(stage.issuer.hits(KEYS), count);
    }
}

#[tokio::test]
async fn a_key_set_is_kept_for_its_lifetime() {
    let stage = Stage::furnished_with(|builder| builder.key_set_lifetime(MINUTE)).await;
    for _ in 0..3 {
        assume(&stage).await.ok();
    }
    stage.clock.advance(MINUTE - Duration::from_secs(1));
    stage.issuer.set_keys(&[other_key("one").await]);
    assume(&stage).await.ok();
    assert_eq!((stage.issuer.hits(DISCOVERY), stage.issuer.hits(KEYS)), (1, 1));
    stage.clock.advance(Duration::from_secs(1));
    assume(&stage)
        .await
        .refused(400, "InvalidIdentityToken", "Token signature invalid");
    assert_eq!(stage.issuer.hits(KEYS), 2);
}

#[tokio::test]
async fn failures_are_not_kept() {
    let stage = Stage::furnished_with(|builder| builder.key_set_lifetime(MINUTE)).await;
    stage.issuer.set(KEYS, Page::Text(500, String::new()));
    no_key(&assume(&stage).await);
    stage.issuer.set_keys(&[stage.issuer.jwk()]);
    assume(&stage).await.ok();
}

#[tokio::test]
async fn a_key_that_is_not_kept_is_asked_for_once_a_second() {
    let stage = Stage::furnished_with(|builder| builder.key_set_lifetime(MINUTE)).await;
    assume(&stage).await.ok();
    let new = with(&stage.issuer.jwk(), "kid", json!("new"));
    stage.issuer.set_keys(&[stage.issuer.jwk(), new]);
    let of_new_key = stage
        .issuer
        .token_with(&json!({"alg": "ES256", "kid": "new"}), &stage.claims());
    let of_no_key = stage
        .issuer
        .token_with(&json!({"alg": "ES256", "kid": "nowhere"}), &stage.claims());
    // The second in which the set was fetched is not over.
    no_key(&stage.assume(&of_new_key).await);
    assert_eq!(stage.issuer.hits(KEYS), 1);
    stage.clock.advance(Duration::from_secs(1));
    stage.assume(&of_new_key).await.ok();
    assert_eq!(stage.issuer.hits(KEYS), 2);
    stage.clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        no_key(&stage.assume(&of_no_key).await);
    }
    assert_eq!(stage.issuer.hits(KEYS), 3);
    // An issuer that is gone is asked no oftener, and what is kept stays.
    stage.clock.advance(Duration::from_secs(1));
    stage.issuer.set(KEYS, Page::Text(500, String::new()));
    for _ in 0..3 {
        no_key(&stage.assume(&of_no_key).await);
    }
    assert_eq!(stage.issuer.hits(KEYS), 4);
    stage.assume(&of_new_key).await.ok();
}

#[tokio::test]
async fn those_who_want_one_issuer_at_once_wait_for_one_fetch() {
    let stage = Arc::new(Stage::furnished_with(|builder| builder.key_set_lifetime(MINUTE)).await);
    let gate = Arc::new(Semaphore::new(0));
    let set = json!({"keys": [stage.issuer.jwk()]}).to_string();
    stage.issuer.set(KEYS, Page::Held(Arc::clone(&gate), set));
    let before = stage.sim.trail_len();
    let calls = (0..20).map(|_| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { assume(&stage).await.ok() })
    });
    let calls = calls.collect::<Vec<_>>();
    let all_have_come = async {
        while stage.sim.trail_len() < before + 20 || stage.issuer.hits(KEYS) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(MINUTE, all_have_come).await.unwrap();
    gate.add_permits(20);
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!((stage.issuer.hits(DISCOVERY), stage.issuer.hits(KEYS)), (1, 1));
}

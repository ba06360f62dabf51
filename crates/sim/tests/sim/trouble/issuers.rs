use std::time::Duration;

use tokio::time::timeout;

use crate::stage::{ACCOUNT, Stage};

const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference \
    AssumeRoleWithWebIdentity documentation for requirements";

#[tokio::test]
async fn sts_does_not_get_the_keys_of_an_issuer_in_trouble() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token(&stage.claims());
    for (id, when, what) in [
        ("gone", r#"{"service":"issuer"}"#, r#""unreachable""#),
        ("keys", r#"{"action":"issuer:GetKeys"}"#, r#"{"error":{"status":503}}"#),
        (
            "discovery",
            r#"{"action":"issuer:GetDisc*"}"#,
            r#"{"error":{"status":404}}"#,
        ),
    ] {
        stage.trouble(&format!(r#"{{"id":"{id}","when":{when},"times":1,"what":{what}}}"#));
        stage.assume(&token).await.refused(400, "InvalidIdentityToken", NO_KEY);
        assert_eq!(stage.struck(id), 1);
        stage.assume(&token).await.ok();
    }
    stage.trouble(r#"{"id":"late","when":{"service":"issuer","host":"issuer.*"},"what":{"latency":{"millis":50}}}"#);
    let started = std::time::Instant::now();
    stage.assume(&token).await.ok();
    assert!(started.elapsed() >= Duration::from_millis(100), "two fetches are late");
    stage.trouble(r#"{"id":"other","when":{"service":"issuer","host":"other.*"},"what":"unreachable"}"#);
    stage.assume(&token).await.ok();
}

#[tokio::test]
async fn an_issuer_that_hangs_does_not_hold_up_the_end() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token(&stage.claims());
    stage.trouble(r#"{"id":"a","when":{"service":"issuer"},"what":"hang"}"#);
    {
        let call = stage.assume(&token);
        tokio::pin!(call);
        assert!(timeout(Duration::from_millis(100), &mut call).await.is_err());
        assert_eq!(stage.struck("a"), 1);
    }
    let root = stage.root(ACCOUNT);
    stage.query("sts", &[("Action", "GetCallerIdentity")], &root).await.ok();
    timeout(Duration::from_secs(3), stage.sim.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_rule_about_issuers_strikes_though_keys_were_kept() {
    let minute = Duration::from_secs(60);
    let stage = Stage::furnished_with(|builder| builder.key_set_lifetime(minute)).await;
    let token = stage.issuer.token(&stage.claims());
    stage.assume(&token).await.ok();
    stage.trouble(r#"{"id":"gone","when":{"service":"issuer"},"what":"unreachable"}"#);
    stage.assume(&token).await.refused(400, "InvalidIdentityToken", NO_KEY);
    assert_eq!(stage.struck("gone"), 1);
    stage.sim.clear_faults();
    stage.assume(&token).await.ok();
}

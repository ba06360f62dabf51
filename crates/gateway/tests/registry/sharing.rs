//! What one login opens.

use state::TokenHash;

use crate::{
    aws::{BUCKET, OTHER_REGISTRY, REGISTRY},
    wharf::{TOKEN, Wharf},
};

#[tokio::test]
async fn one_login_opens_the_registries_of_several_accounts() {
    let hash = TokenHash::of(TOKEN);
    let resources = format!(
        "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: acme }}\n\
         ---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n\
         ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec:\n  registry: {REGISTRY}\n  registries: [{OTHER_REGISTRY}]\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::111122223333:role/pull' }} }}\n"
    );
    let wharf = Wharf::with(&resources).await;
    for (registry, layer) in [(REGISTRY, &b"one"[..]), (OTHER_REGISTRY, b"other")] {
        let (digest, _) = wharf.aws.push(&format!("{registry}/team/app"), "1", layer);
        let answer = wharf.get(&format!("{registry}/team/app/manifests/1")).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["docker-content-digest"], digest.to_string().as_str());
    }
    assert_eq!(wharf.aws.exchanges(), 1);
    assert_eq!(wharf.aws.count("api.ecr.us-east-1.amazonaws.com", "/"), 1);
}

#[tokio::test]
async fn many_cold_clients_of_a_layer_ask_the_registry_once() {
    let wharf = Wharf::build().await;
    let (_, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let path = format!("prod/team/app/blobs/{layer}");
    let pulls = (0..100).map(|_| async { wharf.get(&path).await.bytes().await.unwrap() });
    for bytes in futures_util::future::join_all(pulls).await {
        assert_eq!(bytes, "layer");
    }
    assert_eq!(wharf.aws.count(REGISTRY, &layer.to_string()), 1);
    assert_eq!(wharf.aws.count(BUCKET, &layer.to_string()), 1);
}

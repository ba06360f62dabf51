//! What AWS itself refuses to a narrowed session, whatever its role may do. The proxy would refuse first, so these logins
//! are taken past it.

use aws::Pass;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::cluster::AUDIENCE;
use crate::issuer::{Cluster, SUBJECT};
use crate::page;
use crate::site::{CLUSTER, IMAGES, REPOSITORY, Site, pull_only, trust_in_token};

const SECRET: &str = "secret/app";

/// The upstream of the page, with this source and these hops: what the registry answers to its login when it is asked for
/// the image in the upstream's own repository, and in one that its role may read as well.
fn answers(site: &Site, source: Value, hops: Value) -> [(u16, String); 2] {
    let own = "source:\n    webIdentity: { roleArn: \"arn:aws:iam::111122223333:role/pull\" }";
    let other = format!("source: {source}\n  hops: {hops}");
    let (caller, registry) = site.caller(&page::resources("Chosen repositories", &[(own, &other)]));
    site.push(IMAGES, SECRET);
    let login = site.login(&caller, &registry);
    let Pass::Basic { username, password } = &login.pass else {
        panic!("{login:?}")
    };
    [REPOSITORY, SECRET].map(|repository| {
        let path = format!("https://{registry}/v2/{repository}/manifests/1");
        site.get(&path, username, password.expose_secret())
    })
}

fn assert_narrowed([own, other]: [(u16, String); 2]) {
    assert_eq!(own.0, 200, "{}", own.1);
    assert_eq!(other.0, 403, "{}", other.1);
    assert!(
        other
            .1
            .contains("no session policy allows the ecr:BatchGetImage action"),
        "{}",
        other.1
    );
}

#[test]
fn aws_refuses_what_a_token_did_not_ask_for() {
    let cluster = Cluster::start();
    let site = cluster.site();
    site.trust_issuer(IMAGES, &format!("https://{CLUSTER}"), AUDIENCE);
    let trust = trust_in_token(IMAGES, CLUSTER, AUDIENCE, SUBJECT);
    site.role(IMAGES, "pull", &trust, &pull_only(IMAGES, "*"));
    let token = site.path("token");
    std::fs::write(&token, cluster.token(AUDIENCE)).unwrap();
    let role = "arn:aws:iam::111122223333:role/pull";
    let source = json!({ "webIdentity": { "roleArn": role, "token": { "file": token } } });
    assert_narrowed(answers(&site, source, json!([])));
}

#[test]
fn aws_refuses_what_the_last_hop_did_not_ask_for() {
    let site = Site::new();
    let role = "arn:aws:iam::111122223333:role/pull";
    let may_assume = iam::generate::assume_only(&[role.parse().unwrap()])
        .unwrap()
        .to_string();
    let (id, secret) = site.user(IMAGES, "ci", &may_assume);
    let user = format!("arn:aws:iam::{IMAGES}:user/ci").parse().unwrap();
    let trust = iam::generate::assume_role_trust(&user, &[]).to_string();
    site.role(IMAGES, "pull", &trust, &pull_only(IMAGES, "*"));
    let source = json!({ "accessKey": { "accessKeyId": id, "secretAccessKey": secret } });
    assert_narrowed(answers(&site, source, json!([{ "roleArn": role }])));
}

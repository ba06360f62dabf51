//! Access keys in files, which somebody else rotates.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::harbour::{Harbour, PULL_ONLY};

/// A source that reads its key from files.
pub(crate) fn source(keys: &Path) -> Value {
    let file = |name| json!({ "file": keys.join(name) });
    json!({ "accessKey": { "accessKeyId": file("id"), "secretAccessKey": file("secret") } })
}

/// A new key of the user, put into the files; its id.
pub(crate) async fn rotate(harbour: &Harbour) -> String {
    let answer = harbour.iam("CreateAccessKey", &[("UserName", "ci")]).await;
    let member = |name: &str| {
        let text = answer.split_once(&format!("<{name}>")).unwrap().1;
        text.split_once('<').unwrap().0.to_owned()
    };
    let id = member("AccessKeyId");
    fs::write(harbour.keys().join("id"), &id).unwrap();
    fs::write(harbour.keys().join("secret"), member("SecretAccessKey")).unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_while_pulls_go_on() {
    let harbour = Harbour::build(|keys| json!({ "source": source(keys) })).await;
    harbour.iam("CreateUser", &[("UserName", "ci")]).await;
    harbour
        .iam("AttachUserPolicy", &[("UserName", "ci"), ("PolicyArn", PULL_ONLY)])
        .await;
    let mut key = rotate(&harbour).await;
    for _ in 0..6 {
        for _ in 0..10 {
            harbour.pull().await;
            harbour.wait(30 * 60);
        }
        let next = rotate(&harbour).await;
        harbour.pull().await;
        let old = [("UserName", "ci"), ("AccessKeyId", key.as_str())];
        harbour.iam("DeleteAccessKey", &old).await;
        harbour.pull().await;
        key = next;
    }
    // A login of a user lives for twelve hours.
    assert!(
        (3..=6).contains(&harbour.logins()),
        "{} logins in 30 hours",
        harbour.logins()
    );
}

use std::path::Path;

use serde_json::json;

use super::*;
use crate::explain::shown::shown;

#[test]
fn what_is_missing_on_this_side() {
    let role: RoleArn = "arn:aws:iam::111122223333:role/pull".parse().unwrap();
    let ambient: Source = serde_json::from_value(json!({ "ambient": {} })).unwrap();
    let gone = io::Error::new(io::ErrorKind::NotFound, "No such file or directory (os error 2)");
    let errors = [
        not_allowed(&ambient, "ambient is not allowed"),
        no_role(std::slice::from_ref(&role)),
        no_issuer(&role),
        nobody(&"111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap()),
        unreadable_token(Path::new("/var/run/a token"), &gone),
        unreadable_token(
            Path::new("/var/run/token"),
            &io::Error::other("its first line is empty"),
        ),
        unset_key("the variable KEY is not set in the environment"),
        unreadable_key(
            "the file /run/secrets/key cannot be read: its first line is empty",
            true,
        ),
        no_ambient(&io::Error::other("no providers in chain provided credentials")),
    ];
    let text: Vec<_> = errors.iter().map(shown).collect();
    insta::assert_snapshot!("source", text.join("\n"));
}

//! Principals that policies name.

use iam::AccountId;
use serde_json::Value;

/// The first principal of AWS in a document that can be nobody, as AWS shows it: `"AWS":"arn:…"`.
///
/// AWS also refuses who does not exist, because it stores ids in place of names. Here a policy may name somebody who
/// comes later.
pub(crate) fn impossible(document: &str) -> Option<String> {
    let document = serde_json::from_str::<Value>(document).ok()?;
    let statements = one_or_more(&document["Statement"]);
    let named = statements
        .iter()
        .flat_map(|statement| ["Principal", "NotPrincipal"].map(|element| one_or_more(&statement[element]["AWS"])));
    let mut texts = named.flatten().filter_map(Value::as_str);
    let bad = texts.find(|text| !is_possible(text))?;
    Some(format!("\"AWS\":\"{bad}\""))
}

/// Everybody, an account by its number, somebody by ARN, or by the id that AWS shows of who was deleted.
fn is_possible(text: &str) -> bool {
    let is_id = |text: &str| ["AIDA", "AROA"].iter().any(|prefix| text.starts_with(prefix));
    match text.strip_prefix("arn:") {
        Some(rest) => is_arn_of_somebody(rest),
        None => text == "*" || is_id(text) || text.parse::<AccountId>().is_ok(),
    }
}

/// `PARTITION:iam::ACCOUNT:role/NAME`; the account of a principal has no wildcard, nor has its name.
fn is_arn_of_somebody(rest: &str) -> bool {
    let mut parts = rest.splitn(5, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (part(), part(), part(), part(), part());
    let kinds: &[&str] = match service {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => return false,
    };
    let is_root = service == "iam" && resource == "root";
    let is_named = kinds.iter().any(|kind| {
        let name = resource.strip_prefix(kind).unwrap_or_default();
        !name.is_empty() && !name.contains(['*', '?'])
    });
    partition.starts_with("aws") && region.is_empty() && account.parse::<AccountId>().is_ok() && (is_root || is_named)
}

fn one_or_more(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn impossible_of(principal: &Value) -> Option<String> {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        impossible(&json!({"Version": "2012-10-17", "Statement": [statement]}).to_string())
    }

    #[test]
    fn who_can_be_somebody_is_let_through() {
        for name in [
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/team/ada",
            "arn:aws-cn:iam::111122223333:role/puller",
            "arn:aws:sts::111122223333:assumed-role/puller/session",
            "AROAEXAMPLE",
        ] {
            assert_eq!(impossible_of(&json!({ "AWS": ["*", name] })), None, "{name}");
        }
        assert_eq!(impossible_of(&json!("*")), None);
        assert_eq!(impossible_of(&json!({"Service": "ec2.amazonaws.com"})), None);
    }

    #[test]
    fn who_can_be_nobody_is_named() {
        for name in [
            "0123456789012",
            "ada",
            "arn:aws:iam::0123456789012:role/push",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/pull-*",
            "arn:aws:iam::*:root",
            "arn:aws:iam:us-east-1:111122223333:root",
            "arn:aws:ecr:us-east-1:111122223333:repository/a",
            "arn:aws:sts::111122223333:root",
        ] {
            assert_eq!(
                impossible_of(&json!({"AWS": ["*", name]})).as_deref(),
                Some(format!("\"AWS\":\"{name}\"").as_str())
            );
        }
    }

    proptest! {
        #[test]
        fn no_document_panics(text in "\\PC{0,60}") {
            impossible(&text);
            impossible_of(&json!({ "AWS": text }));
        }
    }
}

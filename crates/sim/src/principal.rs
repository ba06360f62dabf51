//! Principals that policies name.

use iam::AccountId;
use serde_json::Value;

/// The first principal of AWS in a document that can be nobody, as AWS shows it: `"AWS":"arn:…"`.
///
/// AWS also refuses who does not exist, because it stores ids in place of names. Here a policy may name somebody who
/// comes later.
pub(crate) fn impossible(document: &str) -> Option<String> {
    named(document, "AWS", |text| !is_possible(text)).map(|bad| format!("\"AWS\":\"{bad}\""))
}

/// The first service in a document that can be none of AWS's, as AWS shows it: `"SERVICE":"garbage"`.
pub(crate) fn no_service(document: &str) -> Option<String> {
    named(document, "Service", |text| !is_service(text)).map(|bad| format!("\"SERVICE\":\"{bad}\""))
}

/// The first identity provider in a document that can be none: neither a domain name, such as `accounts.google.com`, nor
/// the ARN of an OpenID Connect or SAML provider.
pub(crate) fn no_provider(document: &str) -> Option<String> {
    named(document, "Federated", |text| !is_provider(text))
}

/// The first principal of a type in a document of which something is so.
fn named(document: &str, of_type: &str, is_so: impl Fn(&str) -> bool) -> Option<String> {
    let document = serde_json::from_str::<Value>(document).ok()?;
    let statements = one_or_more(&document["Statement"]);
    let named = statements
        .iter()
        .flat_map(|statement| ["Principal", "NotPrincipal"].map(|element| one_or_more(&statement[element][of_type])));
    let mut texts = named.flatten().filter_map(Value::as_str);
    texts.find(|text| is_so(text)).map(str::to_owned)
}

/// `ecs-tasks.amazonaws.com`, `s3.us-east-1.amazonaws.com`, `ec2.amazonaws.com.cn`, `*.amazonaws.com`.
fn is_service(text: &str) -> bool {
    let name = [".amazonaws.com", ".amazonaws.com.cn"]
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix));
    name.is_some_and(|name| name == "*" || name.split('.').all(is_label))
}

fn is_provider(text: &str) -> bool {
    match text.strip_prefix("arn:") {
        Some(rest) => is_arn_of(rest, "iam", &["oidc-provider/", "saml-provider/"]),
        None => text.contains('.') && text.split('.').all(is_label),
    }
}

/// A part of a domain name (RFC 1123 §2.1).
fn is_label(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(is_part) && !text.starts_with('-') && !text.ends_with('-')
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
    is_arn_of(rest, "iam", &["root", "user/", "role/"]) || is_arn_of(rest, "sts", &["assumed-role/", "federated-user/"])
}

/// Whether the rest of an ARN is of a service and of one of these kinds; a kind that ends in `/` has names.
fn is_arn_of(rest: &str, service: &str, kinds: &[&str]) -> bool {
    let mut parts = rest.splitn(5, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (partition, of, region, account, resource) = (part(), part(), part(), part(), part());
    let is_of_kind = kinds.iter().any(|kind| match resource.strip_prefix(kind) {
        Some(name) if kind.ends_with('/') => !name.is_empty() && !name.contains(['*', '?']),
        name => name == Some(""),
    });
    partition.starts_with("aws")
        && of == service
        && region.is_empty()
        && account.parse::<AccountId>().is_ok()
        && is_of_kind
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
        impossible(&document(principal))
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

    fn document(principal: &Value) -> String {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }

    #[test]
    fn services_have_names_of_aws() {
        let refused = |name: &str| no_service(&document(&json!({ "Service": ["ec2.amazonaws.com", name] })));
        for name in [
            "ecs-tasks.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "ec2.amazonaws.com.cn",
            "*.amazonaws.com",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
        for name in [
            "garbage",
            "",
            "amazonaws.com",
            ".amazonaws.com",
            "ec2.amazonaws.com.example",
            "ec2.example.com",
            "e c2.amazonaws.com",
            "arn:aws:iam::111122223333:root",
        ] {
            assert_eq!(refused(name).unwrap(), format!("\"SERVICE\":\"{name}\""));
        }
    }

    #[test]
    fn providers_have_domain_names_or_arns() {
        let refused = |name: &str| no_provider(&document(&json!({"Federated": ["www.amazon.com", name]})));
        for name in [
            "accounts.google.com",
            "cognito-identity.amazonaws.com",
            "graph.facebook.com",
            "arn:aws:iam::111122223333:oidc-provider/issuer.example/team",
            "arn:aws-cn:iam::111122223333:saml-provider/corp",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
        for name in [
            "garbage",
            "",
            "*",
            "https://accounts.google.com",
            "issuer.example/team",
            "issuer..example",
            "-issuer.example",
            "arn:aws:iam::111122223333:oidc-provider/",
            "arn:aws:iam::111122223333:oidc-provider/*",
            "arn:aws:iam::111122223333:role/puller",
            "arn:aws:iam::1:oidc-provider/issuer.example",
        ] {
            assert_eq!(refused(name).as_deref(), Some(name));
        }
    }

    proptest! {
        #[test]
        fn no_document_panics(text in "\\PC{0,60}") {
            impossible(&text);
            impossible_of(&json!({ "AWS": text }));
            no_service(&document(&json!({ "Service": text })));
            no_provider(&document(&json!({ "Federated": text })));
        }
    }
}

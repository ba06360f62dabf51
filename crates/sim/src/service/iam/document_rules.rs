//! What IAM checks of a document when it is written, beyond the grammar: an action that no service can have, a resource
//! that no ARN can be, a statement's name that is no name. The sentences are those that IAM was seen to write.

use std::collections::HashSet;

use ::iam::Kind;
use serde_json::Value;

/// The first rule that a document breaks. The grammar may be broken as well, which is no matter here.
pub(super) fn broken_rule(text: &str, kind: Kind) -> Option<String> {
    let document = serde_json::from_str::<Value>(text).ok()?;
    let statements = one_or_more(&document["Statement"]);
    let mut broken = statements.iter().filter_map(|statement| {
        let actions = texts(statement, "Action").chain(texts(statement, "NotAction"));
        let resources = texts(statement, "Resource").chain(texts(statement, "NotResource"));
        let mut broken = actions
            .filter_map(|action| broken_action(action, kind))
            .chain(resources.filter_map(broken_resource));
        broken.next()
    });
    broken.next().or_else(|| broken_sid(&statements).map(str::to_owned))
}

/// What is wrong with the names of statements. An empty one is as good as none.
fn broken_sid(statements: &[&Value]) -> Option<&'static str> {
    let mut seen = HashSet::new();
    let sids = statements.iter().filter_map(|statement| statement["Sid"].as_str());
    sids.filter(|sid| !sid.is_empty()).find_map(|sid| {
        if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Some(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*",
            );
        }
        (!seen.insert(sid)).then_some("Statement IDs (SID) in a single policy must be unique.")
    })
}

fn broken_action(action: &str, kind: Kind) -> Option<String> {
    if action == "*" {
        return None;
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Some("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned());
    };
    if name.contains(':') {
        return Some("Actions/Condition can contain only one colon.".to_owned());
    }
    let is_vendor = |c: char| c.is_ascii_alphanumeric() || "-.*?".contains(c);
    if vendor.is_empty() || !vendor.chars().all(is_vendor) {
        return Some(format!("Vendor {vendor} is not valid"));
    }
    // `sts:*` and patterns like it may mean one of the actions that assume a role.
    let is_of_sts = vendor.eq_ignore_ascii_case("sts") || vendor.contains(['*', '?']);
    (kind == Kind::Trust && !is_of_sts).then(|| "AssumeRole policy may only specify STS AssumeRole actions.".to_owned())
}

fn broken_resource(resource: &str) -> Option<String> {
    if resource == "*" {
        return None;
    }
    let mut parts = resource.splitn(6, ':');
    if parts.next() != Some("arn") || resource.split(':').count() < 2 {
        return Some(format!("Resource {resource} must be in ARN format or \"*\"."));
    }
    let partition = parts.next().unwrap_or_default();
    let is_partition = partition == "aws" || partition.starts_with("aws-") || partition.contains(['*', '?', '$']);
    (!is_partition).then(|| format!("Partition \"{partition}\" is not valid for resource \"{resource}\"."))
}

fn one_or_more(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

fn texts<'v>(statement: &'v Value, element: &str) -> impl Iterator<Item = &'v str> {
    one_or_more(&statement[element]).into_iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn broken(action: &str, resource: &str) -> Option<String> {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": [resource]});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        broken_rule(&document.to_string(), Kind::Identity)
    }

    #[test]
    fn actions_and_resources_have_their_form() {
        for (action, resource, sentence) in [
            (
                "GetItem",
                "*",
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            ("a:b:c", "*", "Actions/Condition can contain only one colon."),
            ("a a:b", "*", "Vendor a a is not valid"),
            ("ecr:*", "image", "Resource image must be in ARN format or \"*\"."),
            ("ecr:*", "", "Resource  must be in ARN format or \"*\"."),
            (
                "ecr:*",
                "arn:b:c:d:e:f:g:h",
                "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\".",
            ),
            (
                "ecr:*",
                "arn:s3:::bucket",
                "Partition \"s3\" is not valid for resource \"arn:s3:::bucket\".",
            ),
        ] {
            assert_eq!(broken(action, resource).as_deref(), Some(sentence));
        }
        for (action, resource) in [
            ("*", "*"),
            ("ecr:Get*", "arn:aws:ecr:*:*:repository/a"),
            ("ECR:GetItem", "arn:aws-cn:s3:::b"),
            ("*:*", "arn:*:iam::${aws:PrincipalAccount}:user/a"),
        ] {
            assert_eq!(broken(action, resource), None, "{action} {resource}");
        }
    }

    #[test]
    fn trust_is_about_assuming_roles() {
        let trust = |action: &str| {
            let statement = json!({"Effect": "Allow", "Principal": "*", "Action": action});
            broken_rule(&json!({"Statement": statement}).to_string(), Kind::Trust)
        };
        for action in ["sts:AssumeRole", "sts:TagSession", "STS:*", "*"] {
            assert_eq!(trust(action), None, "{action}");
        }
        assert_eq!(
            trust("ecr:BatchGetImage").unwrap(),
            "AssumeRole policy may only specify STS AssumeRole actions."
        );
    }

    #[test]
    fn statements_have_names_of_their_own() {
        let named = |sids: [&str; 2], kind: Kind| {
            let statement = |sid| json!({"Sid": sid, "Effect": "Allow", "Action": "sts:AssumeRole"});
            broken_rule(&json!({ "Statement": sids.map(statement) }).to_string(), kind)
        };
        for kind in [Kind::Identity, Kind::Trust] {
            for sids in [["Pull", "pull"], ["1", "A2"], ["", ""]] {
                assert_eq!(named(sids, kind), None, "{sids:?}");
            }
            assert_eq!(
                named(["Pull", "Pull"], kind).unwrap(),
                "Statement IDs (SID) in a single policy must be unique."
            );
            for sid in ["a b", "a-b", "a_b", "ä"] {
                assert_eq!(
                    named(["Pull", sid], kind).unwrap(),
                    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                     [0-9A-Za-z]*"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn no_document_panics(text in "\\PC{0,60}") {
            broken_rule(&text, Kind::Identity);
            broken(&text, &text);
        }
    }
}

//! What principals, resources and values name: accounts, ARNs, and what was not filled in.

use crate::lint::document::{Document, Statement, Text};
use crate::lint::{Finding, Rule};
use crate::policy::Kind;

pub(super) fn check(document: &Document<'_>, found: &mut Vec<Finding>) {
    for statement in &document.statements {
        for (kind, principal) in &statement.principals {
            if placeholder(principal, found) {
                continue;
            }
            match *kind {
                "AWS" => of_aws(principal, found),
                "Federated" => federated(principal, found),
                _ => {}
            }
        }
        for resource in &statement.resources {
            if !placeholder(resource, found) {
                of_resource(document, statement, resource, found);
            }
        }
        for condition in &statement.conditions {
            for value in &condition.values {
                if !placeholder(value, found) && (is_arn(value.text) || names_account(&condition.key.key)) {
                    account(value, found);
                }
            }
        }
    }
}

fn placeholder(text: &Text<'_>, found: &mut Vec<Finding>) -> bool {
    let is = text.is_placeholder();
    if is {
        found.push(Finding::new(
            Rule::Placeholder,
            text.node.at,
            format!("`{}` was not filled in", text.text),
            "Put the value in its place.",
        ));
    }
    is
}

fn of_aws(principal: &Text<'_>, found: &mut Vec<Finding>) {
    let (text, at) = (principal.text, principal.node.at);
    let mut say = |rule, what: String, fix: &str| found.push(Finding::new(rule, at, what, fix));
    if text == "*" {
        return;
    }
    if !is_arn(text) {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            account(principal, found);
        } else if is_unique_id(text) {
            say(
                Rule::DeletedPrincipal,
                format!("`{text}` is the id of a user or role that was deleted"),
                "Name who should be let in by the ARN, or take the id out.",
            );
        } else {
            say(
                Rule::NotAnArn,
                format!("`{text}` is no principal"),
                "Write the ARN of a role or a user, or the 12 digits of an account.",
            );
        }
        return;
    }
    let (service, resource) = (part(text, 2), part(text, 5));
    let kind = resource.split(['/', ' ', ':']).next().unwrap_or_default();
    let of_other_kind = match (service, kind) {
        ("iam", "group") => Some("a group"),
        ("iam", "policy") => Some("a policy"),
        ("iam", "instance-profile") => Some("an instance profile"),
        ("iam", "saml-provider") => Some("a SAML provider"),
        ("iam" | "sts", _) => None,
        _ => Some("no identity"),
    };
    if let ("iam", "oidc-provider") = (service, kind) {
        say(
            Rule::ProviderArnForRole,
            format!("`{text}` is the ARN of an OIDC provider, where a role or a user is expected"),
            "Name the role; or, to let in tokens of this provider, use `Federated` and sts:AssumeRoleWithWebIdentity.",
        );
    } else if let Some(kind) = of_other_kind {
        let of_role = if kind == "an instance profile" {
            "the role in it"
        } else {
            "a role or a user"
        };
        say(
            Rule::ArnOfWrongKind,
            format!("`{text}` names {kind}"),
            &format!("Name {of_role}."),
        );
    } else if text.contains('*') {
        say(
            Rule::WildcardInPrincipal,
            format!("`{text}` has a wildcard"),
            "Name the account, and put the pattern into a condition: ArnLike on aws:PrincipalArn.",
        );
    }
    swapped(principal, kind, found);
    account(principal, found);
}

/// `user/SnykCraEc2Role`, `role/SnykCraUser`; some pages write ` or ` for the slash.
fn swapped(principal: &Text<'_>, kind: &str, found: &mut Vec<Finding>) {
    let name = principal
        .text
        .rsplit(['/', ' '])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let other = match kind {
        "user" if name.ends_with("role") => "role",
        "role" if name.ends_with("user") => "user",
        _ => return,
    };
    found.push(Finding::new(
        Rule::NameContradictsKind,
        principal.node.at,
        format!("`{}` is the ARN of a {kind} that is called a {other}", principal.text),
        format!("If it is a {other}, write `{other}/`."),
    ));
}

fn federated(principal: &Text<'_>, found: &mut Vec<Finding>) {
    let (text, at) = (principal.text, principal.node.at);
    let mut say = |rule, what: String, fix: String| found.push(Finding::new(rule, at, what, fix));
    if !is_arn(text) {
        if text.contains("://") || (text.contains('/') && !text.contains(' ')) {
            let host_and_path = text.split_once("://").map_or(text, |(_, rest)| rest);
            say(
                Rule::NotAnArn,
                format!("`{text}` is an address; `Federated` takes the ARN of the provider"),
                format!("Write `arn:aws:iam::ACCOUNT:oidc-provider/{host_and_path}`."),
            );
        }
        return;
    }
    let resource = part(text, 5);
    match resource.split('/').next().unwrap_or_default() {
        "oidc-provider" | "saml-provider" => {}
        kind => say(
            Rule::RoleArnForProvider,
            format!("`{text}` is the ARN of a {kind}, where a provider is expected"),
            "Write `arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH`, or use `AWS` to let in the role itself.".to_owned(),
        ),
    }
    account(principal, found);
}

fn of_resource(document: &Document<'_>, statement: &Statement<'_>, resource: &Text<'_>, found: &mut Vec<Finding>) {
    let (text, at) = (resource.text, resource.node.at);
    if text == "*" {
        return;
    }
    if !is_arn(text) {
        let is_image = text.contains(".dkr.ecr") || text.contains(".dkr-ecr");
        let fix = match is_image {
            true => "Write `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`; an image's address is no ARN.",
            false => "Write the ARN, or `*`.",
        };
        // In a trust policy the element itself is misplaced, and that is said already.
        if document.kind != Kind::Trust && !text.starts_with('*') && !text.starts_with("${") {
            found.push(Finding::new(Rule::NotAnArn, at, format!("`{text}` is no ARN"), fix));
        }
        return;
    }
    account(resource, found);
    if statement.has_action("sts:AssumeRole") && part(text, 5).starts_with("oidc-provider/") {
        found.push(Finding::new(
            Rule::ProviderArnForRole,
            at,
            format!("`{text}` is the ARN of an OIDC provider, where a role's is expected"),
            "Write `arn:aws:iam::ACCOUNT:role/NAME`.",
        ));
    }
}

/// The number of the account, alone or within an ARN.
fn account(text: &Text<'_>, found: &mut Vec<Finding>) {
    let number = if is_arn(text.text) {
        part(text.text, 4)
    } else {
        text.text
    };
    let free = number.is_empty() || number == "aws" || number == "cloudfront" || number.contains(['*', '?', '$']);
    if free || number.parse::<crate::AccountId>().is_ok() {
        return;
    }
    let what = if number.bytes().all(|b| b.is_ascii_digit()) {
        format!("`{number}` has {} digits", number.len())
    } else {
        format!("`{number}` is no account's number")
    };
    let fix = "Write the 12 digits of the account; `aws sts get-caller-identity` tells them.";
    found.push(Finding::new(Rule::AccountDigits, text.node.at, what, fix));
}

fn names_account(key: &str) -> bool {
    ["aws:PrincipalAccount", "aws:ResourceAccount", "aws:SourceAccount"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(key))
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

/// One of the six parts of an ARN, however malformed the others are.
fn part(arn: &str, index: usize) -> &str {
    arn.splitn(6, ':').nth(index).unwrap_or_default()
}

/// "IAM identifiers" of the IAM user guide: users, roles, groups by their unique ids.
fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AIDA") || text.starts_with("AROA"))
        && text.len() >= 16
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

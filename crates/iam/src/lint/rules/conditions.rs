//! Conditions in general: keys, operators and what they make of each other.

use crate::catalog::key_notice;
use crate::lint::document::{Condition, Document, Statement, is_placeholder};
use crate::lint::{Finding, Rule};

pub(super) fn check(document: &Document<'_>, found: &mut Vec<Finding>) {
    for statement in &document.statements {
        for condition in &statement.conditions {
            key(condition, found);
            equals(condition, found);
            if statement.allows {
                missing(condition, found);
            }
        }
        like(statement, found);
    }
}

fn key(condition: &Condition<'_>, found: &mut Vec<Finding>) {
    let key = &condition.key.key;
    if is_placeholder(key) {
        found.push(Finding::new(
            Rule::Placeholder,
            condition.key.at,
            format!("`{key}` was not filled in; a condition key takes no variables"),
            "Write the issuer's host and path without https://, then the claim: `HOST/PATH:sub`.",
        ));
        return;
    }
    let Some(notice) = key_notice(key) else { return };
    let fix = match notice.meant {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => "See the condition keys of AWS and of the service in the Service Authorization Reference.".to_owned(),
    };
    let what = format!("`{key}` is not a known condition key");
    found.push(Finding::new(Rule::UnknownConditionKey, condition.key.at, what, fix));
}

fn equals(condition: &Condition<'_>, found: &mut Vec<Finding>) {
    let operator = condition.operator;
    if !matches!(
        operator.base_name(),
        "StringEquals" | "StringNotEquals" | "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase"
    ) {
        return;
    }
    for value in &condition.values {
        // `${*}` is how a star is written that is none.
        if value.text.replace("${*}", "").contains('*') {
            let like = if operator.is_negated() {
                "StringNotLike"
            } else {
                "StringLike"
            };
            found.push(Finding::new(
                Rule::EqualsWithWildcard,
                value.node.at,
                format!("{operator} compares with `{}` letter by letter", value.text),
                format!("If a pattern is meant, use {like}."),
            ));
        }
    }
}

/// An operator block that can say the same exactly. The whole block is renamed, or nothing.
fn like(statement: &Statement<'_>, found: &mut Vec<Finding>) {
    for condition in &statement.conditions {
        let exact = match condition.operator.base_name() {
            "StringLike" => "StringEquals",
            "StringNotLike" => "StringNotEquals",
            _ => continue,
        };
        if condition.values.is_empty() || !is_exact(condition) {
            continue;
        }
        let block = condition.block;
        let renamed = condition
            .operator
            .to_string()
            .replace(condition.operator.base_name(), exact);
        let finding = Finding::new(
            Rule::LikeWithoutWildcard,
            condition.key.at,
            format!("{} without a wildcard", condition.operator),
            format!("Use {renamed}."),
        );
        let whole_block = || {
            let mut conditions = statement.conditions.iter();
            conditions.all(|other| !std::ptr::eq(other.block, block) || is_exact(other))
        };
        let mut others = statement.conditions.iter().map(|other| other.operator.to_string());
        let is_first = block
            .node
            .members()
            .first()
            .is_some_and(|first| std::ptr::eq(first, condition.key));
        // An operator may stand in a condition once only.
        if is_first && whole_block() && !others.any(|other| other == renamed) {
            found.push(finding.with_edit(block.span.clone(), format!("\"{renamed}\"")));
        } else {
            found.push(finding);
        }
    }
}

/// A backslash keeps its hands off: what it makes of the next sign is not documented for patterns.
fn is_exact(condition: &Condition<'_>) -> bool {
    condition.values.len() == condition.key.node.one_or_many().len()
        && condition
            .values
            .iter()
            .all(|value| !value.text.contains(['*', '?', '$', '\\']))
}

fn missing(condition: &Condition<'_>, found: &mut Vec<Finding>) {
    let operator = condition.operator;
    let key = condition.key.key.to_lowercase();
    let decides = key == "sts:externalid" || key.ends_with(":sub") || key.ends_with(":aud");
    if decides && operator.base_name() != "Null" && operator.of_missing_key() {
        found.push(Finding::new(
            Rule::PassesWhenMissing,
            condition.key.at,
            format!("{operator} on `{}` holds where the key is missing", condition.key.key),
            "Use StringEquals or StringLike, which a missing key fails.",
        ));
    }
}

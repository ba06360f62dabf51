//! The document as a whole: names of statements, repeated values, version, length.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Node, Position, Value};
use crate::lint::document::{Document, Text};
use crate::lint::{Finding, Rule};
use crate::policy::Kind;

pub(super) fn check(document: &Document<'_>, found: &mut Vec<Finding>) {
    sids(document, found);
    for statement in &document.statements {
        if statement.allows {
            found.extend(statement.negated.iter().map(|member| {
                Finding::new(
                    Rule::AllowWithNot,
                    member.at,
                    format!("an allowing statement has `{}`", member.key),
                    format!(
                        "Name what is allowed with `{}`, or deny what is not.",
                        member.key.trim_start_matches("Not")
                    ),
                )
            }));
        }
        repeated(statement.node, found);
    }
    variables(document, found);
    length(document, found);
}

fn sids(document: &Document<'_>, found: &mut Vec<Finding>) {
    let mut first: BTreeMap<&str, Position> = BTreeMap::new();
    for Text { node, text } in document.statements.iter().filter_map(|statement| statement.sid) {
        match first.get(text) {
            Some(earlier) => found.push(Finding::new(
                Rule::DuplicateSid,
                node.at,
                format!("the `Sid` {text} stands here for the second time, first at {earlier}"),
                "Give one of the statements another name, or leave the `Sid` out.",
            )),
            None => {
                first.insert(text, node.at);
            }
        }
        // ECR, as some other services, takes any text.
        if document.kind != Kind::Resource && !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            let fix = if plain.is_empty() {
                "Leave it out.".to_owned()
            } else {
                format!("Write `{plain}`.")
            };
            found.push(Finding::new(
                Rule::SidCharacters,
                node.at,
                format!("`{text}` has other signs"),
                fix,
            ));
        }
    }
}

/// Lists of actions, resources, principals and condition values.
fn repeated(node: &Node, found: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    let mut end = None;
    for item in node.items() {
        if let Some(text) = item.text().filter(|text| !seen.insert(*text)) {
            let finding = Finding::new(
                Rule::RepeatedValue,
                item.at,
                format!("`{text}` stands in this list already"),
                "Take it out; --fix does it.",
            );
            // With the comma before it; what is seen for the second time is not the first.
            found.push(finding.with_edit(end.unwrap_or(item.span.start)..item.span.end, ""));
        }
        end = Some(item.span.end);
        repeated(item, found);
    }
    for member in node.members() {
        repeated(&member.node, found);
    }
}

fn variables(document: &Document<'_>, found: &mut Vec<Finding>) {
    if document.root.member("Version").and_then(Node::text) == Some("2012-10-17") {
        return;
    }
    if let Some((at, variable)) = document
        .statements
        .iter()
        .find_map(|statement| variable(statement.node))
    {
        found.push(Finding::new(
            Rule::VariablesNeedVersion,
            at,
            format!("`{variable}` is read as text: the document is of version 2008-10-17 or of none"),
            "Set `\"Version\": \"2012-10-17\"`.",
        ));
    }
}

fn variable(node: &Node) -> Option<(Position, String)> {
    match &node.value {
        Value::String(text) => {
            let rest = &text[text.find("${")?..];
            let name = &rest[..=rest.find('}')?];
            name.contains(':').then(|| (node.at, name.to_owned()))
        }
        Value::Array(items) => items.iter().find_map(variable),
        Value::Object(members) => members.iter().find_map(|member| variable(&member.node)),
        _ => None,
    }
}

/// "IAM and AWS STS quotas" and, of repository policies, the ECR API reference (SetRepositoryPolicy).
fn length(document: &Document<'_>, found: &mut Vec<Finding>) {
    let compact = format!("{:#}", document.root).chars().count();
    let at = document.root.at;
    let mut say = |rule, limit: usize, what: &str, fix: &str| {
        found.push(Finding::new(
            rule,
            at,
            format!("{compact} characters without white space, and {what} has at most {limit}"),
            fix,
        ));
    };
    let split = "Split it, or join statements whose resources and conditions are the same.";
    match document.kind {
        Kind::Trust if compact > 4096 => say(Rule::TooLong, 4096, "a trust policy", split),
        Kind::Trust if compact > 2048 => say(
            Rule::LongForAQuota,
            2048,
            "a trust policy without a raised quota",
            "Shorten it, or ask for a raised quota.",
        ),
        Kind::Resource if compact > 10_240 => say(Rule::TooLong, 10_240, "a repository's policy", split),
        Kind::Session if compact > 2048 => say(Rule::TooLong, 2048, "a session policy", split),
        Kind::Identity | Kind::Boundary if compact > 10_240 => {
            say(Rule::TooLong, 10_240, "what is written into a role", split);
        }
        Kind::Identity | Kind::Boundary if compact > 6144 => say(
            Rule::LongForAQuota,
            6144,
            "a managed policy",
            "Split it into several managed policies; written into a role, it may be longer.",
        ),
        _ => {}
    }
}

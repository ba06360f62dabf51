//! Changes of documents, as small as they can be.

use std::fmt::Display;

use crate::OidcProviderArn;
use crate::json::{self, Member, Node, Position, Value};
use crate::reason::NearMiss;

use super::question::Token;

/// What a statement has to allow.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// In the policy of a resource.
    pub(super) principal: Option<String>,
    pub(super) actions: Vec<String>,
    /// In the policy of an identity.
    pub(super) resource: Option<String>,
}

/// Allows it: by one more name in a statement that is for pulls alone, or by a new statement. A statement that allows
/// more than a pull is left as it is, or the newcomer would get all of that.
pub(super) fn grant(document: &mut Node, grant: &Grant) -> String {
    let actions = grant.actions.join(" and ");
    let (element, name) = match (&grant.principal, &grant.resource) {
        (Some(principal), _) => ("Principal", principal),
        (None, Some(resource)) => ("Resource", resource),
        (None, None) => ("Resource", &EVERYTHING.to_owned()),
    };
    if let Some(sid) = extend(document, grant, element, name) {
        return format!("the statement{sid} for {actions} names {name} too");
    }
    let mut members = Vec::new();
    let sid = free_sid(
        document,
        if grant.actions == [LOGIN] {
            "Login"
        } else {
            sid_of(grant)
        },
    );
    members.push(("Sid", text(&sid)));
    members.push(("Effect", text("Allow")));
    if let Some(principal) = &grant.principal {
        members.push(("Principal", object(&[("AWS", text(principal))])));
    }
    let listed: Vec<&str> = grant.actions.iter().map(String::as_str).collect();
    members.push(("Action", one_or_many(&listed)));
    if let Some(resource) = &grant.resource {
        members.push(("Resource", text(resource)));
    }
    append(document, object(&members));
    match &grant.principal {
        Some(principal) => format!("the statement {sid} allows {principal} {actions}"),
        None => format!("the statement {sid} allows {actions} on {name}"),
    }
}

/// Adds a name to a statement that says all the rest already.
fn extend(document: &mut Node, grant: &Grant, element: &str, name: &str) -> Option<String> {
    if name == EVERYTHING {
        return None;
    }
    let statement = statements(document)?.iter_mut().find(|statement| {
        let has_only = |key: &str| matches!(key, "Sid" | "Effect" | "Action" | "Resource" | "Principal");
        let actions = statement.member("Action").map_or(&[][..], Node::one_or_many);
        let actions: Vec<String> = actions.iter().filter_map(Node::text).map(str::to_lowercase).collect();
        let covers = grant
            .actions
            .iter()
            .all(|action| actions.contains(&action.to_lowercase()));
        statement.member("Effect").and_then(Node::text) == Some("Allow")
            && statement.members().iter().all(|member| has_only(&member.key))
            && covers
            && actions.iter().all(|action| OF_A_PULL.contains(&action.as_str()))
            && match element {
                // A resource beside the principal would be narrowed to something else.
                "Principal" => statement.member("Resource").is_none() && statement.member("Principal").is_some(),
                _ => statement.member("Resource").is_some(),
            }
    })?;
    let sid = statement
        .member("Sid")
        .and_then(Node::text)
        .map(|sid| format!(" {sid}"));
    let node = member_mut(statement, element)?;
    match element {
        "Principal" => add(member_mut(node, "AWS")?, name),
        _ => add(node, name),
    }
    Some(sid.unwrap_or_default())
}

/// Corrects the statement that nearly lets the token in: keys that are misspelt, values that lack. None if that is not
/// all that it lacks; the document is then as it was.
pub(super) fn mend(
    document: &mut Node,
    near: &NearMiss<'_>,
    provider: &OidcProviderArn,
    token: &Token,
) -> Option<Vec<String>> {
    let mut changed = document.clone();
    let at = near.statement.at;
    let statement = statements(&mut changed)?
        .iter_mut()
        .find(|statement| statement.at == at)?;
    let mut what = Vec::new();
    for condition in &near.conditions {
        let is_plain = matches!(condition.operator.as_str(), "StringEquals" | "StringLike");
        let claim = ["aud", "sub"].into_iter().find(|claim| {
            let correct = provider.condition_key(claim);
            condition.key.eq_ignore_ascii_case(&correct) || spelt_out(&condition.key) == correct
        })?;
        if !is_plain {
            return None;
        }
        let correct = provider.condition_key(claim);
        let wanted = if claim == "aud" {
            &token.audience
        } else {
            &token.subject
        };
        let block = member_mut(member_mut(statement, "Condition")?, &condition.operator)?;
        let Value::Object(members) = &mut block.value else {
            return None;
        };
        let is_misspelt = !condition.key.eq_ignore_ascii_case(&correct);
        if is_misspelt && members.iter().any(|member| member.key == correct) {
            return None;
        }
        let member = members.iter_mut().find(|member| member.key == condition.key)?;
        if is_misspelt {
            what.push(format!("the condition key is {correct}, without scheme and slash"));
            member.key = correct;
        }
        let matches = member
            .node
            .one_or_many()
            .iter()
            .any(|value| value.text() == Some(wanted));
        if !matches {
            add(&mut member.node, &literal(wanted, condition.operator == "StringLike"));
            what.push(format!("`{claim}` may also be {wanted}"));
        }
    }
    if what.is_empty() {
        return None;
    }
    *document = changed;
    Some(what)
}

/// Adds the statements of another document.
pub(super) fn append_all(document: &mut Node, other: &impl Display) {
    let other = json::read(&other.to_string()).expect("a document prints as JSON");
    for statement in other.member("Statement").map_or(&[][..], Node::one_or_many) {
        let mut statement = statement.clone();
        if let Some(sid) = statement.member("Sid").and_then(Node::text) {
            let free = free_sid(document, sid);
            if let Some(node) = member_mut(&mut statement, "Sid") {
                *node = text(&free);
            }
        }
        append(document, statement);
    }
}

/// Takes out the statements at these places.
pub(super) fn remove(document: &mut Node, places: &[Position]) {
    if let Some(node) = member_mut(document, "Statement") {
        let kept = node
            .one_or_many()
            .iter()
            .filter(|statement| !places.contains(&statement.at));
        *node = made(Value::Array(kept.cloned().collect()));
    }
}

/// Is there no statement in it?
pub(super) fn is_empty(document: &Node) -> bool {
    document
        .member("Statement")
        .is_none_or(|node| node.one_or_many().is_empty())
}

pub(super) fn text(text: &str) -> Node {
    made(Value::String(text.to_owned()))
}

pub(super) fn list(texts: &[&str]) -> Node {
    made(Value::Array(texts.iter().map(|item| text(item)).collect()))
}

pub(super) fn object(members: &[(&str, Node)]) -> Node {
    let member = |(key, node): &(&str, Node)| Member {
        at: NOWHERE,
        span: 0..0,
        key: (*key).to_owned(),
        node: node.clone(),
    };
    made(Value::Object(members.iter().map(member).collect()))
}

fn one_or_many(texts: &[&str]) -> Node {
    match texts {
        [one] => text(one),
        many => list(many),
    }
}

fn made(value: Value) -> Node {
    Node {
        at: NOWHERE,
        span: 0..0,
        value,
    }
}

fn append(document: &mut Node, statement: Node) {
    if let Some(node) = member_mut(document, "Statement") {
        let statements = node.one_or_many().iter().cloned().chain([statement]);
        *node = made(Value::Array(statements.collect()));
    }
}

/// Adds a text to a value that is one or a list.
fn add(node: &mut Node, item: &str) {
    let items = node.one_or_many().iter().cloned().chain([text(item)]);
    *node = made(Value::Array(items.collect()));
}

fn statements(document: &mut Node) -> Option<&mut [Node]> {
    let node = member_mut(document, "Statement")?;
    match node.value {
        Value::Array(ref mut items) => Some(items),
        _ => Some(std::slice::from_mut(node)),
    }
}

fn member_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Object(members) = &mut node.value else {
        return None;
    };
    let member = members.iter_mut().find(|member| member.key == key)?;
    Some(&mut member.node)
}

fn sid_of(grant: &Grant) -> &'static str {
    match (&grant.principal, grant.actions.first().map(String::as_str)) {
        (Some(_), _) => "PullFromElsewhere",
        (None, Some("sts:AssumeRole")) => "AssumeRoles",
        _ => "Pull",
    }
}

fn free_sid(document: &Node, wanted: &str) -> String {
    let statements = document.member("Statement").map_or(&[][..], Node::one_or_many);
    let taken: Vec<&str> = statements
        .iter()
        .filter_map(|statement| statement.member("Sid")?.text())
        .collect();
    let mut numbered = (2..).map(|number| format!("{wanted}{number}"));
    match taken.contains(&wanted) {
        false => wanted.to_owned(),
        true => numbered
            .find(|sid| !taken.contains(&sid.as_str()))
            .expect("there are more numbers than statements"),
    }
}

fn spelt_out(key: &str) -> String {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    match key.rsplit_once(':') {
        Some((issuer, claim)) => format!("{}:{claim}", issuer.trim_end_matches('/')),
        None => key.to_owned(),
    }
}

/// A text that stands for itself where variables, and maybe wildcards, are read.
fn literal(text: &str, has_wildcards: bool) -> String {
    let text = text.replace("${", "${$}{");
    match has_wildcards {
        true => text.replace('*', "${*}").replace('?', "${?}"),
        false => text,
    }
}

const NOWHERE: Position = Position { line: 0, column: 0 };
const EVERYTHING: &str = "*";
const LOGIN: &str = "ecr:GetAuthorizationToken";
/// In lower case: a statement of these alone is for pulling.
const OF_A_PULL: [&str; 4] = [
    "ecr:batchchecklayeravailability",
    "ecr:batchgetimage",
    "ecr:getauthorizationtoken",
    "ecr:getdownloadurlforlayer",
];

use crate::condition::{Condition, Operator};
use crate::json::{Member, Node, ParseError, Value};
use crate::pattern::{Dialect, Pattern};

use super::principals::{EntryKind, PrincipalElement, PrincipalEntry};
use super::statement::{ActionPattern, Effect, Element, Statement};
use super::{Policy, Version};

pub(super) fn policy(node: &Node) -> Result<Policy, ParseError> {
    let members = object(node, "a policy document")?;
    let mut version = Version::default();
    let mut id = None;
    let mut statements = None;
    for Member { at, key, node, .. } in members {
        match key.as_str() {
            "Version" => version = parse_version(node)?,
            "Id" => id = Some(string(node, "`Id`")?.to_owned()),
            "Statement" => statements = Some(node),
            "PolicyVersion" | "Policy" | "Role" | "Document" | "PolicyDocument" | "AssumeRolePolicyDocument" => {
                return Err(at.error(format!(
                    "`{key}` is what AWS wraps a document in when it prints it; the document itself is expected, \
                     which begins with `Version` or `Statement`"
                )));
            }
            _ => {
                return Err(at.error(unknown(
                    "element of a policy document",
                    key,
                    &["Version", "Id", "Statement"],
                )));
            }
        }
    }
    let Some(statements) = statements else {
        return Err(node.at.error("a policy document needs a `Statement`"));
    };
    // The version decides how every statement is read, wherever it stands.
    let variables = version == Version::V2012;
    let statements = match &statements.value {
        Value::Array(nodes) => nodes
            .iter()
            .map(|node| statement(node, variables))
            .collect::<Result<_, _>>()?,
        _ => vec![statement(statements, variables)?],
    };
    Ok(Policy {
        version,
        id,
        statements,
    })
}

fn parse_version(node: &Node) -> Result<Version, ParseError> {
    match string(node, "`Version`")? {
        "2012-10-17" => Ok(Version::V2012),
        "2008-10-17" => Ok(Version::V2008),
        other => Err(node.at.error(format!(
            "`{other}` is not a version; known are 2012-10-17 and 2008-10-17"
        ))),
    }
}

fn statement(node: &Node, variables: bool) -> Result<Statement, ParseError> {
    let members = object(node, "a statement")?;
    let (mut sid, mut effect) = (None, None);
    let (mut principals, mut actions, mut resources) = (None, None, None);
    let mut conditions = Vec::new();
    for Member {
        at, key, node: value, ..
    } in members
    {
        let both = |name: &str| at.error(format!("a statement has either `{name}` or `Not{name}`, not both"));
        let negated = key.starts_with("Not");
        match key.as_str() {
            "Sid" => sid = Some(string(value, "`Sid`")?.to_owned()),
            "Effect" => effect = Some(parse_effect(value)?),
            "Principal" | "NotPrincipal" => {
                let entries = principal_entries(value)?;
                if principals
                    .replace(PrincipalElement {
                        at: *at,
                        negated,
                        entries,
                    })
                    .is_some()
                {
                    return Err(both("Principal"));
                }
            }
            "Action" | "NotAction" => {
                let mut values = Vec::new();
                for (place, text) in strings(value, key)? {
                    if text != "*" && !is_action(text) {
                        return Err(place.at.error(format!(
                            "`{text}` is not an action; expected: SERVICE:ACTION or *, for example ecr:BatchGetImage"
                        )));
                    }
                    values.push(ActionPattern::compile(text));
                }
                if actions
                    .replace(Element {
                        at: *at,
                        negated,
                        values,
                    })
                    .is_some()
                {
                    return Err(both("Action"));
                }
            }
            "Resource" | "NotResource" => {
                let dialect = Dialect {
                    wildcards: true,
                    variables,
                };
                let values = strings(value, key)?
                    .iter()
                    .map(|(_, text)| Pattern::compile(text, dialect))
                    .collect();
                if resources
                    .replace(Element {
                        at: *at,
                        negated,
                        values,
                    })
                    .is_some()
                {
                    return Err(both("Resource"));
                }
            }
            "Condition" => conditions = parse_conditions(value, variables)?,
            _ => return Err(at.error(unknown("element of a statement", key, &ELEMENTS))),
        }
    }
    Ok(Statement {
        at: node.at,
        sid,
        effect: effect.ok_or_else(|| node.at.error("a statement needs an `Effect`"))?,
        principals,
        actions: actions.ok_or_else(|| node.at.error("a statement needs an `Action` or a `NotAction`"))?,
        resources,
        conditions,
    })
}

fn parse_effect(node: &Node) -> Result<Effect, ParseError> {
    match string(node, "`Effect`")? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(node.at.error(format!(
            "`{other}` is not an effect; known are Allow and Deny, with a capital"
        ))),
    }
}

fn is_action(text: &str) -> bool {
    let Some((service, name)) = text.split_once(':') else {
        return false;
    };
    let of = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    of(service, "-*?") && of(name, "_-*?")
}

fn principal_entries(node: &Node) -> Result<Vec<PrincipalEntry>, ParseError> {
    if let Value::String(text) = &node.value {
        return match text.as_str() {
            "*" => Ok(vec![PrincipalEntry::new(EntryKind::Bare, "*")]),
            other => Err(node.at.error(format!(
                "`{other}` needs a kind: {{\"AWS\": …}}; only \"*\" stands by itself"
            ))),
        };
    }
    let mut entries = Vec::new();
    for Member { at, key, node, .. } in object(node, "a principal (other than \"*\")")? {
        let kind = EntryKind::KEYED.into_iter().find(|kind| kind.key() == key);
        let kind =
            kind.ok_or_else(|| at.error(unknown("kind of principal", key, &EntryKind::KEYED.map(EntryKind::key))))?;
        entries.extend(
            strings(node, key)?
                .iter()
                .map(|(_, text)| PrincipalEntry::new(kind, text)),
        );
    }
    if entries.is_empty() {
        return Err(node.at.error("a principal element names at least one principal"));
    }
    Ok(entries)
}

fn parse_conditions(node: &Node, variables: bool) -> Result<Vec<Condition>, ParseError> {
    let mut conditions = Vec::new();
    let mut operators = Vec::new();
    for Member {
        at,
        key: operator,
        node,
        ..
    } in object(node, "`Condition`")?
    {
        let parsed: Operator = operator
            .parse()
            .map_err(|_| at.error(unknown("condition operator", operator, &OPERATORS)))?;
        if operators.contains(&parsed) {
            return Err(at.error(format!("`{parsed}` stands here for the second time")));
        }
        operators.push(parsed);
        for Member { at, key, node, .. } in object(node, &format!("`{operator}`"))? {
            if key.is_empty() {
                return Err(at.error("a condition key may not be empty"));
            }
            conditions.push(Condition::new(*at, parsed, key, scalars(node, key)?, variables));
        }
    }
    Ok(conditions)
}

fn object<'a>(node: &'a Node, what: &str) -> Result<&'a [Member], ParseError> {
    match &node.value {
        Value::Object(members) => Ok(members),
        _ => Err(node.at.error(format!("{what} is an object, found {}", node.kind()))),
    }
}

fn string<'a>(node: &'a Node, what: &str) -> Result<&'a str, ParseError> {
    match &node.value {
        Value::String(text) => Ok(text),
        _ => Err(node.at.error(format!("{what} is a string, found {}", node.kind()))),
    }
}

/// One string or a list of at least one, each with its place.
fn strings<'a>(node: &'a Node, key: &str) -> Result<Vec<(&'a Node, &'a str)>, ParseError> {
    match &node.value {
        Value::Array(nodes) if nodes.is_empty() => Err(node.at.error(format!("`{key}` is an empty list"))),
        Value::Array(nodes) => nodes
            .iter()
            .map(|node| Ok((node, string(node, &format!("a value of `{key}`"))?)))
            .collect(),
        _ => Ok(vec![(node, string(node, &format!("`{key}`"))?)]),
    }
}

/// The values of a condition: strings, and numbers and booleans as they are written, one or a list of any length.
fn scalars(node: &Node, key: &str) -> Result<Vec<String>, ParseError> {
    let scalar = |node: &Node| match &node.value {
        Value::String(text) | Value::Number(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(node.at.error(format!(
            "a value of `{key}` is a string, a number or a boolean, found {}",
            node.kind()
        ))),
    };
    match &node.value {
        Value::Array(nodes) => nodes.iter().map(scalar).collect(),
        _ => Ok(vec![scalar(node)?]),
    }
}

/// Says what is unknown, and which known name may have been meant.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let shown: String = name.chars().take(64).collect();
    let nearest = known.iter().map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 1 + known.len() / 5 => {
            format!("`{shown}` is not a known {what}; did you mean `{known}`?")
        }
        _ => format!("`{shown}` is not a known {what}; known are {}", known.join(", ")),
    }
}

/// How many letters have to change, case aside (Levenshtein); counted up to 64 letters.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, c) in left.chars().map(|c| c.to_ascii_lowercase()).take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The operators that are offered where one is unknown.
const OPERATORS: [&str; 12] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "DateLessThan",
    "DateGreaterThan",
    "Bool",
    "IpAddress",
    "ArnLike",
    "Null",
];

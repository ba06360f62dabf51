use crate::json::{self, Node, ParseError, Value};
use crate::policy::Kind;
use crate::{Named, Policy, PolicySet};

use super::fields::{Fields, text};

/// The longest name of a policy, in bytes: that of an ARN.
const MAX_NAME_BYTES: usize = 2048;

const FIELDS: [&str; 7] = [
    "identity",
    "resource",
    "boundary",
    "session",
    "serviceControl",
    "resourceControl",
    "trust",
];

/// The member of `policies` that a kind of policy stands under, and its name in answers.
pub(super) fn field(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "identity",
        Kind::Resource => "resource",
        Kind::Boundary => "boundary",
        Kind::Session => "session",
        Kind::ServiceControl => "serviceControl",
        Kind::ResourceControl => "resourceControl",
        Kind::Trust => "trust",
    }
}

/// Every policy that has a say; what is left out is not there.
pub(super) fn read(node: Option<&Node>) -> Result<PolicySet, ParseError> {
    let Some(node) = node else {
        return Ok(PolicySet::default());
    };
    let fields = Fields::of(node, "`policies`", &FIELDS)?;
    Ok(PolicySet {
        identity: several(&fields, Kind::Identity)?,
        resource: single(&fields, Kind::Resource)?,
        boundary: several(&fields, Kind::Boundary)?,
        session: several(&fields, Kind::Session)?,
        service_control: levels(&fields, Kind::ServiceControl)?,
        resource_control: levels(&fields, Kind::ResourceControl)?,
        trust: single(&fields, Kind::Trust)?,
    })
}

/// One policy, or none.
fn single(fields: &Fields<'_>, kind: Kind) -> Result<Option<Named>, ParseError> {
    let Some(node) = fields.find(field(kind)) else {
        return Ok(None);
    };
    if let Value::Array(_) = node.value {
        let message = format!("there is one {kind} only: an object is expected, found a list");
        return Err(node.at.error(message));
    }
    named(node, kind, field(kind)).map(Some)
}

/// A list of policies; one may stand by itself.
fn several(fields: &Fields<'_>, kind: Kind) -> Result<Vec<Named>, ParseError> {
    match fields.find(field(kind)) {
        None => Ok(Vec::new()),
        Some(node) => match &node.value {
            Value::Array(nodes) => list(nodes, kind, field(kind)),
            _ => Ok(vec![named(node, kind, field(kind))?]),
        },
    }
}

/// A list of levels, from the organization's root to the account, each a list of policies.
fn levels(fields: &Fields<'_>, kind: Kind) -> Result<Vec<Vec<Named>>, ParseError> {
    let name = field(kind);
    let Some(node) = fields.find(name) else {
        return Ok(Vec::new());
    };
    let expected = "a list of levels, from the organization's root to the account, each a list of policies";
    let Value::Array(levels) = &node.value else {
        return Err(node.at.error(format!("`{name}` is {expected}; found {}", node.kind())));
    };
    let level = |(index, node): (usize, &Node)| match &node.value {
        Value::Array(nodes) => list(nodes, kind, &format!("{name}[{index}]")),
        _ => Err(node
            .at
            .error(format!("`{name}` is {expected}; found {} as a level", node.kind()))),
    };
    levels.iter().enumerate().map(level).collect()
}

fn list(nodes: &[Node], kind: Kind, place: &str) -> Result<Vec<Named>, ParseError> {
    let policy = |(index, node): (usize, &Node)| named(node, kind, &format!("{place}[{index}]"));
    nodes.iter().enumerate().map(policy).collect()
}

/// `{"name": …, "document": {…}}`, or the document alone, which is then called by its place.
fn named(node: &Node, kind: Kind, place: &str) -> Result<Named, ParseError> {
    let is_wrapped = match &node.value {
        Value::Object(members) => members
            .iter()
            .any(|member| member.key == "document" || member.key == "name"),
        _ => false,
    };
    let (name, document) = if is_wrapped {
        let fields = Fields::of(node, "a policy", &["name", "document"])?;
        let name = fields.find("name").map(|name| text(name, "`name`", MAX_NAME_BYTES));
        (
            name.transpose()?.unwrap_or(place),
            fields.need("document", "the policy document")?,
        )
    } else {
        (place, node)
    };
    if matches!(document.value, Value::String(_)) {
        let message = "the policy document is text in a string; expected: the document itself, an object";
        return Err(document.at.error(message));
    }
    let bytes = document.span.len();
    if bytes > json::MAX_BYTES {
        return Err(document.at.error(format!(
            "the document is {bytes} bytes long, at most {} are read",
            json::MAX_BYTES
        )));
    }
    let policy = Policy::of_node(document)?;
    policy.check(kind)?;
    Ok(Named::new(name, policy))
}

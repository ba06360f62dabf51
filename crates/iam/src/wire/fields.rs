use crate::json::{Member, Node, ParseError, Position, Value};
use crate::policy::unknown;

/// The members of an object whose names are known.
#[derive(Clone, Copy)]
pub(super) struct Fields<'q> {
    at: Position,
    what: &'static str,
    members: &'q [Member],
}

impl<'q> Fields<'q> {
    /// Refuses what is no object, and an object with a member of another name.
    pub(super) fn of(node: &'q Node, what: &'static str, known: &[&str]) -> Result<Self, ParseError> {
        let Value::Object(members) = &node.value else {
            return Err(node.at.error(format!("{what} is an object, found {}", node.kind())));
        };
        if let Some(stranger) = members.iter().find(|member| !known.contains(&member.key.as_str())) {
            let message = unknown(&format!("member of {what}"), &stranger.key, known);
            return Err(stranger.at.error(message));
        }
        Ok(Fields {
            at: node.at,
            what,
            members,
        })
    }

    /// A member that may be left out; `null` is as good as nothing.
    pub(super) fn find(&self, name: &str) -> Option<&'q Node> {
        let member = self.members.iter().find(|member| member.key == name)?;
        Some(&member.node).filter(|node| !matches!(node.value, Value::Null))
    }

    /// A member that has to be there.
    pub(super) fn need(&self, name: &str, expected: &str) -> Result<&'q Node, ParseError> {
        self.find(name).ok_or_else(|| {
            self.at
                .error(format!("{} needs a member `{name}`: {expected}", self.what))
        })
    }
}

/// A string of 1 to `limit` bytes.
pub(super) fn text<'q>(node: &'q Node, what: &str, limit: usize) -> Result<&'q str, ParseError> {
    match &node.value {
        Value::String(text) if text.is_empty() => Err(node.at.error(format!("{what} is empty"))),
        Value::String(text) if text.len() > limit => {
            let length = text.len();
            Err(node
                .at
                .error(format!("{what} is {length} bytes long, at most {limit} are read")))
        }
        Value::String(text) => Ok(text),
        _ => Err(node.at.error(format!("{what} is a string, found {}", node.kind()))),
    }
}

/// The beginning of a text, for messages.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(128).collect()
}

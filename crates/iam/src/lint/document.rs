//! A document as the rules see it: every value with its place, and whatever of it can be read.

use crate::catalog::wildcard_matches;
use crate::condition::Operator;
use crate::json::{Member, Node, Value};
use crate::policy::Kind;
use crate::{AccountId, Arn};

/// A policy document. Other than a [`crate::Policy`] it may be malformed in places; these are left out.
pub(super) struct Document<'a> {
    pub(super) root: &'a Node,
    pub(super) kind: Kind,
    /// The account that it is for.
    pub(super) account: Option<AccountId>,
    /// Does the file say that it belongs to a role?
    pub(super) is_of_role: bool,
    pub(super) statements: Vec<Statement<'a>>,
}

pub(super) struct Statement<'a> {
    pub(super) node: &'a Node,
    pub(super) allows: bool,
    pub(super) sid: Option<Text<'a>>,
    /// With the key that each stands under: `AWS`, `Federated`; `*` alone stands under none.
    pub(super) principals: Vec<(&'a str, Text<'a>)>,
    pub(super) actions: Vec<Text<'a>>,
    pub(super) resources: Vec<Text<'a>>,
    pub(super) conditions: Vec<Condition<'a>>,
    /// The elements `NotAction`, `NotPrincipal`, `NotResource`.
    pub(super) negated: Vec<&'a Member>,
}

/// A text and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) node: &'a Node,
    pub(super) text: &'a str,
}

pub(super) struct Condition<'a> {
    /// The operator's key with everything below it.
    pub(super) block: &'a Member,
    pub(super) operator: Operator,
    pub(super) key: &'a Member,
    pub(super) values: Vec<Text<'a>>,
}

impl<'a> Document<'a> {
    pub(super) fn of(root: &'a Node, kind: Kind) -> Self {
        let statements = root.member("Statement").map_or(&[][..], Node::one_or_many);
        Document {
            root,
            kind,
            account: None,
            is_of_role: false,
            statements: statements.iter().map(Statement::of).collect(),
        }
    }

    pub(super) fn allowing(&self) -> impl Iterator<Item = &Statement<'a>> {
        self.statements.iter().filter(|statement| statement.allows)
    }
}

impl<'a> Statement<'a> {
    fn of(node: &'a Node) -> Self {
        let element = |key: &str| node.member(key).map(texts).unwrap_or_default();
        let negated = |member: &&Member| matches!(&*member.key, "NotAction" | "NotPrincipal" | "NotResource");
        Statement {
            node,
            allows: node.member("Effect").and_then(Node::text) == Some("Allow"),
            sid: node.member("Sid").and_then(Text::of),
            principals: node.member("Principal").map(principals).unwrap_or_default(),
            actions: element("Action"),
            resources: element("Resource"),
            conditions: node.member("Condition").map(conditions).unwrap_or_default(),
            negated: node.members().iter().filter(negated).collect(),
        }
    }

    /// Is the action written out, in any case of its letters?
    pub(super) fn names_action(&self, action: &str) -> bool {
        self.actions.iter().any(|text| text.text.eq_ignore_ascii_case(action))
    }

    /// Does one of its actions match, wildcards included?
    pub(super) fn has_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions
            .iter()
            .any(|text| wildcard_matches(text.text.to_ascii_lowercase().as_bytes(), action.as_bytes()))
    }

    /// The conditions on a key, in any case of its letters.
    pub(super) fn on_key(&self, key: &str) -> impl Iterator<Item = &Condition<'a>> {
        self.conditions
            .iter()
            .filter(move |condition| condition.key.key.eq_ignore_ascii_case(key))
    }

    pub(super) fn principals_of(&self, kind: &str) -> impl Iterator<Item = Text<'a>> {
        self.principals
            .iter()
            .filter(move |(key, _)| *key == kind)
            .map(|(_, text)| *text)
    }
}

impl<'a> Text<'a> {
    fn of(node: &'a Node) -> Option<Self> {
        let text = node.text()?;
        Some(Text { node, text })
    }

    pub(super) fn arn(&self) -> Option<Arn> {
        self.text.parse().ok()
    }

    /// What a person is meant to replace: `${ROLE_ARN}`, `<your ARN>`, `ARN of the role`.
    pub(super) fn is_placeholder(&self) -> bool {
        is_placeholder(self.text)
    }
}

pub(super) fn is_placeholder(text: &str) -> bool {
    // Policy variables have a colon or are an escape, `${*}`; a shell's variable has neither.
    let shell_variable = text.match_indices("${").any(|(at, _)| {
        let name = text[at + 2..].split('}').next().unwrap_or_default();
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    let bracketed = text.contains('<') && text.contains('>');
    let words = text.split(' ').count() > 2 && text.starts_with("ARN ");
    shell_variable || bracketed || words
}

fn texts(node: &Node) -> Vec<Text<'_>> {
    node.one_or_many().iter().filter_map(Text::of).collect()
}

fn principals(node: &Node) -> Vec<(&str, Text<'_>)> {
    match &node.value {
        Value::Object(members) => members
            .iter()
            .flat_map(|member| texts(&member.node).into_iter().map(|text| (member.key.as_str(), text)))
            .collect(),
        _ => Text::of(node).map(|text| ("", text)).into_iter().collect(),
    }
}

fn conditions(node: &Node) -> Vec<Condition<'_>> {
    let mut conditions = Vec::new();
    for block in node.members() {
        let Ok(operator) = block.key.parse::<Operator>() else {
            continue;
        };
        conditions.extend(block.node.members().iter().map(|key| Condition {
            block,
            operator,
            key,
            values: texts(&key.node),
        }));
    }
    conditions
}

use std::fmt;

use thiserror::Error;

use crate::json::Printed;
use crate::policy::Policy;

/// A policy document, in version 2012-10-17. `Display` prints it as pretty JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    statements: Vec<Statement>,
}

/// An allowing statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sid: &'static str,
    /// The kind of principal and the principals of that kind.
    pub(super) principals: Option<(&'static str, Vec<String>)>,
    pub(super) actions: Vec<&'static str>,
    /// Empty where the policy is attached to the one resource.
    pub(super) resources: Vec<String>,
    /// Keys with their values, all compared by `StringEquals`.
    pub(super) string_equals: Vec<(String, Vec<String>)>,
}

impl Document {
    pub(super) fn of(statements: Vec<Statement>) -> Self {
        Document { statements }
    }

    /// The policy that the document is, ready to be evaluated.
    pub fn policy(&self) -> Policy {
        Policy::parse(&self.to_string()).expect("a document is built of what the language has only")
    }

    /// The document without white space, as AWS counts its length.
    pub fn compact(&self) -> String {
        format!("{:#}", self.printed())
    }

    pub(super) fn printed(&self) -> Printed<'_> {
        let statements = self.statements.iter().map(Statement::printed).collect();
        Printed::Object(vec![
            ("Version", Printed::Text("2012-10-17")),
            ("Statement", Printed::List(statements)),
        ])
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.printed())
    }
}

impl Statement {
    fn printed(&self) -> Printed<'_> {
        let mut members = vec![("Sid", Printed::Text(self.sid)), ("Effect", Printed::Text("Allow"))];
        if let Some((kind, principals)) = &self.principals {
            members.push(("Principal", Printed::Object(vec![(kind, texts(principals))])));
        }
        members.push(("Action", texts(&self.actions)));
        if !self.resources.is_empty() {
            members.push(("Resource", texts(&self.resources)));
        }
        if !self.string_equals.is_empty() {
            let keys = self
                .string_equals
                .iter()
                .map(|(key, values)| (key.as_str(), texts(values)))
                .collect();
            members.push((
                "Condition",
                Printed::Object(vec![("StringEquals", Printed::Object(keys))]),
            ));
        }
        Printed::Object(members)
    }
}

/// A list of what a policy is for is empty, so that the policy would be for nothing, and AWS would refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no {what} given: a policy needs at least one")]
pub struct EmptyList {
    what: &'static str,
}

impl EmptyList {
    pub(super) fn check<T>(what: &'static str, list: &[T]) -> Result<(), EmptyList> {
        if list.is_empty() {
            Err(EmptyList { what })
        } else {
            Ok(())
        }
    }
}

/// A text as it has to be written where policy variables are read, so that it stands for itself.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "${$}{")
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Printed<'_> {
    Printed::one_or_many(texts.iter().map(|text| Printed::Text(text.as_ref())).collect())
}

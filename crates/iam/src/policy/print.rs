use std::fmt;

use crate::condition::Condition;
use crate::json::Printed;

use super::Policy;
use super::principals::{EntryKind, PrincipalElement};
use super::statement::{Effect, Statement};

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operators: Vec<Vec<String>> = self
            .statements
            .iter()
            .map(|s| s.conditions.iter().map(|c| c.operator().to_string()).collect())
            .collect();
        let mut members = vec![("Version", Printed::Text(self.version.text()))];
        if let Some(id) = &self.id {
            members.push(("Id", Printed::Text(id)));
        }
        let statements = self.statements.iter().zip(&operators);
        members.push((
            "Statement",
            Printed::List(statements.map(|(s, operators)| statement(s, operators)).collect()),
        ));
        Printed::Object(members).fmt(f)
    }
}

fn statement<'a>(statement: &'a Statement, operators: &'a [String]) -> Printed<'a> {
    let mut members = Vec::new();
    if let Some(sid) = &statement.sid {
        members.push(("Sid", Printed::Text(sid)));
    }
    let effect = match statement.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    members.push(("Effect", Printed::Text(effect)));
    if let Some(element) = &statement.principals {
        members.push((element.name(), principals(element)));
    }
    let actions = statement
        .actions
        .values
        .iter()
        .map(|action| Printed::Text(action.text()))
        .collect();
    members.push((
        if statement.actions.negated {
            "NotAction"
        } else {
            "Action"
        },
        Printed::one_or_many(actions),
    ));
    if let Some(element) = &statement.resources {
        let resources = element
            .values
            .iter()
            .map(|resource| Printed::Text(resource.text()))
            .collect();
        members.push((
            if element.negated { "NotResource" } else { "Resource" },
            Printed::one_or_many(resources),
        ));
    }
    if !statement.conditions.is_empty() {
        members.push(("Condition", conditions(&statement.conditions, operators)));
    }
    Printed::Object(members)
}

fn principals(element: &PrincipalElement) -> Printed<'_> {
    let mut members: Vec<(&str, Vec<Printed<'_>>)> = Vec::new();
    for entry in &element.entries {
        if entry.kind == EntryKind::Bare {
            return Printed::Text(&entry.text);
        }
        match members.iter_mut().find(|(key, _)| *key == entry.kind.key()) {
            Some((_, values)) => values.push(Printed::Text(&entry.text)),
            None => members.push((entry.kind.key(), vec![Printed::Text(&entry.text)])),
        }
    }
    Printed::Object(
        members
            .into_iter()
            .map(|(key, values)| (key, Printed::one_or_many(values)))
            .collect(),
    )
}

/// Conditions of one operator stand together, as they came.
fn conditions<'a>(conditions: &'a [Condition], operators: &'a [String]) -> Printed<'a> {
    let mut blocks: Vec<(&str, Vec<(&str, Printed<'_>)>)> = Vec::new();
    for (condition, operator) in conditions.iter().zip(operators) {
        let values = Printed::one_or_many(condition.values().map(Printed::Text).collect());
        match blocks.iter_mut().find(|(known, _)| known == operator) {
            Some((_, keys)) => keys.push((condition.key(), values)),
            None => blocks.push((operator, vec![(condition.key(), values)])),
        }
    }
    Printed::Object(
        blocks
            .into_iter()
            .map(|(operator, keys)| (operator, Printed::Object(keys)))
            .collect(),
    )
}

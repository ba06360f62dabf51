use crate::policy::Effect;
use crate::reason::{
    ConditionReason, Decision, Denial, ElementReason, Evaluation, NearMiss, StatementReason, near_miss,
};
use crate::request::Request;
use crate::truth::Truth;

pub(super) fn write(evaluation: &Evaluation, request: &Request) -> String {
    let verb = match evaluation.decision() {
        Decision::Allowed => "may",
        Decision::ExplicitlyDenied | Decision::ImplicitlyDenied => "may not",
    };
    let mut sentences = vec![format!(
        "{} {verb} {} on {}.",
        request.principal,
        request.action,
        request.target()
    )];
    match evaluation.denial() {
        None => sentences.extend(deciding(evaluation, Effect::Allow, Truth::Matched)),
        Some(Denial::Explicit(_)) => sentences.extend(deciding(evaluation, Effect::Deny, Truth::Matched)),
        Some(Denial::Possible(_)) => sentences.extend(deciding(evaluation, Effect::Deny, Truth::NotKnown)),
        Some(Denial::RootUser) => sentences.push("The root user of an account can assume no role.".to_owned()),
        Some(Denial::NoAllow(_)) => {
            for (index, kind) in evaluation.lacking().iter().enumerate() {
                let either = if index > 0 { " either" } else { "" };
                let mut layers = evaluation.layers().iter().filter(|layer| layer.kind == *kind);
                let none = if layers.all(|layer| layer.policies.is_empty()) {
                    ": there is none"
                } else {
                    ""
                };
                sentences.push(format!("No {kind} allows it{either}{none}."));
                sentences.extend(near_miss::find(evaluation, *kind).map(|near_miss| lacks(&near_miss)));
            }
        }
    }
    let open = evaluation.open_keys();
    if !open.is_empty() {
        sentences.push(format!("Not known, and possibly decisive: {}.", open.join(", ")));
    }
    sentences.join(" ")
}

/// The first statement of each kind of policy that has this effect.
fn deciding(evaluation: &Evaluation, effect: Effect, truth: Truth) -> Vec<String> {
    let verb = match (effect, truth) {
        (Effect::Allow, _) => "allows it",
        (Effect::Deny, Truth::NotKnown) => "may deny it",
        (Effect::Deny, _) => "denies it",
    };
    let mut sentences = Vec::new();
    for layer in evaluation.layers() {
        let statements = layer
            .policies
            .iter()
            .flat_map(|policy| policy.statements.iter().map(move |s| (policy, s)));
        let found = statements
            .into_iter()
            .find(|(_, s)| s.effect == effect && s.truth == truth);
        if let Some((policy, statement)) = found {
            let place = place(statement);
            sentences.push(format!("The {} {} {verb} by {place}.", layer.kind, policy.name));
        }
    }
    sentences
}

fn lacks(near_miss: &NearMiss<'_>) -> String {
    let elements = near_miss.elements.iter().map(|element| of_element(element));
    let conditions = near_miss.conditions.iter().map(|condition| of_condition(condition));
    let lacking: Vec<String> = elements.chain(conditions).collect();
    let policy = near_miss.policy;
    // A policy without a name of its own is called by what it belongs to, and is told by its kind.
    let policy = if policy.starts_with("of ") {
        format!("the {} {policy}", near_miss.kind)
    } else {
        policy.to_owned()
    };
    format!(
        "Nearest comes {} of {policy}, but {}.",
        place(near_miss.statement),
        lacking.join(", and ")
    )
}

fn place(statement: &StatementReason) -> String {
    match &statement.sid {
        Some(sid) => format!("the statement {sid} at {}", statement.at),
        None => format!("the statement at {}", statement.at),
    }
}

fn of_element(element: &ElementReason) -> String {
    let ElementReason {
        name,
        at,
        wanted,
        found,
        ..
    } = element;
    if wanted.is_empty() {
        return format!("it has no {name}");
    }
    format!(
        "its {name} at {at} says {}, and the request has {found}",
        wanted.join(" or ")
    )
}

fn of_condition(condition: &ConditionReason) -> String {
    let ConditionReason {
        operator,
        key,
        at,
        wanted,
        found,
        truth,
        ..
    } = condition;
    let found = match found {
        Some(values) => values.join(", "),
        None if *truth == Truth::NotKnown => "an unknown value".to_owned(),
        None => "no such key".to_owned(),
    };
    format!(
        "{operator} on {key} at {at} wants {}, and the request has {found}",
        wanted.join(" or ")
    )
}

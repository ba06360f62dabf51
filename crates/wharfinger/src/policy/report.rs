use std::fmt::Write;

use console::{Style, style};
use iam::wire::Problem;
use iam::{ConditionReason, Decision, Effect, ElementReason, Evaluation, Position, Request, StatementReason, Truth};

use crate::pull::printable;

/// An evaluation for people: the decision, the paragraph, what comes nearest, and the tree. With colours where standard
/// output is a terminal.
pub(super) fn text(request: &Request, evaluation: &Evaluation) -> String {
    let mut text = String::new();
    let (word, colour) = match evaluation.decision() {
        Decision::Allowed => ("Allowed", Style::new().green().bold()),
        Decision::ExplicitlyDenied => ("Explicitly denied", Style::new().red().bold()),
        Decision::ImplicitlyDenied => ("Implicitly denied", Style::new().red().bold()),
    };
    line(&mut text, 0, &colour.apply_to(word).to_string());
    line(&mut text, 0, &printable(&evaluation.explanation(request)));
    if !evaluation.is_allowed() {
        line(
            &mut text,
            0,
            &style(printable(&evaluation.sentence(request))).dim().to_string(),
        );
    }
    for miss in evaluation.near_misses() {
        text.push('\n');
        let title = format!("Nearest, of the {}", miss.kind);
        line(&mut text, 0, &style(title).bold().to_string());
        line(&mut text, 1, &statement(miss.policy, miss.statement));
        miss.elements.iter().for_each(|reason| element(&mut text, reason));
        miss.conditions.iter().for_each(|reason| condition(&mut text, reason));
    }
    for layer in evaluation.layers() {
        text.push('\n');
        let level = layer.level.map(|level| format!(", level {level}")).unwrap_or_default();
        let title = format!("{}{level}: {}", layer.kind, says(layer.allow, layer.deny));
        line(&mut text, 0, &style(title).bold().to_string());
        for policy in &layer.policies {
            for reason in &policy.statements {
                line(&mut text, 1, &statement(&policy.name, reason));
                reason.elements.iter().for_each(|reason| element(&mut text, reason));
                reason.conditions.iter().for_each(|reason| condition(&mut text, reason));
            }
        }
    }
    text
}

/// What is wrong with a request, as compilers say it: `FILE:LINE:COLUMN: …`.
pub(super) fn problem(file: &str, problem: &Problem) -> String {
    let Position { line, column } = problem.position();
    let field = problem.field().map(|field| format!("{field}: ")).unwrap_or_default();
    printable(&format!("{file}:{line}:{column}: {field}{}", problem.message()))
}

fn says(allow: Truth, deny: Truth) -> &'static str {
    match (allow, deny) {
        (_, Truth::Matched) => "denies it",
        (_, Truth::NotKnown) => "may deny it",
        (Truth::Matched, _) => "allows it",
        (Truth::NotKnown, _) => "may allow it",
        (Truth::NotMatched, Truth::NotMatched) => "does not allow it",
    }
}

fn statement(policy: &str, reason: &StatementReason) -> String {
    let (effect, colour) = match reason.effect {
        Effect::Allow => ("Allow", Style::new().green()),
        Effect::Deny => ("Deny", Style::new().red()),
    };
    let colour = if reason.truth == Truth::Matched {
        colour
    } else {
        Style::new()
    };
    let name = match &reason.sid {
        Some(sid) => format!("{policy}, {sid}"),
        None => policy.to_owned(),
    };
    let effect = colour.apply_to(effect);
    format!(
        "{} {effect} {} ({})",
        mark(reason.truth),
        printable(&name),
        place(reason.at)
    )
}

fn element(text: &mut String, reason: &ElementReason) {
    let wanted = if reason.wanted.is_empty() {
        "none".to_owned()
    } else {
        reason.wanted.join(", ")
    };
    let found = (reason.truth != Truth::Matched).then_some(reason.found.as_str());
    detail(text, reason.truth, reason.name, reason.at, &wanted, found);
}

fn condition(text: &mut String, reason: &ConditionReason) {
    let found = match &reason.found {
        Some(values) => values.join(", "),
        None if reason.truth == Truth::NotKnown => "an unknown value".to_owned(),
        None => "no such key".to_owned(),
    };
    let name = format!("{} {}", reason.operator, reason.key);
    let found = (reason.truth != Truth::Matched).then_some(found.as_str());
    detail(text, reason.truth, &name, reason.at, &reason.wanted.join(", "), found);
}

fn detail(text: &mut String, truth: Truth, name: &str, at: Position, wanted: &str, found: Option<&str>) {
    let found = found
        .map(|found| format!("; the request has {found}"))
        .unwrap_or_default();
    let told = printable(&format!("{name} ({}): {wanted}{found}", place(at)));
    line(text, 3, &format!("{} {told}", mark(truth)));
}

fn mark(truth: Truth) -> String {
    match truth {
        Truth::Matched => style("✓").green().to_string(),
        Truth::NotMatched => style("✗").red().to_string(),
        Truth::NotKnown => style("?").yellow().to_string(),
    }
}

fn place(at: Position) -> String {
    format!("{}:{}", at.line, at.column)
}

fn line(text: &mut String, depth: usize, told: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}{told}", "  ".repeat(depth));
}

//! Logins and pulls.

use crate::catalog::{Service, Target, wildcard_matches};
use crate::lint::document::{Document, Statement, Text};
use crate::lint::{Finding, Rule};
use crate::policy::Kind;

pub(super) fn check(document: &Document<'_>, found: &mut Vec<Finding>) {
    for statement in &document.statements {
        login(document, statement, found);
        for resource in &statement.resources {
            below(statement, resource, found);
        }
    }
    half(document, found);
}

fn login(document: &Document<'_>, statement: &Statement<'_>, found: &mut Vec<Finding>) {
    let Some(login) = statement
        .actions
        .iter()
        .find(|action| action.text.eq_ignore_ascii_case(LOGIN))
    else {
        return;
    };
    let mut say = |rule, what: &str, fix: String| found.push(Finding::new(rule, login.node.at, what, fix));
    if document.kind == Kind::Resource {
        return say(
            Rule::LoginInRepositoryPolicy,
            "the policy of a repository grants a login",
            format!("Take it out, and give the caller, in its own account: {OWN_STATEMENT}"),
        );
    }
    if document.kind != Kind::Identity || !statement.allows || statement.resources.is_empty() {
        return;
    }
    if statement.resources.iter().all(|resource| resource.text != "*") {
        return say(
            Rule::LoginOnNarrowedResource,
            "the login stands in a statement whose `Resource` is narrowed",
            format!("Give it a statement of its own: {OWN_STATEMENT}"),
        );
    }
    if statement
        .actions
        .iter()
        .any(|action| is_done_to_repositories(action.text))
    {
        say(
            Rule::LoginBesideRepositories,
            "one statement allows the login and actions on repositories",
            format!("Give it a statement of its own: {OWN_STATEMENT}"),
        );
    }
}

fn is_done_to_repositories(action: &str) -> bool {
    let known = action.split_once(':').and_then(|(prefix, name)| {
        let service = Service::of(prefix)?;
        service.action(name)
    });
    known.is_some_and(|action| action.target == Target::Repository)
}

/// `repository/x/*` without `repository/x`.
fn below(statement: &Statement<'_>, resource: &Text<'_>, found: &mut Vec<Finding>) {
    let Some(base) = resource.text.strip_suffix("/*") else {
        return;
    };
    let Some((_, name)) = base.split_once(":repository/") else {
        return;
    };
    if name.contains(['*', '?', '$']) {
        return;
    }
    let mut others = statement.resources.iter().map(|other| other.text);
    let matches = |other: &str| {
        // Most differ before their first wildcard, and then need not be laid against each other.
        let fixed = other.split(['*', '?']).next().unwrap_or_default();
        base.starts_with(fixed) && wildcard_matches(other.as_bytes(), base.as_bytes())
    };
    if others.any(matches) {
        return;
    }
    found.push(Finding::new(
        Rule::MissesTheRepositoryItself,
        resource.node.at,
        format!("`repository/{name}/*` does not match the repository `{name}`"),
        format!("If `{name}` is a repository, name it too: `{base}`."),
    ));
}

fn half(document: &Document<'_>, found: &mut Vec<Finding>) {
    if !matches!(document.kind, Kind::Identity | Kind::Resource) {
        return;
    }
    let allows = |action: &str| {
        document
            .allowing()
            .any(|statement| statement.has_action(action) || statement.negated.iter().any(|n| n.key == "NotAction"))
    };
    let lacking = match (allows(MANIFEST), allows(LAYERS)) {
        (true, false) => LAYERS,
        (false, true) => MANIFEST,
        _ => return,
    };
    let there = if lacking == LAYERS { MANIFEST } else { LAYERS };
    let place = document
        .allowing()
        .find(|statement| statement.has_action(there))
        .map(|statement| statement.node.at);
    found.extend(place.map(|at| {
        Finding::new(
            Rule::HalfOfAPull,
            at,
            format!("{there} is allowed and {lacking} is not"),
            format!("Add `{lacking}` to the statement, or allow it in another policy."),
        )
    }));
}

const LOGIN: &str = "ecr:GetAuthorizationToken";
const MANIFEST: &str = "ecr:BatchGetImage";
const LAYERS: &str = "ecr:GetDownloadUrlForLayer";
const OWN_STATEMENT: &str = r#"{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}"#;

//! Which actions a statement names.

use crate::catalog::{self, Service, Target};
use crate::lint::document::{Document, Statement, Text};
use crate::lint::{Finding, Rule};
use crate::policy::Kind;

pub(super) fn check(document: &Document<'_>, found: &mut Vec<Finding>) {
    for statement in &document.statements {
        for action in &statement.actions {
            unknown(action, found);
        }
        if statement.allows {
            broad(document, statement, found);
            without_resource(document, statement, found);
        }
    }
}

fn unknown(action: &Text<'_>, found: &mut Vec<Finding>) {
    let Some((prefix, name)) = action.text.split_once(':') else {
        return;
    };
    let mut say = |what: String, fix: String| {
        found.push(Finding::new(Rule::UnknownAction, action.node.at, what, fix));
    };
    let Some(service) = Service::of(prefix) else {
        // Another service has an action of this name, so the prefix is what is wrong.
        let meant = catalog::nearest_service(prefix).filter(|near| {
            near.len() == prefix.len() && Service::of(near).is_some_and(|service| service.action(name).is_some())
        });
        if let Some(meant) = meant {
            say(
                format!("`{}` is no action of ECR or STS", action.text),
                format!("Did you mean `{meant}:{name}`?"),
            );
        }
        return;
    };
    if name.contains(['*', '?']) {
        if service.matching(name).next().is_none() {
            say(
                format!("`{}` matches no action", action.text),
                format!(
                    "See the actions of {} in the Service Authorization Reference.",
                    service.prefix
                ),
            );
        }
    } else if service.action(name).is_none() {
        let fix = match service.nearest(name) {
            Some(meant) => format!("Did you mean `{}:{meant}`?", service.prefix),
            None => format!(
                "See the actions of {} in the Service Authorization Reference.",
                service.prefix
            ),
        };
        say(format!("`{}` is not a known action", action.text), fix);
    }
}

fn broad(document: &Document<'_>, statement: &Statement<'_>, found: &mut Vec<Finding>) {
    let anywhere = statement.resources.iter().any(|resource| resource.text == "*");
    if anywhere && statement.has_action("sts:AssumeRole") {
        let named = statement
            .actions
            .iter()
            .find(|action| action.text.to_ascii_lowercase().starts_with("sts:"));
        found.extend(named.map(|action| {
            Finding::new(
                Rule::AssumesAnyRole,
                action.node.at,
                format!("`{}` is allowed on `*`", action.text),
                "Name the roles in `Resource`: `arn:aws:iam::ACCOUNT:role/NAME`.",
            )
        }));
    }
    let is_limit = matches!(
        document.kind,
        Kind::Boundary | Kind::ServiceControl | Kind::ResourceControl | Kind::Session
    );
    for action in statement.actions.iter().filter(|_| !is_limit) {
        if matches!(action.text.to_ascii_lowercase().as_str(), "*" | "ecr:*" | "sts:*") {
            found.push(Finding::new(
                Rule::BroadActions,
                action.node.at,
                format!("`{}` allows everything{}", action.text, of_service(action.text)),
                "Name the actions that are needed; a pull needs ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
            ));
        }
    }
}

fn of_service(action: &str) -> &'static str {
    match action.split(':').next() {
        Some("*") => "",
        Some(service) if service.eq_ignore_ascii_case("ecr") => " that ECR can do, deleting included",
        _ => " that STS can do",
    }
}

/// The login has a rule of its own.
fn without_resource(document: &Document<'_>, statement: &Statement<'_>, found: &mut Vec<Finding>) {
    let narrowed = !statement.resources.is_empty() && statement.resources.iter().all(|resource| resource.text != "*");
    if document.kind != Kind::Identity || !narrowed {
        return;
    }
    for action in &statement.actions {
        let known = action.text.split_once(':').and_then(|(prefix, name)| {
            let service = Service::of(prefix)?;
            service.action(name)
        });
        if known.is_some_and(|known| known.target == Target::Nothing && known.name != "GetAuthorizationToken") {
            found.push(Finding::new(
                Rule::ActionWithoutResource,
                action.node.at,
                format!("`{}` stands in a statement whose `Resource` is narrowed", action.text),
                "Give it a statement of its own with `\"Resource\": \"*\"`.",
            ));
        }
    }
}

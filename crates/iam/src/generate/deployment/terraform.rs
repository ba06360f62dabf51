use std::fmt::Write;

use crate::generate::document::Document;
use crate::json::Printed;

use super::{Holder, POLICY_NAME, Step};

/// The name that every resource has in the configuration; there is one of each type.
const LABEL: &str = "wharfinger";

/// All steps as resources, each waiting for the one before it.
pub(super) fn configuration(steps: &[Step]) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut before = None;
    for step in steps {
        let kind = kind(step);
        let mut arguments = arguments(step);
        if let Some(before) = before {
            arguments.push(("depends_on", format!("[{before}.{LABEL}]")));
        }
        blocks.push(block(kind, arguments));
        before = Some(kind);
        if let Step::Role {
            permissions: Some(permissions),
            ..
        } = step
        {
            blocks.push(block(
                "aws_iam_role_policy",
                vec![
                    ("name", quoted(POLICY_NAME)),
                    ("role", format!("{kind}.{LABEL}.name")),
                    ("policy", encoded(permissions)),
                ],
            ));
        }
    }
    blocks.join("\n")
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Provider { .. } => "aws_iam_openid_connect_provider",
        Step::Role { .. } => "aws_iam_role",
        Step::Permissions { holder, .. } => match holder {
            Holder::Role(_) => "aws_iam_role_policy",
            Holder::User(_) => "aws_iam_user_policy",
        },
        Step::RepositoryPolicy { .. } => "aws_ecr_repository_policy",
    }
}

fn arguments(step: &Step) -> Vec<(&'static str, String)> {
    match step {
        Step::Provider {
            issuer,
            audience,
            thumbprints,
        } => {
            let mut arguments = vec![
                ("url", quoted(issuer)),
                ("client_id_list", format!("[{}]", quoted(audience))),
            ];
            if !thumbprints.is_empty() {
                let thumbprints: Vec<String> = thumbprints.iter().map(|thumbprint| quoted(thumbprint)).collect();
                arguments.push(("thumbprint_list", format!("[{}]", thumbprints.join(", "))));
            }
            arguments
        }
        Step::Role { name, trust, .. } => vec![("name", quoted(name.as_str())), ("assume_role_policy", encoded(trust))],
        Step::Permissions { holder, document } => {
            let key = match holder {
                Holder::Role(_) => "role",
                Holder::User(_) => "user",
            };
            vec![
                ("name", quoted(POLICY_NAME)),
                (key, quoted(holder.name().as_str())),
                ("policy", encoded(document)),
            ]
        }
        Step::RepositoryPolicy { repository, document } => {
            vec![("repository", quoted(repository.name())), ("policy", encoded(document))]
        }
    }
}

fn block(kind: &str, arguments: Vec<(&'static str, String)>) -> String {
    let mut text = format!("resource \"{kind}\" \"{LABEL}\" {{\n");
    let arguments: Vec<_> = arguments
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    aligned(&mut text, &arguments, 1);
    text.push_str("}\n");
    text
}

fn encoded(document: &Document) -> String {
    let mut text = "jsonencode(".to_owned();
    write(&mut text, &document.printed(), 1);
    text.push(')');
    text
}

/// A value as HCL, its further lines indented.
fn write(text: &mut String, value: &Printed<'_>, depth: usize) {
    let indent = |depth: usize| "  ".repeat(depth);
    match value {
        Printed::Bare(value) => text.push_str(value),
        // Writing to a String cannot fail.
        Printed::Number(number) => drop(write!(text, "{number}")),
        Printed::Text(value) => text.push_str(&quoted(value)),
        Printed::List(items) => {
            text.push_str("[\n");
            for item in items {
                text.push_str(&indent(depth + 1));
                write(text, item, depth + 1);
                text.push_str(",\n");
            }
            let _ = write!(text, "{}]", indent(depth));
        }
        Printed::Object(members) => {
            let values = members.iter().map(|(key, value)| {
                let mut text = String::new();
                write(&mut text, value, depth + 1);
                (key_of(key), text)
            });
            text.push_str("{\n");
            aligned(text, &values.collect::<Vec<_>>(), depth + 1);
            let _ = write!(text, "{}}}", indent(depth));
        }
    }
}

/// Lines of `name = value` in the form of `terraform fmt`, which aligns those that follow each other and are of one
/// line each.
fn aligned(text: &mut String, lines: &[(String, String)], depth: usize) {
    let is_one_line = |text: &str| !text.contains('\n');
    for run in lines.chunk_by(|(_, value), (_, next)| is_one_line(value) && is_one_line(next)) {
        let width = run.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in run {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}{name:<width$} = {value}", "  ".repeat(depth));
        }
    }
}

fn key_of(key: &str) -> String {
    if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic()) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// A quoted text of HCL that stands for itself: `${` and `%{` would begin a template.
///
/// They could be doubled, but not where a further one stands before them: so they are always written by their number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for sign in text.chars() {
        match sign {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            sign if sign == '$' || sign == '%' || sign.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(sign));
            }
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

use std::fmt::Write;

use crate::generate::document::Document;
use crate::json::Printed;

use super::{Holder, POLICY_NAME, Step};

/// The commands, each only after those before it: what is pasted into a shell that does not stop at errors does not go
/// on after one.
pub(super) fn script(steps: &[Step]) -> String {
    let commands: Vec<String> = steps.iter().flat_map(commands).collect();
    format!("{}\n", commands.join(" &&\n"))
}

fn commands(step: &Step) -> Vec<String> {
    match step {
        Step::Provider {
            issuer,
            audience,
            thumbprints,
        } => {
            let mut options = vec![("--url", quoted(issuer)), ("--client-id-list", list(&[audience]))];
            if !thumbprints.is_empty() {
                let thumbprints: Vec<&str> = thumbprints.iter().map(String::as_str).collect();
                options.push(("--thumbprint-list", list(&thumbprints)));
            }
            vec![command("iam create-open-id-connect-provider", &options)]
        }
        Step::Role {
            name,
            trust,
            permissions,
        } => {
            let role = ("--role-name", quoted(name.as_str()));
            let trust = ("--assume-role-policy-document", document(trust));
            let mut commands = vec![command("iam create-role", &[role.clone(), trust])];
            commands.extend(
                permissions
                    .iter()
                    .map(|permissions| put("iam put-role-policy", role.clone(), permissions)),
            );
            commands
        }
        Step::Permissions { holder, document } => vec![match holder {
            Holder::Role(name) => put("iam put-role-policy", ("--role-name", quoted(name.as_str())), document),
            Holder::User(name) => put("iam put-user-policy", ("--user-name", quoted(name.as_str())), document),
        }],
        Step::RepositoryPolicy {
            repository,
            document: policy,
        } => vec![command(
            "ecr set-repository-policy",
            &[
                ("--registry-id", quoted(repository.account().as_str())),
                ("--region", quoted(repository.region())),
                ("--repository-name", quoted(repository.name())),
                ("--policy-text", document(policy)),
            ],
        )],
    }
}

fn put(verb: &str, holder: (&str, String), policy: &Document) -> String {
    let name = ("--policy-name", quoted(POLICY_NAME));
    command(verb, &[holder, name, ("--policy-document", document(policy))])
}

fn command(verb: &str, options: &[(&str, String)]) -> String {
    let mut text = format!("aws {verb}");
    for (name, value) in options {
        // Writing to a String cannot fail.
        let _ = write!(text, " \\\n  {name} {value}");
    }
    text
}

fn document(document: &Document) -> String {
    quoted(&document.to_string())
}

/// As JSON, because the AWS command line takes a bare value that looks like a URL or like `file://…` for the place of
/// the value.
fn list(values: &[&str]) -> String {
    let values = values.iter().map(|value| Printed::Text(value)).collect();
    quoted(&format!("{:#}", Printed::List(values)))
}

/// A word for a POSIX shell that stands for itself, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Failed, Which, rules::Json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a rule, or a list of rules, by which calls go wrong
    #[command(
        display_name = "wharfinger",
        after_help = "\
Examples:
  wharfinger sim fault add '{\"id\": \"sts-down\", \"when\": {\"service\": \"sts\"}, \"what\": \"unreachable\"}'
  wharfinger sim fault add '{\"id\": \"login\", \"when\": {\"action\": \"ecr:GetAuthorizationToken\"},
      \"what\": {\"throttle\": {\"perSecond\": 1, \"burst\": 2}}}'
  wharfinger sim fault add @rules.json

The table of what a rule can say is in crates/sim/README.md, \"Trouble on demand\"."
    )]
    Add {
        /// The rule, or a JSON list of rules: written here, in @FILE, or on standard input (-)
        rule: Json,
        #[command(flatten)]
        which: Which,
    },
    /// Show the rules, and how many calls each has struck
    #[command(display_name = "wharfinger")]
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        which: Which,
    },
    /// Remove a rule
    #[command(display_name = "wharfinger")]
    Remove {
        /// The rule's id
        id: String,
        #[command(flatten)]
        which: Which,
    },
    /// Remove all rules
    #[command(display_name = "wharfinger")]
    Clear {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line a rule
    #[default]
    Text,
    /// `{"seed": …, "faults": […]}`
    Json,
}

#[derive(Deserialize)]
struct Faults {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    fault: Value,
    matched: u64,
    struck: u64,
    spent: bool,
}

pub(super) async fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Add { rule, which } => {
            let rule = rule.read()?;
            which.control.send(Method::POST, "/faults", Some(rule)).await?;
            Ok(())
        }
        Command::List { format, which } => list(&which.control.show("/faults").await?, format),
        Command::Remove { id, which } => {
            // What is no id is none of a rule's; it must not become another path either.
            let is_id = id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if !is_id {
                return Err(Failed::Input(format!("there is no fault `{id}`")));
            }
            which
                .control
                .send(Method::DELETE, &format!("/faults/{id}"), None)
                .await?;
            Ok(())
        }
        Command::Clear { which } => {
            which.control.send(Method::DELETE, "/faults", None).await?;
            Ok(())
        }
    }
}

fn list(faults: &Value, format: Format) -> Result<(), Failed> {
    let text = match format {
        Format::Json => format!("{faults}\n"),
        Format::Text => lines(faults).map_err(|error| Failed::Running(error.to_string()))?,
    };
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failed::output(&error))
}

fn lines(faults: &Value) -> serde_json::Result<String> {
    let Faults { faults } = Faults::deserialize(faults)?;
    let line = |fault: Fault| {
        let spent = if fault.spent { ", spent" } else { "" };
        let Fault {
            fault, matched, struck, ..
        } = fault;
        format!("{struck} of {matched} calls struck{spent}  {fault}\n")
    };
    Ok(faults.into_iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_is_a_line() {
        let faults = json!({"seed": 0, "faults": [
            {"fault": {"id": "a", "what": "hang"}, "matched": 7, "struck": 3, "spent": true},
        ]});
        let line = "3 of 7 calls struck, spent  {\"id\":\"a\",\"what\":\"hang\"}\n";
        assert_eq!(lines(&faults).unwrap(), line);
    }
}

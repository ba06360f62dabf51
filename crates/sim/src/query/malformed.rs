use iam::{Kind, ParseError};
use serde_json::Value;

use super::Fault;

/// What there is no better sentence for.
pub(crate) const SYNTAX_ERRORS: &str = "Syntax errors in policy.";

/// AWS's words for a policy that cannot be stored. They say little; what is wrong, and where, goes to the log.
pub(crate) fn malformed_policy(text: &str, kind: Kind, error: &ParseError) -> Fault {
    tracing::debug!(%error, %kind, "a policy document was refused");
    let message = match serde_json::from_str::<Value>(text) {
        Err(_) if kind == Kind::Identity => SYNTAX_ERRORS,
        Err(_) => "This policy contains invalid Json",
        Ok(document) => message(&document, kind),
    };
    Fault::bad_request("MalformedPolicyDocument", message)
}

fn message(document: &Value, kind: Kind) -> &'static str {
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        statement => vec![statement],
    };
    let any = |found: fn(&Value) -> bool| statements.iter().any(|statement| found(statement));
    let names_principal = |statement: &Value| has_either(statement, "Principal", "NotPrincipal");
    let names_resource = |statement: &Value| has_either(statement, "Resource", "NotResource");
    match kind {
        Kind::Trust if any(names_resource) => "Has prohibited field Resource",
        Kind::Trust if any(|statement| !has_either(statement, "Principal", "NotPrincipal")) => {
            "Missing required field Principal"
        }
        Kind::Identity | Kind::Session if any(names_principal) => "Policy document should not specify a principal.",
        Kind::Identity | Kind::Session if any(|statement| !has_either(statement, "Resource", "NotResource")) => {
            "Policy statement must contain resources."
        }
        _ if any(|statement| !has_either(statement, "Action", "NotAction")) => "Missing required field Action",
        _ => SYNTAX_ERRORS,
    }
}

fn has_either(statement: &Value, name: &str, other: &str) -> bool {
    statement.get(name).is_some() || statement.get(other).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Document;

    fn refusal(text: &str, kind: Kind) -> String {
        let error = Document::read(text, kind).unwrap_err();
        let fault = malformed_policy(text, kind, &error);
        assert_eq!(fault.code, "MalformedPolicyDocument");
        fault.message
    }

    fn statement(members: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow"{members}}}]}}"#)
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let principal = r#","Principal":"*""#;
        let action = r#","Action":"sts:AssumeRole""#;
        let resource = r#","Resource":"*""#;
        let cases = [
            ("{".to_owned(), Kind::Trust, "This policy contains invalid Json"),
            ("{".to_owned(), Kind::Identity, "Syntax errors in policy."),
            (
                statement(&format!("{principal}{action}{resource}")),
                Kind::Trust,
                "Has prohibited field Resource",
            ),
            (statement(action), Kind::Trust, "Missing required field Principal"),
            (
                statement(&format!("{principal}{action}{resource}")),
                Kind::Identity,
                "Policy document should not specify a principal.",
            ),
            (
                statement(action),
                Kind::Identity,
                "Policy statement must contain resources.",
            ),
            (statement(resource), Kind::Identity, "Missing required field Action"),
            (
                statement(&format!("{action}{resource},\"Colour\":\"red\"")),
                Kind::Identity,
                "Syntax errors in policy.",
            ),
        ];
        for (text, kind, message) in cases {
            assert_eq!(refusal(&text, kind), message, "{text}");
        }
    }
}

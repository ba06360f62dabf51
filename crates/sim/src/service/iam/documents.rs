//! Policy documents on their way in and out.

use ::iam::Kind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{document_rules::broken_rule, fault::quota};
use crate::{
    principal,
    query::{Fault, Pattern, SYNTAX_ERRORS, Validation, malformed_policy},
    world::Document,
};

/// The longest trust policy, white space apart.
const MAX_TRUST: usize = 2048;
/// The longest managed policy, white space apart.
const MAX_MANAGED: usize = 6144;

/// RFC 3986: documents come back percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A document that must be there, as far as the model constrains it.
pub(super) fn required<'p>(check: &mut Validation<'p>, parameter: &str) -> &'p str {
    check.required(parameter, 1..=131_072, Pattern::DOCUMENT)
}

/// A policy of a user or a role.
pub(super) fn inline_policy(text: &str) -> Result<Document, Fault> {
    read(text, Kind::Identity)
}

/// A managed policy. Unlike others these must name the newer version of the language.
pub(super) fn managed_policy(text: &str) -> Result<Document, Fault> {
    let document = read(text, Kind::Identity)?;
    if !is_current(text) {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    if size(text) > MAX_MANAGED {
        return Err(quota("PolicySize", MAX_MANAGED));
    }
    Ok(document)
}

/// A role's trust policy.
pub(super) fn trust_policy(text: &str) -> Result<Document, Fault> {
    let trust = read(text, Kind::Trust)?;
    if principal::no_provider(text).is_some() {
        return Err(malformed(
            "Federated principals must be valid domain names or SAML metadata ARNs",
        ));
    }
    if let Some(nobody) = principal::impossible(text).or_else(|| principal::no_service(text)) {
        return Err(malformed(format!("Invalid principal in policy: {nobody}")));
    }
    if size(text) > MAX_TRUST {
        return Err(quota("ACLSizePerRole", MAX_TRUST));
    }
    Ok(trust)
}

/// A document as it comes back.
pub(super) fn encoded(document: &Document) -> String {
    utf8_percent_encode(&document.text, UNRESERVED).to_string()
}

/// The characters of a document that count against quotas.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A document without a version is of the older one.
fn is_current(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|document| document["Version"] == "2012-10-17")
}

fn read(text: &str, kind: Kind) -> Result<Document, Fault> {
    let read = Document::read(text, kind).map_err(|error| malformed_policy(text, kind, &error));
    match read {
        // A member that is missing goes first. What the grammar can only call an error of syntax may have a sentence of
        // its own: an action without a vendor is no action to the grammar.
        Err(fault) if fault.message != SYNTAX_ERRORS => Err(fault),
        read => broken_rule(text, kind).map_or(read, |sentence| Err(malformed(sentence))),
    }
}

fn malformed(sentence: impl Into<String>) -> Fault {
    Fault::bad_request("MalformedPolicyDocument", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(size("{ \"a\":\n\t1 }"), 7);
    }

    #[test]
    fn a_managed_policy_names_the_newer_version() {
        let text = |version: &str| {
            format!(r#"{{{version}"Statement": {{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}}}"#)
        };
        assert!(managed_policy(&text(r#""Version": "2012-10-17","#)).is_ok());
        for version in ["", r#""Version": "2008-10-17","#] {
            let fault = managed_policy(&text(version)).unwrap_err();
            assert_eq!(fault.message, "Policy document must be version 2012-10-17 or greater.");
            assert!(inline_policy(&text(version)).is_ok());
        }
    }
}

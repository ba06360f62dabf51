//! Whom a policy lets in.

use crate::lint::document::{Document, Statement, Text};
use crate::lint::{Finding, Known, Rule};
use crate::policy::Kind;
use crate::{AccountId, Arn};

pub(super) fn check(document: &Document<'_>, known: &Known, found: &mut Vec<Finding>) {
    for statement in document.allowing() {
        match document.kind {
            Kind::Trust => {
                disagreeing(statement, found);
                everyone(statement, found);
                foreign(document, statement, found);
            }
            Kind::Resource => everyone(statement, found),
            _ => {}
        }
    }
    if document.kind == Kind::Trust && document.is_of_role && known.uses_web_identity {
        service_only(document, found);
    }
}

fn disagreeing(statement: &Statement<'_>, found: &mut Vec<Finding>) {
    let has = |kind: &str| statement.principals_of(kind).next().is_some();
    let of_oidc = |text: &Text<'_>| !text.text.contains(":saml-provider/");
    let oidc = statement.principals_of("Federated").any(|text| of_oidc(&text));
    let saml = statement.principals_of("Federated").any(|text| !of_oidc(&text));
    for action in &statement.actions {
        let (fits, wanted) = match action.text.to_ascii_lowercase().as_str() {
            "sts:assumerole" => (has("AWS") || has("Service") || has(""), "`AWS` or `Service`"),
            "sts:assumerolewithwebidentity" => (oidc, "`Federated` with an OIDC provider"),
            "sts:assumerolewithsaml" => (saml, "`Federated` with a SAML provider"),
            _ => continue,
        };
        if !fits && !statement.principals.is_empty() {
            found.push(Finding::new(
                Rule::ActionAndPrincipalDisagree,
                action.node.at,
                format!("no principal of this statement can do {}", action.text),
                format!("The action takes {wanted} as its principal."),
            ));
        }
    }
}

fn everyone(statement: &Statement<'_>, found: &mut Vec<Finding>) {
    let narrows = |key: &str| NARROWING.iter().any(|known| key.to_lowercase().starts_with(known));
    let narrowed = statement.conditions.iter().any(|condition| {
        narrows(&condition.key.key) && !condition.operator.of_missing_key() && condition.operator.base_name() != "Null"
    });
    for (kind, text) in &statement.principals {
        if text.text == "*" && matches!(*kind, "" | "AWS") && !narrowed {
            found.push(Finding::new(
                Rule::OpenToEveryone,
                text.node.at,
                "the principal is `*`, and no condition says who",
                "Name the principals, or add a condition on aws:PrincipalOrgID or aws:PrincipalArn.",
            ));
        }
    }
}

/// Principals of `AWS` that may assume the role from elsewhere.
fn foreign(document: &Document<'_>, statement: &Statement<'_>, found: &mut Vec<Finding>) {
    if !statement.has_action("sts:AssumeRole") {
        return;
    }
    let on = |keys: &[&str]| {
        let mut conditions = statement.conditions.iter();
        conditions.any(|condition| {
            let key = condition.key.key.to_lowercase();
            keys.iter().any(|known| key.starts_with(known)) && !condition.operator.is_negated()
        })
    };
    let with_id = on(&["sts:externalid"]);
    let narrowed = with_id || on(&["aws:principalarn", "aws:principaltag/", "aws:userid"]);
    let of_organization = on(&["aws:principalorgid", "aws:principalorgpaths"]);
    for principal in statement.principals_of("AWS") {
        let Some((account, whole)) = account_of(&principal) else {
            continue;
        };
        let is_own = document.account == Some(account);
        if whole && !narrowed && !is_own {
            found.push(Finding::new(
                Rule::TrustsWholeAccount,
                principal.node.at,
                format!("everybody in account {account} may be let in"),
                "Name the role or the user, or add a condition on aws:PrincipalArn.",
            ));
        }
        if !is_own && !with_id && !of_organization {
            let unless = match document.account {
                Some(_) => String::new(),
                None => format!(" (unless the role is of account {account} itself)"),
            };
            found.push(Finding::new(
                Rule::AssumeRoleWithoutExternalId,
                principal.node.at,
                format!("account {account} may assume the role without an external id{unless}"),
                "Agree on an id that the other side keeps for you alone: \
                 \"Condition\": {\"StringEquals\": {\"sts:ExternalId\": \"ID\"}}.",
            ));
        }
    }
}

/// The account of a principal, and whether it stands for everybody in it.
fn account_of(principal: &Text<'_>) -> Option<(AccountId, bool)> {
    if let Ok(account) = principal.text.parse() {
        return Some((account, true));
    }
    let arn: Arn = principal.arn()?;
    Some((arn.account()?, arn.service() == "iam" && arn.resource() == "root"))
}

fn service_only(document: &Document<'_>, found: &mut Vec<Finding>) {
    let mut principals = document
        .allowing()
        .flat_map(|statement| &statement.principals)
        .peekable();
    let first = principals.peek().map(|(_, text)| (text.node.at, text.text));
    if let Some((at, service)) = first.filter(|_| principals.all(|(kind, _)| *kind == "Service")) {
        found.push(Finding::new(
            Rule::TrustsServiceOnly,
            at,
            format!("only {service} may assume this role"),
            "If tokens or another account should, replace the trust policy: `aws iam update-assume-role-policy`.",
        ));
    }
}

/// Conditions on these say who, in lower case.
const NARROWING: [&str; 10] = [
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltag/",
    "aws:userid",
    "aws:sourcevpce",
    "aws:sourcevpc",
    "aws:sourceaccount",
    "aws:sourcearn",
];

use crate::json::{Node, ParseError, Value};
use crate::{AccountId, Arn, Principal};

use super::fields::{shown, text};

const EXPECTED: &str =
    "expected: {\"AWS\": ARN or account}, {\"Service\": NAME}, {\"Federated\": PROVIDER} or \"anonymous\"";

/// Who asks: `{"AWS": …}`, `{"Service": …}`, `{"Federated": …}` or `"anonymous"`.
pub(super) fn read(node: &Node) -> Result<Principal, ParseError> {
    match &node.value {
        Value::String(text) if text == "anonymous" => Ok(Principal::Anonymous),
        Value::Object(members) => match members.as_slice() {
            [member] => match member.key.as_str() {
                "AWS" => aws(&member.node),
                "Service" => service(&member.node),
                "Federated" => federated(&member.node),
                other => Err(member
                    .at
                    .error(format!("`{}` is no kind of principal; {EXPECTED}", shown(other)))),
            },
            [] => Err(node.at.error(format!("the principal names nobody; {EXPECTED}"))),
            [_, second, ..] => Err(second
                .at
                .error(format!("a request has one principal of one kind; {EXPECTED}"))),
        },
        _ => Err(node.at.error(format!("the principal is {}; {EXPECTED}", article(node)))),
    }
}

fn article(node: &Node) -> String {
    match &node.value {
        Value::String(text) => format!("`{}`", shown(text)),
        _ => node.kind().to_owned(),
    }
}

/// A user, a role or its session, a federated user's session, the root user; the number alone is the root user.
fn aws(node: &Node) -> Result<Principal, ParseError> {
    let text = text(node, "the principal", Arn::MAX_BYTES)?;
    if let Ok(account) = text.parse::<AccountId>() {
        let root = format!("arn:aws:iam::{account}:root");
        return root
            .parse()
            .map(Principal::Aws)
            .map_err(|error| node.at.error(format!("{error}")));
    }
    let arn: Arn = text.parse().map_err(|error| node.at.error(format!("{error}")))?;
    let named = |service: &str, kind: &str| arn.resource_of(service, kind).is_some_and(|name| !name.is_empty());
    let is_principal = named("iam", "user")
        || named("iam", "role")
        || named("sts", "federated-user")
        || arn.resource_of("sts", "assumed-role").is_some_and(is_session)
        || (arn.service() == "iam" && arn.resource() == "root");
    if !is_principal {
        return Err(node.at.error(format!(
            "`{}` is {}; expected: the ARN of a user, a role, a role's session, a federated user's session or the root \
             user, or the number of an account",
            shown(text),
            arn.described()
        )));
    }
    if arn.account().is_none() {
        return Err(node.at.error(format!("`{}` names no account", shown(text))));
    }
    Ok(Principal::Aws(arn))
}

/// `ROLE/SESSION`; a path is no part of it.
fn is_session(name: &str) -> bool {
    matches!(name.split('/').collect::<Vec<_>>().as_slice(), [role, session] if !role.is_empty() && !session.is_empty())
}

fn service(node: &Node) -> Result<Principal, ParseError> {
    let name = text(node, "the service", 128)?;
    let is_host = |name: &str| {
        let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        name.contains('.') && name.split('.').all(label)
    };
    if !is_host(name) {
        return Err(node.at.error(format!(
            "`{}` is no service; expected: its name, for example ecs-tasks.amazonaws.com",
            shown(name)
        )));
    }
    Ok(Principal::Service(name.to_owned()))
}

/// The ARN of an identity provider, or the name of one that AWS knows by itself.
fn federated(node: &Node) -> Result<Principal, ParseError> {
    let provider = text(node, "the identity provider", Arn::MAX_BYTES)?;
    let expected = "expected: the ARN of an OIDC or SAML provider, or a name such as cognito-identity.amazonaws.com";
    if provider.starts_with("arn:") {
        let arn: Arn = provider.parse().map_err(|error| node.at.error(format!("{error}")))?;
        let named = |kind| arn.resource_of("iam", kind).is_some_and(|name| !name.is_empty());
        if !named("oidc-provider") && !named("saml-provider") {
            return Err(node
                .at
                .error(format!("`{}` is {}; {expected}", shown(provider), arn.described())));
        }
    } else if provider.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':' || c == '/') {
        return Err(node
            .at
            .error(format!("`{}` is no identity provider; {expected}", shown(provider))));
    }
    Ok(Principal::Federated(provider.to_owned()))
}

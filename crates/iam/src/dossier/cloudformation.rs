//! Templates of CloudFormation, in JSON ("Template anatomy" and "AWS resource and property types reference").

use crate::json::{Node, Value};
use crate::policy::Kind;

use super::form::{Form, role_named, text, texts, user_named};
use super::{Attachment, Holder, Paper, Provider, Sheet};

/// Reads a template; none if the file is no template.
///
/// A document with functions in it (`Ref`, `Fn::Sub`) is not known before it is deployed, and is left out.
pub(super) fn read(node: &Node, sheet: &mut Sheet) -> Option<Form> {
    let resources = node.member("Resources")?;
    let types = resources.members().iter().map(|member| text(&member.node, "Type"));
    if resources.members().is_empty()
        || !types
            .into_iter()
            .all(|kind| kind.is_some_and(|kind| kind.contains("::")))
    {
        return None;
    }
    let template = Template { resources };
    for member in resources.members() {
        if let (Some(kind), Some(properties)) = (text(&member.node, "Type"), member.node.member("Properties")) {
            template.resource(kind, &member.key, properties, sheet);
        }
    }
    Some(Form::Template)
}

struct Template<'a> {
    resources: &'a Node,
}

impl<'a> Template<'a> {
    fn resource(&self, kind: &str, id: &'a str, properties: &'a Node, sheet: &mut Sheet) {
        let named = |key: &str| self.name(properties.member(key)).unwrap_or(id);
        match kind {
            "AWS::IAM::Role" => self.principal(&role_named(named("RoleName")), properties, sheet),
            "AWS::IAM::User" => self.principal(&user_named(named("UserName")), properties, sheet),
            "AWS::IAM::RolePolicy" | "AWS::IAM::UserPolicy" => {
                let holder = match kind {
                    "AWS::IAM::RolePolicy" => role_named(named("RoleName")),
                    _ => user_named(named("UserName")),
                };
                paper(
                    holder,
                    Kind::Identity,
                    text(properties, "PolicyName"),
                    properties.member("PolicyDocument"),
                    sheet,
                );
            }
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
                let name = text(properties, "PolicyName").or_else(|| text(properties, "ManagedPolicyName"));
                let of = |key, held: fn(&str) -> Holder| {
                    let list = properties.member(key).map_or(&[][..], Node::one_or_many);
                    list.iter().filter_map(move |item| self.name(Some(item)).map(held))
                };
                for holder in of("Roles", role_named).chain(of("Users", user_named)) {
                    paper(holder, Kind::Identity, name, properties.member("PolicyDocument"), sheet);
                }
            }
            "AWS::ECR::Repository" => {
                let holder = Holder::Repository {
                    account: None,
                    name: named("RepositoryName").to_owned(),
                };
                paper(
                    holder,
                    Kind::Resource,
                    None,
                    properties.member("RepositoryPolicyText"),
                    sheet,
                );
            }
            "AWS::IAM::OIDCProvider" => sheet.providers.extend(text(properties, "Url").map(|url| Provider {
                account: None,
                host_and_path: url.strip_prefix("https://").unwrap_or(url).to_owned(),
                audiences: properties.member("ClientIdList").map(texts),
            })),
            _ => {}
        }
    }

    fn principal(&self, holder: &Holder, properties: &Node, sheet: &mut Sheet) {
        let trust = properties.member("AssumeRolePolicyDocument");
        paper(holder.clone(), Kind::Trust, None, trust, sheet);
        for policy in properties.member("Policies").map_or(&[][..], Node::items) {
            let name = text(policy, "PolicyName");
            paper(
                holder.clone(),
                Kind::Identity,
                name,
                policy.member("PolicyDocument"),
                sheet,
            );
        }
        let arns = properties.member("ManagedPolicyArns").map(texts).unwrap_or_default();
        sheet.attachments.extend(arns.into_iter().map(|policy_arn| Attachment {
            holder: holder.clone(),
            policy_arn,
            is_boundary: false,
        }));
    }

    /// A name, or the name of the resource that a `Ref` leads to; one that CloudFormation will choose is its id here.
    fn name(&self, node: Option<&'a Node>) -> Option<&'a str> {
        let node = node?;
        if let Some(name) = node.text() {
            return Some(name);
        }
        let id = text(node, "Ref")?;
        let properties = self.resources.member(id)?.member("Properties");
        let named = properties.and_then(|properties| {
            let keys = ["RoleName", "UserName", "RepositoryName"];
            keys.iter().find_map(|key| text(properties, key))
        });
        Some(named.unwrap_or(id))
    }
}

fn paper(holder: Holder, kind: Kind, name: Option<&str>, document: Option<&Node>, sheet: &mut Sheet) {
    let known = document.filter(|document| !has_function(document));
    sheet
        .papers
        .extend(known.and_then(|document| Paper::of(holder, kind, name, document)));
}

fn has_function(node: &Node) -> bool {
    match &node.value {
        Value::Object(members) => members
            .iter()
            .any(|member| member.key == "Ref" || member.key.starts_with("Fn::") || has_function(&member.node)),
        Value::Array(items) => items.iter().any(has_function),
        _ => false,
    }
}

//! What `terraform show -json` tells of a plan or a state, and `terraform plan -json` line by line.
//!
//! "JSON Output Format" and "Machine-Readable UI" of Terraform's documentation.

use crate::json::{self, Limits, Node};
use crate::policy::Kind;
use crate::{AccountId, OidcProviderArn};

use super::form::{Form, role_named, text, texts, user_named};
use super::{Attachment, Holder, Paper, Provider, Sheet};

/// Reads a plan or a state; none if the file is neither.
pub(super) fn read(node: &Node, sheet: &mut Sheet) -> Option<Form> {
    text(node, "format_version")?;
    let values = node.member("planned_values").or_else(|| node.member("values"))?;
    let root = values.member("root_module")?;
    let plan = Plan {
        resources: root.member("resources").map_or(&[][..], Node::items),
        configuration: node
            .member("configuration")
            .and_then(|configuration| configuration.member("root_module")?.member("resources"))
            .map_or(&[][..], Node::items),
    };
    module(root, &plan, sheet);
    Some(Form::Printed("terraform show -json"))
}

/// What the resources of the root module are called, for those values that are known only after they are made.
struct Plan<'a> {
    resources: &'a [Node],
    configuration: &'a [Node],
}

impl<'a> Plan<'a> {
    /// The name of the resource that an argument of `address` refers to: `aws_iam_role.puller` is called `puller`.
    fn referred(&self, address: &str, argument: &str) -> Option<&'a str> {
        let of =
            |list: &'_ [Node], address: &str| list.iter().position(|entry| text(entry, "address") == Some(address));
        let configured = &self.configuration[of(self.configuration, address)?];
        let references = configured
            .member("expressions")?
            .member(argument)?
            .member("references")?;
        references.items().iter().filter_map(Node::text).find_map(|reference| {
            let resource = &self.resources[of(self.resources, reference)?];
            text(resource.member("values")?, "name")
        })
    }
}

/// Reads the lines of `plan -json`, which are one object each. They say which resources change but not what their
/// documents will be, so what comes of it is a file that is known, and empty.
pub(super) fn messages(text: &str) -> Option<Sheet> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek()?;
    for line in lines {
        let node = json::read_within(line, Limits::FILE).ok()?;
        if node.member("@level").is_none() || node.member("type").is_none() {
            return None;
        }
    }
    Some(Sheet {
        file: String::new(),
        form: Form::Messages,
        papers: Vec::new(),
        providers: Vec::new(),
        attachments: Vec::new(),
        lists_providers: false,
    })
}

fn module(node: &Node, plan: &Plan<'_>, sheet: &mut Sheet) {
    for entry in node.member("resources").map_or(&[][..], Node::items) {
        if let (Some(kind), Some(values)) = (text(entry, "type"), entry.member("values")) {
            let address = text(entry, "address").unwrap_or_default();
            let named = |argument: &str| text(values, argument).or_else(|| plan.referred(address, argument));
            resource(kind, values, &named, sheet);
        }
    }
    for child in node.member("child_modules").map_or(&[][..], Node::items) {
        module(child, plan, sheet);
    }
}

/// `named`: the value of an argument that names another resource.
fn resource<'a>(kind: &str, values: &'a Node, named: &dyn Fn(&str) -> Option<&'a str>, sheet: &mut Sheet) {
    let mut paper = |holder, kind, name, document: Option<&Node>| {
        sheet
            .papers
            .extend(document.and_then(|document| Paper::of(holder, kind, name, document)));
    };
    let name = text(values, "name");
    match kind {
        "aws_iam_role" => {
            let Some(holder) = held(values, role_named) else { return };
            paper(holder.clone(), Kind::Trust, None, values.member("assume_role_policy"));
            for inline in values.member("inline_policy").map_or(&[][..], Node::items) {
                paper(
                    holder.clone(),
                    Kind::Identity,
                    text(inline, "name"),
                    inline.member("policy"),
                );
            }
            let managed = values.member("managed_policy_arns").map(texts).unwrap_or_default();
            let boundary = text(values, "permissions_boundary").map(str::to_owned);
            let attach = |is_boundary| {
                let holder = holder.clone();
                move |policy_arn| Attachment {
                    holder: holder.clone(),
                    policy_arn,
                    is_boundary,
                }
            };
            sheet.attachments.extend(managed.into_iter().map(attach(false)));
            sheet.attachments.extend(boundary.into_iter().map(attach(true)));
        }
        "aws_iam_role_policy" => {
            let Some(role) = named("role") else { return };
            paper(role_named(role), Kind::Identity, name, values.member("policy"));
        }
        "aws_iam_user_policy" => {
            let Some(user) = named("user") else { return };
            paper(user_named(user), Kind::Identity, name, values.member("policy"));
        }
        "aws_iam_policy" => {
            let Some(known_by) = text(values, "arn").or(name) else {
                return;
            };
            let document = values.member("policy");
            paper(Holder::Managed(known_by.to_owned()), Kind::Identity, name, document);
        }
        "aws_iam_role_policy_attachment" | "aws_iam_user_policy_attachment" => {
            let holder = named("role").map(role_named);
            let holder = holder.or_else(|| named("user").map(user_named));
            if let (Some(holder), Some(arn)) = (holder, named("policy_arn")) {
                sheet.attachments.push(Attachment {
                    holder,
                    policy_arn: arn.to_owned(),
                    is_boundary: false,
                });
            }
        }
        "aws_ecr_repository_policy" => {
            let Some(repository) = named("repository") else { return };
            let holder = Holder::Repository {
                account: text(values, "registry_id").and_then(|id| id.parse::<AccountId>().ok()),
                name: repository.to_owned(),
            };
            paper(holder, Kind::Resource, None, values.member("policy"));
        }
        "aws_iam_openid_connect_provider" => {
            let arn = text(values, "arn").and_then(|arn| arn.parse::<OidcProviderArn>().ok());
            sheet.providers.extend(text(values, "url").map(|url| Provider {
                account: arn.as_ref().map(OidcProviderArn::account),
                host_and_path: url.strip_prefix("https://").unwrap_or(url).to_owned(),
                audiences: values.member("client_id_list").map(texts),
            }));
        }
        _ => {}
    }
}

fn held(values: &Node, named: impl Fn(&str) -> Holder) -> Option<Holder> {
    text(values, "arn")
        .and_then(Holder::of_arn)
        .or_else(|| text(values, "name").map(named))
}

//! What the `aws` command prints, told by the keys that it has.

use std::fmt;

use crate::json::{Node, Value};
use crate::policy::Kind;
use crate::{AccountId, OidcProviderArn};

use super::{Attachment, Holder, Paper, Provider, Sheet, cloudformation, terraform};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The policy document itself.
    Bare,
    /// What a program printed, by the command.
    Printed(&'static str),
    /// A document within keys that only AWS's answers have, without what an answer has besides: pasted as a policy.
    Wrapped(&'static str),
    /// A template of CloudFormation.
    Template,
    /// What `terraform plan -json` tells while it works: not what the documents will be.
    Messages,
    /// JSON, but nothing that is known.
    Other,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Bare => f.write_str("a policy document"),
            Form::Printed(command) => write!(f, "the output of `{command}`"),
            Form::Wrapped(keys) => write!(f, "a policy document within `{keys}`"),
            Form::Template => f.write_str("a template of CloudFormation"),
            Form::Messages => f.write_str(
                "the messages of `terraform plan -json`, which hold no documents; \
                 give `terraform plan -out PLAN` and `terraform show -json PLAN`",
            ),
            Form::Other => f.write_str("nothing that is known; it is left aside"),
        }
    }
}

pub(super) fn sheet(node: &Node) -> Sheet {
    let mut draft = Draft(Sheet {
        file: String::new(),
        form: Form::Other,
        papers: Vec::new(),
        providers: Vec::new(),
        attachments: Vec::new(),
        lists_providers: false,
    });
    draft.0.form = draft.read(node);
    draft.0
}

struct Draft(Sheet);

impl Draft {
    fn read(&mut self, node: &Node) -> Form {
        let has = |key: &str| node.member(key).is_some();
        if has("Statement") {
            self.paper(Holder::Asked, guess(node), None, node);
            return Form::Bare;
        }
        if let Some(version) = node.member("PolicyVersion") {
            let genuine = version.member("VersionId").is_some() || version.member("CreateDate").is_some();
            if let Some(document) = version.member("Document") {
                self.paper(Holder::Asked, guess(document), None, document);
            }
            return match genuine {
                true => Form::Printed("aws iam get-policy-version"),
                false => Form::Wrapped("PolicyVersion.Document"),
            };
        }
        if let Some(role) = node.member("Role") {
            let genuine = role.member("Arn").is_some() || role.member("RoleName").is_some();
            self.role(role);
            return match genuine {
                true => Form::Printed("aws iam get-role"),
                false => Form::Wrapped("Role.AssumeRolePolicyDocument"),
            };
        }
        if let Some(roles) = node.member("Roles") {
            roles.items().iter().for_each(|role| self.role(role));
            return Form::Printed("aws iam list-roles");
        }
        if let Some(document) = node.member("PolicyDocument") {
            let name = text(node, "PolicyName");
            let form = if let Some(role) = text(node, "RoleName") {
                self.paper(role_named(role), Kind::Identity, name, document);
                Form::Printed("aws iam get-role-policy")
            } else if let Some(user) = text(node, "UserName") {
                self.paper(user_named(user), Kind::Identity, name, document);
                Form::Printed("aws iam get-user-policy")
            } else {
                self.paper(Holder::Asked, guess(document), name, document);
                Form::Wrapped("PolicyDocument")
            };
            return form;
        }
        if let Some(document) = node.member("policyText") {
            let holder = match text(node, "repositoryName") {
                Some(name) => Holder::Repository {
                    account: text(node, "registryId").and_then(|id| id.parse().ok()),
                    name: name.to_owned(),
                },
                None => Holder::Asked,
            };
            self.paper(holder, Kind::Resource, None, document);
            return Form::Printed("aws ecr get-repository-policy");
        }
        if has("AttachedPolicies") {
            self.attached(&Holder::Asked, node.member("AttachedPolicies"));
            return Form::Printed("aws iam list-attached-role-policies");
        }
        if has("ClientIDList") || has("ThumbprintList") {
            self.0.providers.extend(text(node, "Url").map(|url| Provider {
                account: None,
                host_and_path: url.strip_prefix("https://").unwrap_or(url).to_owned(),
                audiences: node.member("ClientIDList").map(texts),
            }));
            return Form::Printed("aws iam get-open-id-connect-provider");
        }
        if let Some(list) = node.member("OpenIDConnectProviderList") {
            list.items()
                .iter()
                .for_each(|item| self.provider_arn(text(item, "Arn")));
            self.0.lists_providers = true;
            return Form::Printed("aws iam list-open-id-connect-providers");
        }
        if has("OpenIDConnectProviderArn") {
            self.provider_arn(text(node, "OpenIDConnectProviderArn"));
            return Form::Printed("aws iam create-open-id-connect-provider");
        }
        if has("RoleDetailList") || has("UserDetailList") {
            self.account_details(node);
            return Form::Printed("aws iam get-account-authorization-details");
        }
        terraform::read(node, &mut self.0)
            .or_else(|| cloudformation::read(node, &mut self.0))
            .or_else(|| self.wrapped(node))
            .unwrap_or(Form::Other)
    }

    /// A lone key that AWS wraps documents in.
    fn wrapped(&mut self, node: &Node) -> Option<Form> {
        for key in ["AssumeRolePolicyDocument", "Document", "Policy"] {
            if let Some(document) = node.member(key).filter(|inner| inner.member("Statement").is_some()) {
                self.paper(Holder::Asked, guess(document), None, document);
                return Some(Form::Wrapped(key));
            }
        }
        None
    }

    fn paper(&mut self, holder: Holder, kind: Kind, name: Option<&str>, document: &Node) {
        self.0.papers.extend(Paper::of(holder, kind, name, document));
    }

    fn role(&mut self, role: &Node) {
        let holder = text(role, "Arn")
            .and_then(Holder::of_arn)
            .or_else(|| text(role, "RoleName").map(role_named))
            .unwrap_or(Holder::Asked);
        if let Some(document) = role.member("AssumeRolePolicyDocument") {
            self.paper(holder.clone(), Kind::Trust, None, document);
        }
        self.inline(&holder, role.member("RolePolicyList"));
        self.attached(&holder, role.member("AttachedManagedPolicies"));
        self.boundary(&holder, role);
    }

    fn account_details(&mut self, node: &Node) {
        for role in node.member("RoleDetailList").map_or(&[][..], Node::items) {
            self.role(role);
        }
        for user in node.member("UserDetailList").map_or(&[][..], Node::items) {
            let Some(holder) = text(user, "Arn").and_then(Holder::of_arn) else {
                continue;
            };
            self.inline(&holder, user.member("UserPolicyList"));
            self.attached(&holder, user.member("AttachedManagedPolicies"));
            self.boundary(&holder, user);
            // What a group has, its users have.
            let names = user.member("GroupList").map(texts).unwrap_or_default();
            for group in node.member("GroupDetailList").map_or(&[][..], Node::items) {
                if text(group, "GroupName").is_some_and(|name| names.iter().any(|of_user| of_user == name)) {
                    self.inline(&holder, group.member("GroupPolicyList"));
                    self.attached(&holder, group.member("AttachedManagedPolicies"));
                }
            }
        }
        for policy in node.member("Policies").map_or(&[][..], Node::items) {
            let versions = policy.member("PolicyVersionList").map_or(&[][..], Node::items);
            let default = versions.iter().find(|version| {
                matches!(
                    version.member("IsDefaultVersion").map(|n| &n.value),
                    Some(Value::Bool(true))
                )
            });
            if let (Some(arn), Some(document)) = (text(policy, "Arn"), default.and_then(|v| v.member("Document"))) {
                let name = text(policy, "PolicyName");
                self.paper(Holder::Managed(arn.to_owned()), Kind::Identity, name, document);
            }
        }
    }

    fn inline(&mut self, holder: &Holder, list: Option<&Node>) {
        for policy in list.map_or(&[][..], Node::items) {
            if let Some(document) = policy.member("PolicyDocument") {
                self.paper(holder.clone(), Kind::Identity, text(policy, "PolicyName"), document);
            }
        }
    }

    fn attached(&mut self, holder: &Holder, list: Option<&Node>) {
        for policy in list.map_or(&[][..], Node::items) {
            self.0
                .attachments
                .extend(text(policy, "PolicyArn").map(|arn| Attachment {
                    holder: holder.clone(),
                    policy_arn: arn.to_owned(),
                    is_boundary: false,
                }));
        }
    }

    fn boundary(&mut self, holder: &Holder, node: &Node) {
        let arn = node
            .member("PermissionsBoundary")
            .and_then(|boundary| text(boundary, "PermissionsBoundaryArn"));
        self.0.attachments.extend(arn.map(|arn| Attachment {
            holder: holder.clone(),
            policy_arn: arn.to_owned(),
            is_boundary: true,
        }));
    }

    fn provider_arn(&mut self, arn: Option<&str>) {
        let arn = arn.and_then(|arn| arn.parse::<OidcProviderArn>().ok());
        self.0.providers.extend(arn.map(|arn| Provider {
            account: Some(arn.account()),
            host_and_path: arn.host_and_path().to_owned(),
            audiences: None,
        }));
    }
}

/// What kind of policy a bare document is, by what its statements have.
pub(super) fn guess(document: &Node) -> Kind {
    let statements = document.member("Statement").map_or(&[][..], Node::one_or_many);
    let names_principals =
        |statement: &Node| statement.member("Principal").is_some() || statement.member("NotPrincipal").is_some();
    let is_about_sts = |statement: &Node| {
        let actions = statement.member("Action").map_or(&[][..], Node::one_or_many);
        actions
            .iter()
            .filter_map(Node::text)
            .any(|action| action.to_ascii_lowercase().starts_with("sts:"))
    };
    if !statements.iter().any(names_principals) {
        Kind::Identity
    } else if statements.iter().any(is_about_sts) {
        Kind::Trust
    } else {
        Kind::Resource
    }
}

pub(super) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.member(key)?.text()
}

pub(super) fn texts(node: &Node) -> Vec<String> {
    node.one_or_many()
        .iter()
        .filter_map(Node::text)
        .map(str::to_owned)
        .collect()
}

pub(super) fn role_named(name: &str) -> Holder {
    named(name, |account, name| Holder::Role { account, name })
}

pub(super) fn user_named(name: &str) -> Holder {
    named(name, |account, name| Holder::User { account, name })
}

fn named(name: &str, holder: impl Fn(Option<AccountId>, String) -> Holder) -> Holder {
    Holder::of_arn(name).unwrap_or_else(|| holder(None, name.to_owned()))
}

use std::collections::BTreeMap;

use super::{
    Answer, Call,
    admission::{Quota, admit},
    documents,
    entity::{Kind, Tags},
    fault::delete_conflict,
    names::{member, name, policy_arn},
    pages::Pages,
    permission::Ask,
    policy_usage::Usages,
    tags,
};
use crate::{
    clock::iso,
    credential::entity_id,
    query::{Fault, Form, Pattern, Validation},
    world::{AwsPolicy, ManagedPolicy, PolicyVersion, aws_policies, aws_policy},
    xml::Element,
};

const POLICIES: Quota = Quota {
    name: "PoliciesPerAccount",
    most: 1500,
};

/// A managed policy of whoever's, as answers show it.
pub(super) struct Shown<'a> {
    name: &'a str,
    id: &'a str,
    pub(super) arn: String,
    path: &'a str,
    version: u32,
    description: Option<&'a str>,
    created: String,
    updated: String,
    tags: Option<&'a Tags>,
}

/// `CreatePolicy`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = name(&mut check, "PolicyName", 128);
    let path = policy_path(&mut check, "Path");
    let text = documents::required(&mut check, "PolicyDocument");
    let description = check.optional("Description", 0..=1000, Pattern::ANY);
    let tags = tags::read(call.params, &mut check);
    check.finish()?;
    let tags = tags.validated(Kind::Policy)?;
    let document = documents::managed_policy(text)?;
    let version = PolicyVersion {
        document,
        created: call.now,
    };
    let policy = ManagedPolicy {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entity_id("ANPA"),
        created: call.now,
        updated: call.now,
        description: description.map(str::to_owned),
        default_version: 1,
        next_version: 2,
        versions: BTreeMap::from([(1, version)]),
        tags,
    };
    let account = call.account();
    let arn = policy.arn(account);
    let ask = Ask::on(&arn).shown_as(format!("policy {name}"));
    call.authorize_creation(ask, &policy.tags, "iam:TagPolicy")?;
    let shown = Shown::own(&policy, arn)
        .element("Policy", &Usages::default())
        .maybe(tags::some_element(&policy.tags));
    call.world.write(|state| {
        let taken = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        admit(&mut state.account_mut(account).policies, name, policy, taken, POLICIES)
    })?;
    Ok(Some(Element::new("CreatePolicyResult").child(shown)))
}

/// `GetPolicy`
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = policy_arn(&mut check);
    check.finish()?;
    call.enter_readable(arn)?;
    let account = call.account();
    let shown = call.seen(Kind::Policy, arn, |known| {
        let usages = Usages::of(known);
        let shown = match aws_policy(arn) {
            Some(policy) => Shown::aws(policy),
            None => Shown::own(known.policy(account, arn)?, arn.to_owned()),
        };
        let description = shown.description.map(|text| Element::text("Description", text));
        let tags = shown.tags.map_or_else(|| Element::new("Tags"), tags::element);
        Some(shown.element("Policy", &usages).maybe(description).child(tags))
    })?;
    Ok(Some(Element::new("GetPolicyResult").child(shown)))
}

/// `ListPolicies`: those of AWS as far as this AWS knows them.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let scope = check.choice("Scope", &["All", "AWS", "Local"]).unwrap_or("All");
    let only_attached = check.flag("OnlyAttached").unwrap_or(false);
    let prefix = policy_path(&mut check, "PathPrefix");
    let usage = check.choice("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]);
    let pages = Pages::read(&mut check);
    check.finish()?;
    let account = call.account();
    let ask = Ask::on(format!("arn:aws:iam::{account}:policy{prefix}"));
    call.authorize(&ask.shown_as(format!("policy path {prefix}")))?;
    let page = call.world.read(|state| {
        let known = state.account(account);
        let usages = known.map(Usages::of).unwrap_or_default();
        // A name may be both here and at AWS; the first digit keeps them apart.
        let own = known.into_iter().flat_map(|known| &known.policies);
        let own = own.map(|(key, policy)| (format!("0{key}"), Shown::own(policy, policy.arn(account))));
        let aws = aws_policies().map(|policy| (format!("1{}", policy.name), Shown::aws(policy)));
        let wanted = own
            .filter(|_| scope != "AWS")
            .chain(aws.filter(|_| scope != "Local"))
            .filter(|(_, policy)| policy.path.starts_with(prefix))
            .filter(|(_, policy)| !only_attached || usages.is_used(&policy.arn))
            .filter(|(_, policy)| match usage {
                Some("PermissionsBoundary") => usages.boundaries(&policy.arn) > 0,
                Some(_) => usages.attachments(&policy.arn) > 0,
                None => true,
            });
        pages.cut(wanted, |policy| policy.element("member", &usages))
    })?;
    Ok(Some(page.write(Element::new("ListPoliciesResult"), "Policies")))
}

/// `DeletePolicy`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = policy_arn(&mut check);
    check.finish()?;
    call.enter(Kind::Policy, arn)?;
    let id = call.account();
    call.change(Kind::Policy, arn, |account| {
        let versions = account.policy(id, arn)?.versions.len();
        if Usages::of(account).is_used(arn) {
            return Some(Err(delete_conflict("Cannot delete a policy attached to entities.")));
        }
        if versions > 1 {
            return Some(Err(delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                 versions. The default version is deleted with the policy.",
            )));
        }
        account.policies.retain(|_, policy| policy.arn(id) != arn);
        Some(Ok(()))
    })?;
    Ok(None)
}

impl<'a> Shown<'a> {
    pub(super) fn own(policy: &'a ManagedPolicy, arn: String) -> Self {
        Self {
            name: &policy.name,
            id: &policy.id,
            arn,
            path: &policy.path,
            version: policy.default_version,
            description: policy.description.as_deref(),
            created: iso(policy.created),
            updated: iso(policy.updated),
            tags: Some(&policy.tags),
        }
    }

    pub(super) fn aws(policy: &'a AwsPolicy) -> Self {
        Self {
            name: policy.name,
            id: &policy.id,
            arn: policy.arn.clone(),
            path: "/",
            version: policy.version,
            description: Some(policy.description),
            created: iso(policy.created),
            updated: iso(policy.updated),
            tags: None,
        }
    }

    /// As listings show it: without description and tags.
    fn element(&self, name: &'static str, usages: &Usages) -> Element {
        Element::new(name)
            .child(Element::text("PolicyName", self.name))
            .child(Element::text("PolicyId", self.id))
            .child(Element::text("Arn", &self.arn))
            .child(Element::text("Path", self.path))
            .child(Element::text("DefaultVersionId", format!("v{}", self.version)))
            .child(Element::text(
                "AttachmentCount",
                usages.attachments(&self.arn).to_string(),
            ))
            .child(Element::text(
                "PermissionsBoundaryUsageCount",
                usages.boundaries(&self.arn).to_string(),
            ))
            .child(Element::text("IsAttachable", "true"))
            .child(Element::text("CreateDate", &self.created))
            .child(Element::text("UpdateDate", &self.updated))
    }
}

impl Call<'_> {
    /// Goes on if the policy is there and the caller may read it; it may be one of AWS.
    pub(super) fn enter_readable(&mut self, arn: &str) -> Result<(), Fault> {
        if self.finds_readable(arn)? {
            Ok(())
        } else {
            Err(Kind::Policy.missing(arn))
        }
    }

    /// Tells whether the policy is there, if the caller may read it.
    pub(super) fn finds_readable(&mut self, arn: &str) -> Result<bool, Fault> {
        if !arn.starts_with("arn:aws:iam::aws:policy/") {
            return self.finds(Kind::Policy, arn, |ask| ask);
        }
        self.authorize(&Ask::on(arn).shown_as(format!("policy {arn}")))?;
        Ok(aws_policy(arn).is_some())
    }
}

/// A path of policies, `/` where nothing is said. Unlike those of other entities it is constrained by the model alone.
fn policy_path<'p>(check: &mut Validation<'p>, parameter: &str) -> &'p str {
    let path = check.optional_form(parameter, Form::POLICY_PATH).unwrap_or("/");
    check.check(&member(parameter), path, 1..=512, Pattern::ANY);
    path
}

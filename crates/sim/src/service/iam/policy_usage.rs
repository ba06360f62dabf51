//! Who a managed policy is attached to.

use std::collections::BTreeMap;

use super::{
    Answer, Call,
    entity::Kind,
    names::{path_prefix, policy_arn},
    pages::Pages,
};
use crate::{
    world::{Account, Permissions},
    xml::Element,
};

/// How often each policy is used in an account, by ARN.
#[derive(Default)]
pub(super) struct Usages {
    attached: BTreeMap<String, usize>,
    boundaries: BTreeMap<String, usize>,
}

/// A user or a role, as `ListEntitiesForPolicy` shows it.
struct Entity<'a> {
    kind: &'static str,
    name: &'a str,
    id: &'a str,
    path: &'a str,
    permissions: &'a Permissions,
}

impl Usages {
    pub(super) fn of(account: &Account) -> Self {
        let mut usages = Self::default();
        for entity in entities(account) {
            for arn in &entity.permissions.attached {
                *usages.attached.entry(arn.clone()).or_default() += 1;
            }
            if let Some(arn) = &entity.permissions.boundary {
                *usages.boundaries.entry(arn.clone()).or_default() += 1;
            }
        }
        usages
    }

    pub(super) fn attachments(&self, arn: &str) -> usize {
        self.attached.get(arn).copied().unwrap_or_default()
    }

    pub(super) fn boundaries(&self, arn: &str) -> usize {
        self.boundaries.get(arn).copied().unwrap_or_default()
    }

    pub(super) fn is_used(&self, arn: &str) -> bool {
        self.attachments(arn) + self.boundaries(arn) > 0
    }
}

/// `ListEntitiesForPolicy`
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = policy_arn(&mut check);
    let filter = check.choice(
        "EntityFilter",
        &["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"],
    );
    let prefix = path_prefix(&mut check);
    let usage = check.choice("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter_readable(arn)?;
    let is_use = |permissions: &Permissions| {
        let attached = permissions.attached.contains(arn);
        let boundary = permissions.boundary.as_deref() == Some(arn);
        match usage {
            Some("PermissionsBoundary") => boundary,
            Some(_) => attached,
            None => attached || boundary,
        }
    };
    let mut users = Vec::new();
    let mut roles = Vec::new();
    let page = call.seen(Kind::Policy, arn, |account| {
        let found = entities(account)
            .filter(|entity| filter.is_none_or(|filter| filter == entity.kind))
            .filter(|entity| entity.path.starts_with(prefix) && is_use(entity.permissions));
        let found = found.map(|entity| (format!("{}/{}", entity.kind, entity.name.to_ascii_lowercase()), entity));
        Some(pages.cut(found, |entity| {
            if entity.kind == "User" {
                users.push(member("UserName", "UserId", &entity));
            } else {
                roles.push(member("RoleName", "RoleId", &entity));
            }
            // The page only counts; the entities stand in two lists.
            Element::new("member")
        }))
    })??;
    let result = Element::new("ListEntitiesForPolicyResult")
        .child(Element::new("PolicyGroups"))
        .child(Element::new("PolicyUsers").children(users))
        .child(Element::new("PolicyRoles").children(roles));
    Ok(Some(page.write_position(result)))
}

/// The roles and the users of an account, in the order in which they are listed.
fn entities(account: &Account) -> impl Iterator<Item = Entity<'_>> {
    let roles = account.roles.values().map(|role| Entity {
        kind: "Role",
        name: &role.name,
        id: &role.id,
        path: &role.path,
        permissions: &role.permissions,
    });
    let users = account.users.values().map(|user| Entity {
        kind: "User",
        name: &user.name,
        id: &user.id,
        path: &user.path,
        permissions: &user.permissions,
    });
    roles.chain(users)
}

fn member(name: &'static str, id: &'static str, entity: &Entity<'_>) -> Element {
    Element::new("member")
        .child(Element::text(name, entity.name))
        .child(Element::text(id, entity.id))
}

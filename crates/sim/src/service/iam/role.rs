use super::{
    Answer, Call,
    admission::{Quota, admit},
    boundary, documents,
    entity::Kind,
    fault::delete_conflict,
    names::{name, path, path_prefix},
    pages::Pages,
    permission::Ask,
    tags,
    user::check_unused,
};
use crate::{
    clock::iso,
    credential::entity_id,
    query::{Pattern, Validation},
    world::{Permissions, Role, name_key},
    xml::Element,
};

const ROLES: Quota = Quota {
    name: "RolesPerAccount",
    most: 1000,
};

/// `CreateRole`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = name(&mut check, "RoleName", 64);
    let trust = documents::required(&mut check, "AssumeRolePolicyDocument");
    let path = path(&mut check);
    let description = description(&mut check);
    let max_session = max_session(&mut check).unwrap_or(3600);
    let boundary = boundary::read(&mut check);
    let tags = tags::read(call.params, &mut check);
    check.finish()?;
    let tags = tags.validated(Kind::Role)?;
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entity_id("AROA"),
        created: call.now,
        description: description.map(str::to_owned),
        max_session,
        trust: documents::trust_policy(trust)?,
        permissions: Permissions {
            boundary: boundary.map(str::to_owned),
            tags,
            ..Permissions::default()
        },
    };
    let account = call.account();
    let ask = Ask::on(role.arn(account)).with_boundary(boundary);
    call.authorize_creation(ask, &role.permissions.tags, "iam:TagRole")?;
    call.check_boundary(boundary)?;
    let shown = element(call, "Role", &role)
        .maybe(boundary::element(&role.permissions))
        .maybe(tags::some_element(&role.permissions.tags));
    call.world.write(|state| {
        let taken = format!("Role with name {name} already exists.");
        admit(&mut state.account_mut(account).roles, name, role, taken, ROLES)
    })?;
    Ok(Some(Element::new("CreateRoleResult").child(shown)))
}

/// `GetRole`
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::Role.named(&mut check);
    check.finish()?;
    call.enter(Kind::Role, name)?;
    let role = call.seen(Kind::Role, name, |account| account.role(name).cloned())?;
    let shown = listed(call, "Role", &role)
        .maybe(boundary::element(&role.permissions))
        .maybe(tags::some_element(&role.permissions.tags))
        // When and where a role was last used is not kept; AWS as well shows nothing at first.
        .child(Element::new("RoleLastUsed"));
    Ok(Some(Element::new("GetRoleResult").child(shown)))
}

/// `ListRoles`
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let prefix = path_prefix(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    let account = call.account();
    call.authorize(&Ask::on(format!("arn:aws:iam::{account}:role{prefix}")))?;
    let page = call.world.read(|state| {
        let roles = state.account(account).into_iter().flat_map(|account| &account.roles);
        let roles = roles.filter(|(_, role)| role.path.starts_with(prefix));
        pages.cut(roles.map(|(key, role)| (key.clone(), role)), |role| {
            listed(call, "member", role)
        })
    })?;
    Ok(Some(page.write(Element::new("ListRolesResult"), "Roles")))
}

/// `UpdateRole`: what is not named stays as it is.
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::Role.named(&mut check);
    let description = description(&mut check);
    let max_session = max_session(&mut check);
    check.finish()?;
    call.enter(Kind::Role, name)?;
    call.change(Kind::Role, name, |account| {
        let role = account.role_mut(name)?;
        if let Some(description) = description {
            role.description = Some(description.to_owned());
        }
        role.max_session = max_session.unwrap_or(role.max_session);
        Some(Ok(()))
    })?;
    Ok(Some(Element::new("UpdateRoleResult")))
}

/// `UpdateRoleDescription`
pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::Role.named(&mut check);
    let description = check.required("Description", 0..=1000, Pattern::DESCRIPTION);
    check.finish()?;
    call.enter(Kind::Role, name)?;
    let role = call.change(Kind::Role, name, |account| {
        let role = account.role_mut(name)?;
        role.description = Some(description.to_owned());
        Some(Ok(role.clone()))
    })?;
    let shown = element(call, "Role", &role).child(Element::text("Description", description));
    Ok(Some(Element::new("UpdateRoleDescriptionResult").child(shown)))
}

/// `DeleteRole`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::Role.named(&mut check);
    check.finish()?;
    call.enter(Kind::Role, name)?;
    call.change(Kind::Role, name, |account| {
        let role = account.role(name)?;
        if let Err(conflict) = check_unused(&role.permissions) {
            return Some(Err(conflict));
        }
        let mut profiles = account.instance_profiles.values();
        if profiles.any(|profile| profile.role.as_ref() == Some(&role.name)) {
            return Some(Err(delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first.",
            )));
        }
        account.roles.remove(&name_key(name));
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `UpdateAssumeRolePolicy`
pub(super) fn update_trust(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::Role.named(&mut check);
    let document = documents::required(&mut check, "PolicyDocument");
    check.finish()?;
    call.enter(Kind::Role, name)?;
    let trust = documents::trust_policy(document)?;
    call.change(Kind::Role, name, |account| {
        account.role_mut(name)?.trust = trust;
        Some(Ok(()))
    })?;
    Ok(None)
}

/// A role as the answers show it that show least: where it was created, and in an instance profile.
pub(super) fn element(call: &Call<'_>, name: &'static str, role: &Role) -> Element {
    Element::new(name)
        .child(Element::text("Path", &role.path))
        .child(Element::text("RoleName", &role.name))
        .child(Element::text("RoleId", &role.id))
        .child(Element::text("Arn", role.arn(call.account())))
        .child(Element::text("CreateDate", iso(role.created)))
        .child(Element::text(
            "AssumeRolePolicyDocument",
            documents::encoded(&role.trust),
        ))
}

fn listed(call: &Call<'_>, name: &'static str, role: &Role) -> Element {
    element(call, name, role)
        .maybe(role.description.as_ref().map(|text| Element::text("Description", text)))
        .child(Element::text("MaxSessionDuration", role.max_session.to_string()))
}

fn description<'p>(check: &mut Validation<'p>) -> Option<&'p str> {
    check.optional("Description", 0..=1000, Pattern::DESCRIPTION)
}

/// Seconds.
fn max_session(check: &mut Validation<'_>) -> Option<i64> {
    check.number("MaxSessionDuration", 3600..=43_200)
}

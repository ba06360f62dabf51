use super::{
    Answer, Call,
    admission::{Quota, admit},
    entity::Kind,
    fault::{delete_conflict, no_such_entity, quota},
    names::{name, path, path_prefix},
    pages::Pages,
    permission::Ask,
    role, tags,
};
use crate::{
    clock::iso,
    credential::entity_id,
    query::Fault,
    world::{Account, InstanceProfile, name_key},
    xml::Element,
};

const PROFILES: Quota = Quota {
    name: "InstanceProfilesPerAccount",
    most: 1000,
};

/// `CreateInstanceProfile`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = name(&mut check, "InstanceProfileName", 128);
    let path = path(&mut check);
    let tags = tags::read(call.params, &mut check);
    check.finish()?;
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entity_id("AIPA"),
        created: call.now,
        role: None,
        tags: tags.validated(Kind::InstanceProfile)?,
    };
    let account = call.account();
    let ask = Ask::on(profile.arn(account));
    call.authorize_creation(ask, &profile.tags, "iam:TagInstanceProfile")?;
    let shown = bare(call, "InstanceProfile", &profile)
        .child(Element::new("Roles"))
        .maybe(tags::some_element(&profile.tags));
    call.world.write(|state| {
        let taken = format!("Instance Profile {name} already exists.");
        let profiles = &mut state.account_mut(account).instance_profiles;
        admit(profiles, name, profile, taken, PROFILES)
    })?;
    Ok(Some(Element::new("CreateInstanceProfileResult").child(shown)))
}

/// `GetInstanceProfile`
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::InstanceProfile.named(&mut check);
    check.finish()?;
    call.enter(Kind::InstanceProfile, name)?;
    let shown = call.seen(Kind::InstanceProfile, name, |account| {
        let profile = account.instance_profile(name)?;
        Some(element(call, "InstanceProfile", profile, account).child(tags::element(&profile.tags)))
    })?;
    Ok(Some(Element::new("GetInstanceProfileResult").child(shown)))
}

/// `ListInstanceProfiles`
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let prefix = path_prefix(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    let account = call.account();
    call.authorize(&Ask::on(format!("arn:aws:iam::{account}:instance-profile{prefix}")))?;
    let page = page(call, &pages, |profile| profile.path.starts_with(prefix))?;
    Ok(Some(
        page.write(Element::new("ListInstanceProfilesResult"), "InstanceProfiles"),
    ))
}

/// `ListInstanceProfilesForRole`
pub(super) fn list_for_role(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let role = Kind::Role.named(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter(Kind::Role, role)?;
    let page = page(call, &pages, |profile| has_role(profile, role))?;
    Ok(Some(page.write(
        Element::new("ListInstanceProfilesForRoleResult"),
        "InstanceProfiles",
    )))
}

/// `AddRoleToInstanceProfile`: whoever does this passes the role to EC2.
pub(super) fn add_role(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::InstanceProfile.named(&mut check);
    let role = Kind::Role.named(&mut check);
    check.finish()?;
    call.enter(Kind::InstanceProfile, name)?;
    let account = call.account();
    let role = call.seen(Kind::Role, role, |account| account.role(role).cloned())?;
    let ask = Ask::on(role.arn(account)).of_tagged(&role.permissions.tags);
    call.authorize_action("iam:PassRole", &ask.with("iam:PassedToService", "ec2.amazonaws.com"))?;
    call.change(Kind::InstanceProfile, name, |account| {
        let profile = account.instance_profile_mut(name)?;
        if profile.role.is_some() {
            return Some(Err(quota("InstanceSessionsPerInstanceProfile", 1)));
        }
        profile.role = Some(role.name);
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `RemoveRoleFromInstanceProfile`
pub(super) fn remove_role(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::InstanceProfile.named(&mut check);
    let role = Kind::Role.named(&mut check);
    check.finish()?;
    call.enter(Kind::InstanceProfile, name)?;
    call.seen(Kind::Role, role, |account| account.role(role).map(|_| ()))?;
    call.change(Kind::InstanceProfile, name, |account| {
        let profile = account.instance_profile_mut(name)?;
        if !has_role(profile, role) {
            return Some(Err(no_such_entity(format!(
                "Role {role} in Instance Profile {name} cannot be found."
            ))));
        }
        profile.role = None;
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `DeleteInstanceProfile`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::InstanceProfile.named(&mut check);
    check.finish()?;
    call.enter(Kind::InstanceProfile, name)?;
    call.change(Kind::InstanceProfile, name, |account| {
        if account.instance_profile(name)?.role.is_some() {
            return Some(Err(delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first.",
            )));
        }
        account.instance_profiles.remove(&name_key(name));
        Some(Ok(()))
    })?;
    Ok(None)
}

fn has_role(profile: &InstanceProfile, role: &str) -> bool {
    profile
        .role
        .as_deref()
        .is_some_and(|name| name.eq_ignore_ascii_case(role))
}

fn page(
    call: &Call<'_>,
    pages: &Pages<'_>,
    wanted: impl Fn(&InstanceProfile) -> bool,
) -> Result<super::pages::Page, Fault> {
    call.world.read(|state| {
        let account = state.account(call.account());
        let profiles = account.into_iter().flat_map(|account| {
            let profiles = account.instance_profiles.iter();
            profiles.map(move |(key, profile)| (key.clone(), (account, profile)))
        });
        let profiles = profiles.filter(|(_, (_, profile))| wanted(profile));
        pages.cut(profiles, |(account, profile)| element(call, "member", profile, account))
    })
}

fn element(call: &Call<'_>, name: &'static str, profile: &InstanceProfile, account: &Account) -> Element {
    let role = profile.role.as_deref().and_then(|role| account.role(role));
    let roles = role.map(|role| role::element(call, "member", role));
    bare(call, name, profile).child(Element::new("Roles").children(roles))
}

fn bare(call: &Call<'_>, name: &'static str, profile: &InstanceProfile) -> Element {
    Element::new(name)
        .child(Element::text("Path", &profile.path))
        .child(Element::text("InstanceProfileName", &profile.name))
        .child(Element::text("InstanceProfileId", &profile.id))
        .child(Element::text("Arn", profile.arn(call.account())))
        .child(Element::text("CreateDate", iso(profile.created)))
}

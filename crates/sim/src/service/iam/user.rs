use super::{
    Answer, Call,
    admission::{Quota, admit},
    boundary,
    entity::Kind,
    fault::{already_exists, delete_conflict},
    names::{name, optional_name, optional_path, path, path_prefix},
    pages::Pages,
    permission::Ask,
    tags,
};
use crate::{
    clock::iso,
    credential::entity_id,
    identity::Identity,
    query::Fault,
    world::{Permissions, User, name_key},
    xml::Element,
};

const USERS: Quota = Quota {
    name: "UsersPerAccount",
    most: 5000,
};

/// `CreateUser`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = name(&mut check, "UserName", 64);
    let path = path(&mut check);
    let boundary = boundary::read(&mut check);
    let tags = tags::read(call.params, &mut check);
    check.finish()?;
    let tags = tags.validated(Kind::User)?;
    let user = User {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entity_id("AIDA"),
        created: call.now,
        permissions: Permissions {
            boundary: boundary.map(str::to_owned),
            tags,
            ..Permissions::default()
        },
        keys: Vec::new(),
    };
    let account = call.account();
    let ask = Ask::on(user.arn(account)).with_boundary(boundary);
    call.authorize_creation(ask, &user.permissions.tags, "iam:TagUser")?;
    call.check_boundary(boundary)?;
    let shown = element(call, "User", &user, Detail::Whole);
    call.world.write(|state| {
        let taken = format!("User with name {name} already exists.");
        admit(&mut state.account_mut(account).users, name, user, taken, USERS)
    })?;
    Ok(Some(Element::new("CreateUserResult").child(shown)))
}

/// `GetUser`, the caller where none is named.
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = optional_name(&mut check, "UserName", 128);
    check.finish()?;
    let result = Element::new("GetUserResult");
    if let (None, Identity::Root(account)) = (name, call.caller) {
        return Ok(Some(result.child(root_element(call, &account.to_string()))));
    }
    let name = named_or_caller(call, name)?;
    call.enter(Kind::User, &name)?;
    let user = call.seen(Kind::User, &name, |account| account.user(&name).cloned())?;
    Ok(Some(result.child(element(call, "User", &user, Detail::Whole))))
}

/// `ListUsers`
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let prefix = path_prefix(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    let account = call.account();
    call.authorize(&Ask::on(format!("arn:aws:iam::{account}:user{prefix}")))?;
    let page = call.world.read(|state| {
        let users = state.account(account).into_iter().flat_map(|account| &account.users);
        let users = users.filter(|(_, user)| user.path.starts_with(prefix));
        pages.cut(users.map(|(key, user)| (key.clone(), user)), |user| {
            element(call, "member", user, Detail::Listed)
        })
    })?;
    Ok(Some(page.write(Element::new("ListUsersResult"), "Users")))
}

/// `UpdateUser`: another name, another path, or both.
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::User.named(&mut check);
    let new_name = optional_name(&mut check, "NewUserName", 64);
    let new_path = optional_path(&mut check, "NewPath");
    check.finish()?;
    call.enter(Kind::User, name)?;
    let account = call.account();
    let user = call.seen(Kind::User, name, |account| account.user(name).cloned())?;
    let renamed = User {
        name: new_name.unwrap_or(&user.name).to_owned(),
        path: new_path.unwrap_or(&user.path).to_owned(),
        ..user
    };
    // What the user will be takes the permission as well ("Renaming an IAM user").
    call.authorize(&Ask::on(renamed.arn(account)))?;
    call.world.write(|state| {
        let users = &state.account_mut(account).users;
        let is_other = name_key(&renamed.name) != name_key(name);
        if !users.contains_key(&name_key(name)) {
            return Err(Kind::User.missing(name));
        }
        if is_other && users.contains_key(&name_key(&renamed.name)) {
            return Err(already_exists(format!(
                "User with name {} already exists.",
                renamed.name
            )));
        }
        state.rename_user(account, name, &renamed.name, &renamed.path);
        Ok(())
    })?;
    Ok(None)
}

/// `DeleteUser`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = Kind::User.named(&mut check);
    check.finish()?;
    call.enter(Kind::User, name)?;
    let account = call.account();
    call.world.write(|state| {
        let user = state.account(account).and_then(|account| account.user(name));
        let user = user.ok_or_else(|| Kind::User.missing(name))?;
        check_unused(&user.permissions)?;
        if !user.keys.is_empty() {
            return Err(delete_conflict("Cannot delete entity, must delete access keys first."));
        }
        state.remove_user(account, name);
        Ok(())
    })?;
    Ok(None)
}

/// The user that a call is about: the one that it names, or the one that makes it.
pub(super) fn named_or_caller(call: &Call<'_>, name: Option<&str>) -> Result<String, Fault> {
    match (name, call.caller) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Identity::User(user)) => Ok(user.name.clone()),
        (None, Identity::Root(_) | Identity::Session(_)) => Err(Fault::validation(
            "Must specify userName when calling with non-User credentials",
        )),
    }
}

/// What has policies is not deleted.
pub(super) fn check_unused(permissions: &Permissions) -> Result<(), Fault> {
    if !permissions.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !permissions.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// As listings show a user: without tags and boundary.
    Listed,
    Whole,
}

fn element(call: &Call<'_>, name: &'static str, user: &User, detail: Detail) -> Element {
    let element = Element::new(name)
        .child(Element::text("Path", &user.path))
        .child(Element::text("UserName", &user.name))
        .child(Element::text("UserId", &user.id))
        .child(Element::text("Arn", user.arn(call.account())))
        .child(Element::text("CreateDate", iso(user.created)));
    if detail == Detail::Listed {
        return element;
    }
    element
        .maybe(boundary::element(&user.permissions))
        .maybe(tags::some_element(&user.permissions.tags))
}

/// The root user, of whom AWS shows less than of others; what the model requires stands here all the same.
fn root_element(call: &Call<'_>, account: &str) -> Element {
    Element::new("User")
        .child(Element::text("Path", "/"))
        .child(Element::text("UserName", account))
        .child(Element::text("UserId", account))
        .child(Element::text("Arn", call.caller.arn()))
        .child(Element::text("CreateDate", iso(jiff::Timestamp::UNIX_EPOCH)))
}

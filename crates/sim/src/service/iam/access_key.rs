use secrecy::ExposeSecret;

use super::{
    Answer, Call,
    entity::Kind,
    fault::{no_such_entity, quota},
    names::{key_id, optional_name},
    pages::Pages,
    user::named_or_caller,
};
use crate::{
    clock::iso,
    credential::AccessKey,
    identity::Identity,
    query::{Fault, Validation},
    world::{User, UserKey},
    xml::Element,
};

const MAX_KEYS: usize = 2;

/// `CreateAccessKey`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = optional_name(&mut check, "UserName", 128);
    check.finish()?;
    let user = entered(call, name)?;
    let account = call.account();
    let key = UserKey {
        key: AccessKey::generate(),
        active: true,
        created: call.now,
    };
    let shown = Element::new("AccessKey")
        .child(Element::text("UserName", &user.name))
        .child(Element::text("AccessKeyId", &key.key.id))
        .child(Element::text("Status", status(&key)))
        .child(Element::text("SecretAccessKey", key.key.secret.expose_secret()))
        .child(Element::text("CreateDate", iso(key.created)));
    call.world.write(|state| {
        let found = state.account(account).and_then(|account| account.user(&user.name));
        let found = found.ok_or_else(|| Kind::User.missing(&user.name))?;
        if found.keys.len() >= MAX_KEYS {
            return Err(quota("AccessKeysPerUser", MAX_KEYS));
        }
        state.add_key(account, &user.name, key);
        Ok(())
    })?;
    Ok(Some(Element::new("CreateAccessKeyResult").child(shown)))
}

/// `ListAccessKeys`; root users have one key here, which was there from the beginning.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let name = optional_name(&mut check, "UserName", 128);
    let pages = Pages::read(&mut check);
    check.finish()?;
    let result = Element::new("ListAccessKeysResult");
    let list = "AccessKeyMetadata";
    if let (None, Identity::Root(account)) = (name, call.caller) {
        let id = call
            .world
            .read(|state| state.account(*account).map(|account| account.root.id.clone()));
        let page = pages.cut(id.map(|id| (id.clone(), id)), |id| {
            Element::new("member")
                .child(Element::text("AccessKeyId", id))
                .child(Element::text("Status", "Active"))
        })?;
        return Ok(Some(page.write(result, list)));
    }
    let mut user = entered(call, name)?;
    user.keys.sort_by(|one, other| one.key.id.cmp(&other.key.id));
    let keys = user.keys.iter().map(|key| (key.key.id.clone(), key));
    let page = pages.cut(keys, |key| {
        Element::new("member")
            .child(Element::text("UserName", &user.name))
            .child(Element::text("AccessKeyId", &key.key.id))
            .child(Element::text("Status", status(key)))
            .child(Element::text("CreateDate", iso(key.created)))
    })?;
    Ok(Some(page.write(result, list)))
}

/// `UpdateAccessKey`: a key that is not active is as good as none.
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let (name, id) = named(&mut check);
    check.present("Status");
    let status = check.choice("Status", &["Active", "Inactive", "Expired"]);
    check.finish()?;
    if status == Some("Expired") {
        return Err(Fault::not_simulated("keys that expire", "the status Expired"));
    }
    let user = entered(call, name)?;
    call.change(Kind::User, &user.name, |account| {
        let keys = &mut account.user_mut(&user.name)?.keys;
        Some(match keys.iter_mut().find(|key| key.key.id == id) {
            Some(key) => {
                key.active = status == Some("Active");
                Ok(())
            }
            None => Err(no_such_key(id)),
        })
    })?;
    Ok(None)
}

/// `DeleteAccessKey`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let (name, id) = named(&mut check);
    check.finish()?;
    let user = entered(call, name)?;
    let account = call.account();
    if !call.world.write(|state| state.remove_key(account, &user.name, id)) {
        return Err(no_such_key(id));
    }
    Ok(None)
}

fn named<'p>(check: &mut Validation<'p>) -> (Option<&'p str>, &'p str) {
    (optional_name(check, "UserName", 128), key_id(check))
}

/// The user that the call is about, if the caller may do this to its keys.
fn entered(call: &mut Call<'_>, name: Option<&str>) -> Result<User, Fault> {
    if name.is_none() && matches!(call.caller, Identity::Root(_)) {
        return Err(Fault::validation(
            "This simulated AWS gives every root user one key, which stays; name a user with UserName.",
        ));
    }
    let name = named_or_caller(call, name)?;
    call.enter(Kind::User, &name)?;
    call.seen(Kind::User, &name, |account| account.user(&name).cloned())
}

fn status(key: &UserKey) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn no_such_key(id: &str) -> Fault {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

use ::iam::Kind;
use http::StatusCode;

use super::{
    Call,
    role::{authorized, encoded, no_such_role, policy_size, role_name},
};
use crate::{
    query::{Fault, Pattern, Validation, malformed_policy},
    world::Document,
    xml::Element,
};

/// How long all inline policies of a role may be together, white space apart.
const MAX_INLINE: usize = 10_240;

/// `PutRolePolicy`
pub(super) fn put(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let (role, policy) = names(call)?;
    let mut check = Validation::of(call.params);
    let text = check.required("PolicyDocument", 1..=131_072, Pattern::DOCUMENT);
    check.finish()?;
    authorized(call, &role)?;
    let document =
        Document::read(text, Kind::Identity).map_err(|error| malformed_policy(text, Kind::Identity, &error))?;
    let account = call.account();
    call.world.write(|state| {
        let found = state.account_mut(account).role_mut(&role);
        let found = found.ok_or_else(|| no_such_role(&role))?;
        let others = found.permissions.inline.iter().filter(|(name, _)| **name != policy);
        let size = others.map(|(_, other)| policy_size(&other.text)).sum::<usize>() + policy_size(text);
        if size > MAX_INLINE {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "LimitExceeded",
                format!("Maximum policy size of {MAX_INLINE} bytes exceeded for role {role}"),
            ));
        }
        found.permissions.inline.insert(policy, document);
        Ok(())
    })?;
    Ok(None)
}

/// `GetRolePolicy`
pub(super) fn show(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let (name, policy) = names(call)?;
    let role = authorized(call, &name)?;
    let document = role
        .permissions
        .inline
        .get(&policy)
        .ok_or_else(|| no_such_policy(&policy))?;
    let result = Element::new("GetRolePolicyResult")
        .child(Element::text("RoleName", &role.name))
        .child(Element::text("PolicyName", &policy))
        .child(Element::text("PolicyDocument", encoded(document)));
    Ok(Some(result))
}

/// `DeleteRolePolicy`
pub(super) fn delete(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let (role, policy) = names(call)?;
    authorized(call, &role)?;
    let account = call.account();
    call.world.write(|state| {
        let found = state.account_mut(account).role_mut(&role);
        let found = found.ok_or_else(|| no_such_role(&role))?;
        found
            .permissions
            .inline
            .remove(&policy)
            .ok_or_else(|| no_such_policy(&policy))
    })?;
    Ok(None)
}

fn names(call: &Call<'_>) -> Result<(String, String), Fault> {
    let role = role_name(call)?;
    let mut check = Validation::of(call.params);
    let policy = check.required("PolicyName", 1..=128, Pattern::NAME);
    check.finish()?;
    Ok((role, policy.to_owned()))
}

fn no_such_policy(name: &str) -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "NoSuchEntity",
        format!("The role policy with name {name} cannot be found."),
    )
}

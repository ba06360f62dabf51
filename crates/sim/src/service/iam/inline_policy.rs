//! The policies that are part of a user or a role.

use super::{
    Answer, Call, documents,
    entity::Holder,
    fault::{limit_exceeded, no_such_entity},
    names::name,
    pages::Pages,
};
use crate::{
    query::{Fault, Validation},
    xml::Element,
};

/// `PutUserPolicy`, `PutRolePolicy`
pub(super) fn put(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let (owner, policy) = named(&mut check, holder);
    let text = documents::required(&mut check, "PolicyDocument");
    check.finish()?;
    call.enter(holder.kind(), owner)?;
    let document = documents::inline_policy(text)?;
    call.change(holder.kind(), owner, |account| {
        let inline = &mut holder.permissions_mut(account, owner)?.inline;
        let others = inline.iter().filter(|(name, _)| *name != policy);
        let size = others.map(|(_, other)| documents::size(&other.text)).sum::<usize>() + documents::size(text);
        let limit = limit(holder);
        if size > limit {
            return Some(Err(limit_exceeded(format!(
                "Maximum policy size of {limit} bytes exceeded for {} {owner}",
                holder.noun()
            ))));
        }
        inline.insert(policy.to_owned(), document);
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `GetUserPolicy`, `GetRolePolicy`
pub(super) fn show(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let (owner, policy) = named(&mut check, holder);
    check.finish()?;
    call.enter(holder.kind(), owner)?;
    let permissions = call.seen(holder.kind(), owner, |account| {
        holder.permissions(account, owner).cloned()
    })?;
    let document = permissions.inline.get(policy);
    let document = document.ok_or_else(|| no_such_policy(holder, policy))?;
    let (result, owner_element) = match holder {
        Holder::User => ("GetUserPolicyResult", "UserName"),
        Holder::Role => ("GetRolePolicyResult", "RoleName"),
    };
    let result = Element::new(result)
        .child(Element::text(owner_element, owner))
        .child(Element::text("PolicyName", policy))
        .child(Element::text("PolicyDocument", documents::encoded(document)));
    Ok(Some(result))
}

/// `ListUserPolicies`, `ListRolePolicies`
pub(super) fn list(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let owner = holder.kind().named(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter(holder.kind(), owner)?;
    let page = call.seen(holder.kind(), owner, |account| {
        let names = holder.permissions(account, owner)?.inline.keys();
        Some(pages.cut(names.map(|name| (name.clone(), name)), |name| {
            Element::text("member", name)
        }))
    })??;
    let result = match holder {
        Holder::User => "ListUserPoliciesResult",
        Holder::Role => "ListRolePoliciesResult",
    };
    Ok(Some(page.write(Element::new(result), "PolicyNames")))
}

/// `DeleteUserPolicy`, `DeleteRolePolicy`
pub(super) fn delete(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let (owner, policy) = named(&mut check, holder);
    check.finish()?;
    call.enter(holder.kind(), owner)?;
    call.change(holder.kind(), owner, |account| {
        let inline = &mut holder.permissions_mut(account, owner)?.inline;
        Some(inline.remove(policy).ok_or_else(|| no_such_policy(holder, policy)))
    })?;
    Ok(None)
}

/// How long all inline policies together may be, white space apart (IAM user guide, "IAM and AWS STS quotas").
fn limit(holder: Holder) -> usize {
    match holder {
        Holder::User => 2048,
        Holder::Role => 10_240,
    }
}

fn named<'p>(check: &mut Validation<'p>, holder: Holder) -> (&'p str, &'p str) {
    (holder.kind().named(check), name(check, "PolicyName", 128))
}

fn no_such_policy(holder: Holder, name: &str) -> Fault {
    no_such_entity(format!(
        "The {} policy with name {name} cannot be found.",
        holder.noun()
    ))
}

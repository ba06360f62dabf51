//! Managed policies attached to users and roles.

use super::{
    Answer, Call,
    entity::{Holder, Kind, is_policy_arn},
    fault::{not_attachable, quota},
    names::{path_prefix, policy_arn},
    pages::Pages,
};
use crate::{
    query::{Fault, Validation},
    world::aws_policy,
    xml::Element,
};

const MAX_ATTACHED: usize = 10;

/// `AttachUserPolicy`, `AttachRolePolicy`; attaching twice is attaching once.
pub(super) fn attach(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let (name, arn) = named(&mut check, holder);
    check.finish()?;
    enter(call, holder, name, arn)?;
    if !call.is_attachable(arn) {
        return Err(not_attachable(arn));
    }
    call.change(holder.kind(), name, |account| {
        let attached = &mut holder.permissions_mut(account, name)?.attached;
        if attached.len() >= MAX_ATTACHED && !attached.contains(arn) {
            let quota_name = match holder {
                Holder::User => "PoliciesPerUser",
                Holder::Role => "PoliciesPerRole",
            };
            return Some(Err(quota(quota_name, MAX_ATTACHED)));
        }
        attached.insert(arn.to_owned());
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `DetachUserPolicy`, `DetachRolePolicy`
pub(super) fn detach(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let (name, arn) = named(&mut check, holder);
    check.finish()?;
    enter(call, holder, name, arn)?;
    call.change(holder.kind(), name, |account| {
        let attached = &mut holder.permissions_mut(account, name)?.attached;
        Some(if attached.remove(arn) {
            Ok(())
        } else {
            Err(Kind::Policy.missing(arn))
        })
    })?;
    Ok(None)
}

/// `ListAttachedUserPolicies`, `ListAttachedRolePolicies`
pub(super) fn list(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let name = holder.briefly_named(&mut check);
    let prefix = path_prefix(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter(holder.kind(), name)?;
    let page = call.seen(holder.kind(), name, |account| {
        let arns = holder.permissions(account, name)?.attached.iter();
        let arns = arns.filter(|arn| policy_path(arn).starts_with(prefix)).enumerate();
        // An ARN may be longer than a marker.
        Some(pages.cut(arns.map(|(at, arn)| (format!("{at:02}"), arn)), |arn| {
            Element::new("member")
                .child(Element::text("PolicyName", policy_name(arn)))
                .child(Element::text("PolicyArn", arn))
        }))
    })??;
    let result = match holder {
        Holder::User => "ListAttachedUserPoliciesResult",
        Holder::Role => "ListAttachedRolePoliciesResult",
    };
    Ok(Some(page.write(Element::new(result), "AttachedPolicies")))
}

/// The name at the end of a policy's ARN.
pub(super) fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// The path in a policy's ARN, `/` at least.
fn policy_path(arn: &str) -> &str {
    let path_and_name = arn.split_once(":policy").map_or("/", |(_, rest)| rest);
    &path_and_name[..path_and_name.rfind('/').map_or(0, |slash| slash + 1)]
}

fn named<'p>(check: &mut Validation<'p>, holder: Holder) -> (&'p str, &'p str) {
    (holder.briefly_named(check), policy_arn(check))
}

fn enter(call: &mut Call<'_>, holder: Holder, name: &str, arn: &str) -> Result<(), Fault> {
    if !is_policy_arn(arn) {
        return Err(Fault::validation(format!("ARN {arn} is not valid.")));
    }
    call.enter_asking(holder.kind(), name, |ask| ask.with("iam:PolicyARN", arn))
}

impl Call<'_> {
    /// Whether a managed policy can be attached in this account: its own, or one of AWS.
    pub(super) fn is_attachable(&self, arn: &str) -> bool {
        let account = self.account();
        let is_own = || {
            self.world.read(|state| {
                let own = state.account(account);
                own.is_some_and(|own| own.policy(account, arn).is_some())
            })
        };
        aws_policy(arn).is_some() || is_own()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_name_are_read_from_the_arn() {
        for (arn, path, name) in [
            ("arn:aws:iam::aws:policy/ReadOnly", "/", "ReadOnly"),
            ("arn:aws:iam::111122223333:policy/team/ci/push", "/team/ci/", "push"),
        ] {
            assert_eq!((policy_path(arn), policy_name(arn)), (path, name));
        }
    }
}

//! The versions of managed policies.

use super::{
    Answer, Call, documents,
    entity::Kind,
    fault::{delete_conflict, limit_exceeded, no_such_entity},
    names::policy_arn,
    pages::Pages,
};
use crate::{
    clock::iso,
    query::{Fault, Form, Validation},
    world::{Document, ManagedPolicy, PolicyVersion, aws_policy},
    xml::Element,
};

const MAX_VERSIONS: usize = 5;

/// `CreatePolicyVersion`
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = policy_arn(&mut check);
    let text = documents::required(&mut check, "PolicyDocument");
    let is_default = check.flag("SetAsDefault").unwrap_or(false);
    check.finish()?;
    call.enter(Kind::Policy, arn)?;
    let document = documents::managed_policy(text)?;
    let (now, id) = (call.now, call.account());
    let number = call.change(Kind::Policy, arn, |account| {
        let policy = account.policy_mut(id, arn)?;
        if policy.versions.len() >= MAX_VERSIONS {
            return Some(Err(limit_exceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                 existing version.",
            )));
        }
        let number = policy.next_version;
        let version = PolicyVersion { document, created: now };
        policy.versions.insert(number, version);
        policy.next_version += 1;
        if is_default {
            policy.default_version = number;
        }
        policy.updated = now;
        Some(Ok(number))
    })?;
    let shown = element("PolicyVersion", number, is_default, iso(now));
    Ok(Some(Element::new("CreatePolicyVersionResult").child(shown)))
}

/// `GetPolicyVersion`; of AWS's policies only the version in force is known.
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let (arn, version) = named(&mut check);
    check.finish()?;
    if !call.finds_readable(arn)? {
        return Err(no_such_version(arn, version));
    }
    let account = call.account();
    let shown = call.seen(Kind::Policy, arn, |known| {
        let element = |number: u32, is_default, created, document: &Document| {
            (format!("v{number}") == version).then(|| {
                element("PolicyVersion", number, is_default, created)
                    .child(Element::text("Document", documents::encoded(document)))
            })
        };
        Some(match aws_policy(arn) {
            Some(policy) => element(policy.version, true, iso(policy.updated), &policy.document),
            None => {
                let policy = known.policy(account, arn)?;
                let mut versions = policy.versions.iter();
                versions.find_map(|(number, kept)| {
                    let is_default = *number == policy.default_version;
                    element(*number, is_default, iso(kept.created), &kept.document)
                })
            }
        })
    })?;
    let shown = shown.ok_or_else(|| no_such_version(arn, version))?;
    Ok(Some(Element::new("GetPolicyVersionResult").child(shown)))
}

/// `ListPolicyVersions`, the newest first.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = policy_arn(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter_readable(arn)?;
    let account = call.account();
    let page = call.seen(Kind::Policy, arn, |known| {
        let versions = match aws_policy(arn) {
            Some(policy) => vec![(policy.version, true, policy.updated)],
            None => {
                let policy = known.policy(account, arn)?;
                let versions = policy.versions.iter().rev();
                versions
                    .map(|(number, kept)| (*number, *number == policy.default_version, kept.created))
                    .collect()
            }
        };
        let versions = versions
            .into_iter()
            .map(|version| (format!("{:010}", u32::MAX - version.0), version));
        Some(pages.cut(versions, |(number, is_default, created)| {
            element("member", number, is_default, iso(created))
        }))
    })??;
    Ok(Some(page.write(Element::new("ListPolicyVersionsResult"), "Versions")))
}

/// `SetDefaultPolicyVersion`
pub(super) fn set_default(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let (arn, version) = named(&mut check);
    check.finish()?;
    let now = call.now;
    change(call, arn, version, |policy, number| {
        policy.default_version = number;
        policy.updated = now;
        Ok(())
    })
}

/// `DeletePolicyVersion`
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let (arn, version) = named(&mut check);
    check.finish()?;
    change(call, arn, version, |policy, number| {
        if number == policy.default_version {
            return Err(delete_conflict("Cannot delete the default version of a policy."));
        }
        policy.versions.remove(&number);
        Ok(())
    })
}

fn change(
    call: &mut Call<'_>,
    arn: &str,
    version: &str,
    change: impl FnOnce(&mut ManagedPolicy, u32) -> Result<(), Fault>,
) -> Answer {
    if !call.finds(Kind::Policy, arn, |ask| ask)? {
        return Err(no_such_version(arn, version));
    }
    let id = call.account();
    call.change(Kind::Policy, arn, |account| {
        let policy = account.policy_mut(id, arn)?;
        let number = policy.versions.keys().copied();
        Some(
            match number.into_iter().find(|number| format!("v{number}") == version) {
                Some(number) => change(policy, number),
                None => Err(no_such_version(arn, version)),
            },
        )
    })?;
    Ok(None)
}

fn named<'p>(check: &mut Validation<'p>) -> (&'p str, &'p str) {
    let version = check.required_form("VersionId", Form::VERSION);
    (policy_arn(check), version)
}

fn no_such_version(arn: &str, version: &str) -> Fault {
    no_such_entity(format!(
        "Policy {arn} version {version} does not exist or is not attachable."
    ))
}

fn element(name: &'static str, number: u32, is_default: bool, created: String) -> Element {
    Element::new(name)
        .child(Element::text("VersionId", format!("v{number}")))
        .child(Element::text("IsDefaultVersion", is_default.to_string()))
        .child(Element::text("CreateDate", created))
}

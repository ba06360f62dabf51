//! Permissions boundaries of users and roles.

use super::{
    Answer, Call,
    entity::{Holder, is_policy_arn},
    fault::{invalid_input, no_such_entity},
    names::ARN,
};
use crate::{
    query::{Fault, Pattern, Validation},
    world::Permissions,
    xml::Element,
};

const PARAMETER: &str = "PermissionsBoundary";

/// `PutUserPermissionsBoundary`, `PutRolePermissionsBoundary`
pub(super) fn put(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let name = holder.briefly_named(&mut check);
    let boundary = check.required(PARAMETER, ARN, Pattern::ANY);
    check.finish()?;
    // The condition key is the boundary that is to be, not the one that is.
    call.enter_asking(holder.kind(), name, |ask| ask.with_boundary(Some(boundary)))?;
    call.check_boundary(Some(boundary))?;
    call.change(holder.kind(), name, |account| {
        holder.permissions_mut(account, name)?.boundary = Some(boundary.to_owned());
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `DeleteUserPermissionsBoundary`, `DeleteRolePermissionsBoundary`, which succeed where there is none as well.
pub(super) fn delete(call: &mut Call<'_>, holder: Holder) -> Answer {
    let mut check = call.check();
    let name = holder.briefly_named(&mut check);
    check.finish()?;
    call.enter(holder.kind(), name)?;
    call.change(holder.kind(), name, |account| {
        holder.permissions_mut(account, name)?.boundary = None;
        Some(Ok(()))
    })?;
    Ok(None)
}

/// Reads the boundary of something new, which may be absent.
pub(super) fn read<'p>(check: &mut Validation<'p>) -> Option<&'p str> {
    check.optional(PARAMETER, ARN, Pattern::ANY)
}

/// The element of a boundary, where there is one. The documentation and IAM itself call the type `Policy`, whatever the
/// model says.
pub(super) fn element(permissions: &Permissions) -> Option<Element> {
    let boundary = permissions.boundary.as_ref()?;
    let element = Element::new("PermissionsBoundary")
        .child(Element::text("PermissionsBoundaryType", "Policy"))
        .child(Element::text("PermissionsBoundaryArn", boundary));
    Some(element)
}

impl Call<'_> {
    /// Whether a boundary is a policy that is there.
    pub(super) fn check_boundary(&self, boundary: Option<&str>) -> Result<(), Fault> {
        let Some(arn) = boundary else {
            return Ok(());
        };
        if !is_policy_arn(arn) {
            return Err(invalid_input(format!("ARN {arn} is not valid.")));
        }
        if !self.is_attachable(arn) {
            return Err(no_such_entity(format!(
                "Scope ARN: {arn} does not exist or is not attachable."
            )));
        }
        Ok(())
    }
}

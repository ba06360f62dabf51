use ::iam::Kind;
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Call;
use crate::{
    clock::iso,
    credential::entity_id,
    query::{Fault, Pattern, Validation, malformed_policy},
    world::{Document, Permissions, Role, name_key},
    xml::Element,
};

/// The longest trust policy, white space apart.
const MAX_TRUST: usize = 2048;

/// RFC 3986: documents come back percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `CreateRole`
pub(super) fn create(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let mut check = Validation::of(call.params);
    let name = check.required("RoleName", 1..=64, Pattern::NAME);
    let trust = check.required("AssumeRolePolicyDocument", 1..=131_072, Pattern::DOCUMENT);
    let path = check.optional("Path", 1..=512, Pattern::ANY).unwrap_or("/");
    let description = check.optional("Description", 0..=1000, Pattern::ANY);
    let max_session = check.number("MaxSessionDuration", 3600..=43_200).unwrap_or(3600);
    check.finish()?;
    call.refuse("PermissionsBoundary", "permissions boundaries")?;
    call.refuse("Tags", "tags of roles")?;
    if !is_path(path) {
        return Err(Fault::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entity_id("AROA"),
        created: call.now,
        description: description.map(str::to_owned),
        max_session,
        trust: trust_policy(trust)?,
        permissions: Permissions::default(),
    };
    let account = call.account();
    let arn = role.arn(account);
    call.authorize(&arn)?;
    let element = role_element(&role, &arn);
    call.world.write(|state| {
        let roles = &mut state.account_mut(account).roles;
        if roles.contains_key(&name_key(&role.name)) {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "EntityAlreadyExists",
                format!("Role with name {} already exists.", role.name),
            ));
        }
        roles.insert(name_key(&role.name), role);
        Ok(())
    })?;
    Ok(Some(Element::new("CreateRoleResult").child(element)))
}

/// `GetRole`
pub(super) fn show(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let name = role_name(call)?;
    let role = authorized(call, &name)?;
    let element = role_element(&role, &role.arn(call.account()));
    Ok(Some(Element::new("GetRoleResult").child(element)))
}

/// `DeleteRole`
pub(super) fn delete(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let name = role_name(call)?;
    authorized(call, &name)?;
    let account = call.account();
    call.world.write(|state| {
        let roles = &mut state.account_mut(account).roles;
        let role = roles.get(&name_key(&name)).ok_or_else(|| no_such_role(&name))?;
        if !role.permissions.inline.is_empty() {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "DeleteConflict",
                "Cannot delete entity, must delete policies first.",
            ));
        }
        roles.remove(&name_key(&name));
        Ok(())
    })?;
    Ok(None)
}

/// `UpdateAssumeRolePolicy`
pub(super) fn update_trust(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let name = role_name(call)?;
    let mut check = Validation::of(call.params);
    let document = check.required("PolicyDocument", 1..=131_072, Pattern::DOCUMENT);
    check.finish()?;
    authorized(call, &name)?;
    let trust = trust_policy(document)?;
    let account = call.account();
    call.world.write(|state| {
        let role = state.account_mut(account).role_mut(&name);
        role.ok_or_else(|| no_such_role(&name))?.trust = trust;
        Ok::<_, Fault>(())
    })?;
    Ok(None)
}

/// The role that a call names.
pub(super) fn role_name(call: &Call<'_>) -> Result<String, Fault> {
    let mut check = Validation::of(call.params);
    let name = check.required("RoleName", 1..=64, Pattern::NAME);
    check.finish()?;
    Ok(name.to_owned())
}

/// The role, if it is there and the caller may do this to it. Who may not does not learn whether it is there.
pub(super) fn authorized(call: &mut Call<'_>, name: &str) -> Result<Role, Fault> {
    let account = call.account();
    let role = call
        .world
        .read(|state| state.account(account).and_then(|account| account.role(name).cloned()));
    let arn = match &role {
        Some(role) => role.arn(account),
        None => format!("arn:aws:iam::{account}:role/{name}"),
    };
    call.authorize(&arn)?;
    role.ok_or_else(|| no_such_role(name))
}

pub(super) fn no_such_role(name: &str) -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

/// A document as it comes back.
pub(super) fn encoded(document: &Document) -> String {
    utf8_percent_encode(&document.text, UNRESERVED).to_string()
}

/// The characters of a document that count against quotas.
pub(super) fn policy_size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn trust_policy(text: &str) -> Result<Document, Fault> {
    let trust = Document::read(text, Kind::Trust).map_err(|error| malformed_policy(text, Kind::Trust, &error))?;
    if policy_size(text) > MAX_TRUST {
        return Err(Fault::new(
            StatusCode::CONFLICT,
            "LimitExceeded",
            format!("Cannot exceed quota for ACLSizePerRole: {MAX_TRUST}"),
        ));
    }
    Ok(trust)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.ends_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && !path.contains("//")
}

fn role_element(role: &Role, arn: &str) -> Element {
    Element::new("Role")
        .child(Element::text("Path", &role.path))
        .child(Element::text("Arn", arn))
        .child(Element::text("RoleName", &role.name))
        .child(Element::text("AssumeRolePolicyDocument", encoded(&role.trust)))
        .child(Element::text("CreateDate", iso(role.created)))
        .child(Element::text("RoleId", &role.id))
        .child(Element::text("MaxSessionDuration", role.max_session.to_string()))
        .maybe(role.description.as_ref().map(|text| Element::text("Description", text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        assert!(is_path("/"));
        assert!(is_path("/team/ci/"));
        for path in ["", "team", "/team", "team/", "//", "/a b/"] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(policy_size("{ \"a\":\n\t1 }"), 7);
    }
}

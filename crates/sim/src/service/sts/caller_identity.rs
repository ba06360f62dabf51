use crate::{identity::Identity, trail::Entry, xml::Element};

/// `GetCallerIdentity`, which no policy can forbid.
pub(super) fn show(identity: &Identity, entry: &mut Entry) -> Element {
    entry.call.principal = Some(identity.arn());
    entry.call.account = Some(identity.account().to_string());
    Element::new("GetCallerIdentityResult")
        .child(Element::text("Arn", identity.arn()))
        .child(Element::text("UserId", identity.user_id()))
        .child(Element::text("Account", identity.account().to_string()))
}

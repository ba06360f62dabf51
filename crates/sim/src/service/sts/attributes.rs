use std::collections::BTreeMap;

use iam::Context;

use super::session_tags::{SessionTags, conflict};
use crate::{
    identity::RoleSession,
    query::{Fault, Params, Pattern, Validation},
};

/// What is attached to a session and stays with it: tags, and who is at the source of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) tags: SessionTags,
    pub(super) source_identity: Option<String>,
}

impl Attributes {
    /// Reads the parameters of `AssumeRole`. What they break is noted in `check`; what is left to check, in the end, is
    /// checked by [`SessionTags::check`].
    pub(super) fn of_params<'p>(params: &'p Params, check: &mut Validation<'p>) -> Self {
        Self {
            tags: SessionTags::of_params(params, check),
            source_identity: check
                .optional("SourceIdentity", 2..=64, Pattern::SESSION_NAME)
                .map(str::to_owned),
        }
    }

    /// The condition keys of what a request attaches.
    pub(super) fn context(&self, context: Context) -> Context {
        let context = self.tags.context(context);
        match &self.source_identity {
            Some(source) => context.with("sts:SourceIdentity", source),
            None => context,
        }
    }

    /// Takes over what the session that the request comes from hands on ("Chaining roles with session tags", "Monitor
    /// and control actions taken with assumed roles").
    pub(super) fn inherit(&mut self, caller: &RoleSession) -> Result<(), Inherited> {
        for key in &caller.transitive {
            if self.tags.value(key).is_some() {
                return Err(Inherited::Tag);
            }
        }
        match (&self.source_identity, &caller.source_identity) {
            (Some(own), Some(inherited)) if own != inherited => return Err(Inherited::SourceIdentity),
            (None, Some(inherited)) => self.source_identity = Some(inherited.clone()),
            _ => {}
        }
        let inherited = caller.transitive.iter().filter_map(|key| {
            let value = caller.tags.get(key)?;
            Some((key.clone(), value.clone()))
        });
        self.tags.add_transitive(inherited.collect::<BTreeMap<_, _>>());
        Ok(())
    }

    /// The actions that must be allowed beside the one that begins the session.
    pub(super) fn actions(&self) -> impl Iterator<Item = &'static str> {
        let tag = (!self.tags.is_empty()).then_some("sts:TagSession");
        let source = self.source_identity.is_some().then_some("sts:SetSourceIdentity");
        tag.into_iter().chain(source)
    }
}

/// What a session hands on and a request would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inherited {
    Tag,
    SourceIdentity,
}

impl Inherited {
    /// The answer to a request of `caller` on `role` that would change it.
    pub(super) fn fault(self, caller: &str, role: &str) -> Fault {
        match self {
            Self::Tag => conflict(),
            // "The value that is set cannot be changed during the role session"; the sentence is not documented.
            Self::SourceIdentity => Fault::access_denied(format!(
                "User: {caller} is not authorized to perform: sts:SetSourceIdentity on resource: {role}"
            )),
        }
    }
}

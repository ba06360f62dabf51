use ::iam::AccountId;

use super::{Call, entity::Tags};
use crate::{
    host::Region,
    policy::{Wish, request_context},
    query::Fault,
};

/// What is to be done to what, as the caller's policies are asked.
pub(super) struct Ask {
    resource: String,
    /// How a denial names it, where not by its ARN.
    shown: Option<String>,
    /// Condition keys beside those that every request has.
    keys: Vec<(String, String)>,
}

impl Ask {
    /// An ARN, or `*`.
    pub(super) fn on(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            shown: None,
            keys: Vec::new(),
        }
    }

    pub(super) fn shown_as(self, shown: impl Into<String>) -> Self {
        Self {
            shown: Some(shown.into()),
            ..self
        }
    }

    /// Adds a condition key.
    pub(super) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.push((key.into(), value.into()));
        self
    }

    /// `iam:PermissionsBoundary`, in place of one that was said before.
    pub(super) fn with_boundary(mut self, boundary: Option<&str>) -> Self {
        const KEY: &str = "iam:PermissionsBoundary";
        self.keys.retain(|(key, _)| key != KEY);
        match boundary {
            Some(boundary) => self.with(KEY, boundary),
            None => self,
        }
    }

    /// The tags that the resource has.
    pub(super) fn of_tagged(self, tags: &Tags) -> Self {
        tags.iter().fold(self, |ask, (key, value)| {
            ask.with(format!("aws:ResourceTag/{key}"), value)
                .with(format!("iam:ResourceTag/{key}"), value)
        })
    }

    /// The tags that the request gives to the resource.
    pub(super) fn with_tags(self, tags: &Tags) -> Self {
        let ask = self.with_tag_keys(tags.keys());
        tags.iter().fold(ask, |ask, (key, value)| {
            ask.with(format!("aws:RequestTag/{key}"), value)
        })
    }

    /// The account that the resource's ARN names.
    fn owner(&self) -> Option<AccountId> {
        self.resource.split(':').nth(4)?.parse().ok()
    }

    /// The keys of tags that the request names.
    pub(super) fn with_tag_keys<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().fold(self, |ask, key| ask.with("aws:TagKeys", key))
    }
}

impl Call<'_> {
    /// Asks the caller's policies; the action is the one that was called.
    pub(super) fn authorize(&mut self, ask: &Ask) -> Result<(), Fault> {
        self.entry.call.resource = Some(ask.resource.clone());
        let action = self.entry.call.action.clone();
        self.authorize_action(&action, ask)
    }

    /// Asks the caller's policies about another action that the call comes to.
    pub(super) fn authorize_action(&self, action: &str, ask: &Ask) -> Result<(), Fault> {
        let wish = Wish {
            identity: self.caller,
            action,
            resource: &ask.resource,
            owner: ask.owner().unwrap_or(self.account()),
            record: &self.inbound.decisions,
        };
        let context = request_context(self.inbound, &Region::us_east_1(), self.now);
        let keys = ask.keys.iter();
        let context = keys.fold(context, |context, (key, value)| context.with(key, value));
        let denied = match self.world.read(|state| wish.judge(state, None, context)).decide() {
            Ok(()) => return Ok(()),
            Err(denied) => denied.0,
        };
        Err(Fault::access_denied(match &ask.shown {
            Some(shown) => denied.replacen(
                &format!("on resource: {}", ask.resource),
                &format!("on resource: {shown}"),
                1,
            ),
            None => denied,
        }))
    }

    /// Asks whether the caller may create something, with the tags that it is to have: that takes a permission of its
    /// own.
    pub(super) fn authorize_creation(&mut self, ask: Ask, tags: &Tags, tagging: &str) -> Result<(), Fault> {
        let ask = ask.with_tags(tags);
        self.authorize(&ask)?;
        if tags.is_empty() {
            return Ok(());
        }
        self.authorize_action(tagging, &ask)
    }

    /// What belongs to AWS itself or to another account nobody changes, root users included.
    pub(super) fn not_ones_own(&self, shown: &str) -> Fault {
        Fault::access_denied(format!(
            "User: {} is not authorized to perform: {} on resource: {shown}",
            self.caller.arn(),
            self.entry.call.action
        ))
    }
}

use crate::context::{Found, Lookup};
use crate::{AccountId, Request, actions};

use super::caller::{Caller, last_part};

/// A request, prepared once for all statements.
pub(super) struct Facts<'r> {
    pub(super) request: &'r Request,
    /// In lower case.
    pub(super) action: String,
    /// What it is done to.
    pub(super) resource: &'r str,
    pub(super) caller: Caller<'r>,
    /// The account that owns the resource.
    pub(super) owner: Option<AccountId>,
    /// The condition keys that follow from the request itself.
    implied: Vec<(&'static str, [String; 1])>,
}

impl<'r> Facts<'r> {
    pub(super) fn of(request: &'r Request) -> Self {
        let caller = Caller::of(&request.principal, &request.context);
        let owner = request.owner();
        let mut implied = implied_keys(&caller);
        let resource = request.target();
        if let Some(owner) = owner.filter(|_| resource != "*") {
            implied.push(("aws:resourceaccount", [owner.to_string()]));
        }
        Facts {
            request,
            action: request.action.to_ascii_lowercase(),
            resource,
            caller,
            owner,
            implied,
        }
    }

    pub(super) fn is_same_account(&self) -> bool {
        self.caller.account().is_some() && self.caller.account() == self.owner
    }

    /// Is a role to be assumed, or a session's property to be set while it is?
    pub(super) fn is_about_trust(&self) -> bool {
        actions::is_decided_by_trust(&self.action) && self.resource.contains(":role/")
    }
}

/// What the request says of a key goes before what follows from it.
impl Lookup for Facts<'_> {
    fn find(&self, key: &str) -> Found<'_> {
        if let Some(values) = self.request.context.entry(key) {
            return if values.is_empty() {
                Found::Absent
            } else {
                Found::Values(values)
            };
        }
        match self.implied.iter().find(|(implied, _)| *implied == key) {
            Some((_, value)) => Found::Values(value),
            None => self.request.context.find(key),
        }
    }
}

/// "AWS global condition context keys" and "Where you can use policy variables" (the table on principals) of the IAM
/// user guide.
fn implied_keys(caller: &Caller<'_>) -> Vec<(&'static str, [String; 1])> {
    let mut keys = Vec::with_capacity(7);
    let mut add = |key, value: &str| keys.push((key, [value.to_owned()]));
    if let Some(account) = caller.account() {
        add("aws:principalaccount", account.as_str());
        add("aws:principalisawsservice", "false");
    }
    match caller {
        Caller::Root { account, arn } => {
            add("aws:principaltype", "Account");
            add("aws:principalarn", arn.as_str());
            add("aws:userid", account.as_str());
        }
        Caller::User { arn, .. } if arn.service() == "iam" => {
            add("aws:principaltype", "User");
            add("aws:principalarn", arn.as_str());
            add("aws:username", last_part(arn.resource()));
        }
        Caller::User { arn, .. } => {
            add("aws:principaltype", "FederatedUser");
            add("aws:principalarn", arn.as_str());
        }
        Caller::Session {
            account,
            arn,
            role,
            role_arn,
        } => {
            add("aws:principaltype", "AssumedRole");
            match role_arn {
                Some(role_arn) => add("aws:principalarn", role_arn),
                None => add(
                    "aws:principalarn",
                    &format!("arn:{}:iam::{account}:role/{role}", arn.partition()),
                ),
            }
        }
        Caller::Service(name) => {
            add("aws:principalisawsservice", "true");
            add("aws:principalservicename", name);
        }
        // As recorded of the real service: a web identity is a user whose id is the provider, and has no ARN.
        Caller::Federated(provider) => {
            add("aws:principaltype", "User");
            add("aws:userid", provider);
            add("aws:federatedprovider", provider);
        }
        Caller::Anonymous => {
            add("aws:principaltype", "Anonymous");
            add("aws:userid", "anonymous");
        }
        Caller::Unplaced => {}
    }
    keys
}

use std::sync::Arc;

use crate::{AccountId, Arn, Context, Policy, Principal, actions};

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// The action with its service's prefix, `ecr:BatchGetImage`; letters of either case are the same.
    pub action: String,
    /// The ARN of what it is done to; `*` for an action that is not done to any one resource.
    pub resource: String,
    /// The account that owns the resource, where its ARN does not say it (a bucket's does not).
    pub resource_account: Option<AccountId>,
    /// The condition keys of the request. What follows from the fields above need not be in it:
    /// `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:username`, `aws:userid` of the federated,
    /// `aws:PrincipalIsAWSService`, `aws:PrincipalServiceName`, `aws:FederatedProvider`, `aws:ResourceAccount`.
    pub context: Context,
}

impl Request {
    /// A request on a resource whose ARN names its account (or that has no owner of its own, `*`).
    pub fn new(principal: Principal, action: impl Into<String>, resource: impl Into<String>, context: Context) -> Self {
        Request {
            principal,
            action: action.into(),
            resource: resource.into(),
            resource_account: None,
            context,
        }
    }

    /// The resource as AWS sees it: `*` for an action that is done to none, whatever the request says.
    pub(crate) fn target(&self) -> &str {
        if actions::is_done_to_no_resource(&self.action) {
            "*"
        } else {
            &self.resource
        }
    }

    /// The account that owns the resource: as it was given, as the ARN says, or else the principal's own.
    pub(crate) fn owner(&self) -> Option<AccountId> {
        if actions::is_done_to_no_resource(&self.action) {
            return self.principal.account();
        }
        self.resource_account
            .or_else(|| self.resource.parse::<Arn>().ok().and_then(|arn| arn.account()))
            .or_else(|| self.principal.account())
    }
}

/// A policy and the name that reasons call it by. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Named {
    name: Arc<str>,
    policy: Arc<Policy>,
}

impl Named {
    /// A policy under a name: a policy's name, its ARN, `inline policy p of role r`. One that has no name of its own goes
    /// by what it belongs to, `of the role`.
    pub fn new(name: impl Into<Arc<str>>, policy: impl Into<Arc<Policy>>) -> Self {
        Named {
            name: name.into(),
            policy: policy.into(),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Every policy that has a say about a request.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// The policies attached to the user (and its groups) or to the role.
    pub identity: Vec<Named>,
    /// The policy attached to the resource: a repository's, a bucket's. A role's trust policy goes into `trust`.
    pub resource: Option<Named>,
    /// The permissions boundary of the user or the role; empty where there is none.
    pub boundary: Vec<Named>,
    /// The policies that the session was made with; empty where there are none. Together they allow what any allows.
    pub session: Vec<Named>,
    /// Service control policies of the principal's account by level, from the organization's root to the account;
    /// every level must allow. Empty outside an organization and for the management account.
    pub service_control: Vec<Vec<Named>>,
    /// Resource control policies of the resource's account, likewise.
    pub resource_control: Vec<Vec<Named>>,
    /// The trust policy, where the resource is a role that is to be assumed.
    pub trust: Option<Named>,
}

use ::iam::{AccountId, Arn, Context, Named, PolicySet, Principal, Request};

use super::{
    answer::{Outcome, Source},
    input::Parsed,
};
use crate::{
    query::Fault,
    service::iam::{attachment::policy_name, entity::Holder, fault::invalid_input},
    world::{Permissions, State, aws_policy},
};

/// Who asks with which policies.
pub(super) struct Scenario<'p> {
    pub(super) input: Parsed<'p>,
    principal: Arn,
    account: AccountId,
    policies: PolicySet,
    /// What the answer calls the identity's policies, in their order.
    sources: Vec<Source>,
    boundary: Option<Source>,
    /// Tags and the like.
    context: Vec<(String, String)>,
    /// Whether it is known who asks.
    is_named: bool,
}

impl<'p> Scenario<'p> {
    pub(super) fn of_principal(
        state: &State,
        holder: Holder,
        name: &str,
        arn: &str,
        permissions: &Permissions,
        input: Parsed<'p>,
    ) -> Result<Self, Fault> {
        if input.resource_policy.is_some() && input.caller.is_none() && holder != Holder::User {
            return Err(no_caller());
        }
        let mut sources = Vec::new();
        let mut identity = Vec::new();
        for (policy, document) in &permissions.inline {
            sources.push(Source {
                id: format!("{}_{name}_{policy}", holder.noun()),
                kind: holder.noun(),
            });
            identity.push(document.named(policy));
        }
        for arn in &permissions.attached {
            if let Some(document) = state.managed_policy(arn) {
                sources.push(managed_source(arn));
                identity.push(document.named(arn));
            }
        }
        let own_boundary = permissions.boundary.as_ref().and_then(|arn| {
            let document = state.managed_policy(arn)?;
            Some((managed_source(arn), document.named(arn)))
        });
        let tags = permissions.tags.iter();
        let context = tags.map(|(key, value)| (format!("aws:PrincipalTag/{key}"), value.clone()));
        let context = context.collect();
        let principal = match &input.caller {
            Some(caller) => caller.clone(),
            None => arn
                .parse()
                .map_err(|_| invalid_input(format!("ARN {arn} is not valid.")))?,
        };
        let account = principal.account().ok_or_else(no_caller)?;
        Ok(Self::new(
            input,
            principal,
            account,
            (sources, identity),
            own_boundary,
            context,
        ))
    }

    /// Somebody in an account, who is nobody in particular unless the request names a caller.
    pub(super) fn of_policies(account: AccountId, input: Parsed<'p>) -> Result<Self, Fault> {
        if input.resource_policy.is_some() && input.caller.is_none() {
            return Err(no_caller());
        }
        let anybody = format!("arn:aws:iam::{account}:user/anybody");
        let named = input.caller.clone();
        let is_named = named.is_some();
        let principal = match named {
            Some(caller) => caller,
            None => anybody.parse().map_err(|_| no_caller())?,
        };
        let account = principal.account().ok_or_else(no_caller)?;
        let scenario = Self::new(input, principal, account, (Vec::new(), Vec::new()), None, Vec::new());
        Ok(Self { is_named, ..scenario })
    }

    fn new(
        input: Parsed<'p>,
        principal: Arn,
        account: AccountId,
        (mut sources, mut identity): (Vec<Source>, Vec<Named>),
        own_boundary: Option<(Source, Named)>,
        context: Vec<(String, String)>,
    ) -> Self {
        for (number, policy) in (1..).zip(&input.policies) {
            let id = format!("PolicyInputList.{number}");
            identity.push(Named::new(id.as_str(), policy.clone()));
            sources.push(Source { id, kind: "none" });
        }
        let boundary = match &input.boundary {
            Some(policy) => {
                let id = "PermissionsBoundaryPolicyInputList.1".to_owned();
                Some((
                    Source {
                        id: id.clone(),
                        kind: "none",
                    },
                    Named::new(id, policy.clone()),
                ))
            }
            None => own_boundary,
        };
        let (boundary, limits) = boundary.unzip();
        let policies = PolicySet {
            identity,
            boundary: limits.into_iter().collect(),
            resource: input
                .resource_policy
                .clone()
                .map(|policy| Named::new("ResourcePolicy", policy)),
            ..PolicySet::default()
        };
        Self {
            input,
            principal,
            account,
            policies,
            sources,
            boundary,
            context,
            is_named: true,
        }
    }

    /// About how many characters of policies every evaluation looks at.
    pub(super) fn text_size(&self) -> usize {
        // Stored policies are no longer than the quotas allow.
        self.input.size + 10_240 * self.sources.len().min(12)
    }

    pub(super) fn evaluate(&self, action: &str, resource: &str) -> Outcome<'_> {
        let request = |context: Context| Request {
            principal: Principal::Aws(self.principal.clone()),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: Some(self.owner(resource)),
            context: self.context(context),
        };
        // A key that the request does not give counts as absent, and is told to be missing where it might decide.
        let evaluation = ::iam::evaluate(&request(Context::complete()), &self.policies);
        let open = ::iam::evaluate(&request(Context::partial()), &self.policies);
        Outcome {
            evaluation,
            missing: open,
            sources: &self.sources,
            boundary: self.boundary.as_ref(),
        }
    }

    /// Without a policy of the resource its owner has no say, so it counts as the caller's own.
    fn owner(&self, resource: &str) -> AccountId {
        if self.policies.resource.is_none() {
            return self.account;
        }
        let of_arn = resource.parse::<Arn>().ok().and_then(|arn| arn.account());
        of_arn.or(self.input.owner).unwrap_or(self.account)
    }

    fn context(&self, context: Context) -> Context {
        let own = self.context.iter();
        let mut context = own.fold(context, |context, (key, value)| context.with(key, value));
        if !self.is_named {
            for key in ["aws:username", "aws:PrincipalArn"] {
                context = context.without(key);
            }
        }
        self.input.complete(context)
    }
}

fn managed_source(arn: &str) -> Source {
    Source {
        id: policy_name(arn).to_owned(),
        kind: if aws_policy(arn).is_some() {
            "aws-managed"
        } else {
            "user-managed"
        },
    }
}

fn no_caller() -> Fault {
    invalid_input("CallerArn must be the ARN of a user where a ResourcePolicy is given.")
}

//! Questions in few words. Every decision is asked for both ways, with and without reasons.

#![allow(dead_code, reason = "each test file uses its part")]

use iam::{Context, Decision, Denial, Evaluation, Named, Policy, PolicySet, Principal, Request};

pub(crate) const OWN: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";

pub(crate) fn aws(arn: &str) -> Principal {
    Principal::Aws(arn.parse().expect("an ARN"))
}

pub(crate) fn user() -> Principal {
    aws("arn:aws:iam::111122223333:user/ann")
}

/// A session of the role `puller`.
pub(crate) fn session() -> Principal {
    aws("arn:aws:sts::111122223333:assumed-role/puller/s1")
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// A document of one statement, given by the members after `Effect`.
pub(crate) fn statement(effect: &str, members: &str) -> Named {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}",{members}}}}}"#);
    Named::new("p", policy(&text))
}

pub(crate) fn allow(members: &str) -> Named {
    statement("Allow", members)
}

pub(crate) fn deny(members: &str) -> Named {
    statement("Deny", members)
}

/// Allows or denies everything, in a policy that names no principals.
pub(crate) const ALL: &str = r#""Action":"*","Resource":"*""#;

pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) policies: PolicySet,
}

pub(crate) fn ask(principal: Principal, action: &str, resource: &str) -> Question {
    let request = Request::new(principal, action, resource, Context::complete());
    Question {
        request,
        policies: PolicySet::default(),
    }
}

impl Question {
    pub(crate) fn context(mut self, context: Context) -> Self {
        self.request.context = context;
        self
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.request.context = std::mem::take(&mut self.request.context).with(key, value);
        self
    }

    pub(crate) fn owner(mut self, account: &str) -> Self {
        self.request.resource_account = Some(account.parse().expect("an account"));
        self
    }

    pub(crate) fn identity(mut self, policy: Named) -> Self {
        self.policies.identity.push(policy);
        self
    }

    pub(crate) fn resource(mut self, policy: Named) -> Self {
        self.policies.resource = Some(policy);
        self
    }

    pub(crate) fn trust(mut self, policy: Named) -> Self {
        self.policies.trust = Some(policy);
        self
    }

    pub(crate) fn boundary(mut self, policy: Named) -> Self {
        self.policies.boundary.push(policy);
        self
    }

    pub(crate) fn session(mut self, policy: Named) -> Self {
        self.policies.session.push(policy);
        self
    }

    /// One level of service control policies.
    pub(crate) fn service_control(mut self, level: Vec<Named>) -> Self {
        self.policies.service_control.push(level);
        self
    }

    /// One level of resource control policies.
    pub(crate) fn resource_control(mut self, level: Vec<Named>) -> Self {
        self.policies.resource_control.push(level);
        self
    }

    pub(crate) fn evaluate(&self) -> Evaluation {
        let evaluation = iam::evaluate(&self.request, &self.policies);
        assert_eq!(iam::decide(&self.request, &self.policies), evaluation.decision());
        evaluation
    }

    #[track_caller]
    pub(crate) fn allowed(self) -> Self {
        let evaluation = self.evaluate();
        assert_eq!(
            evaluation.decision(),
            Decision::Allowed,
            "{}",
            evaluation.explanation(&self.request)
        );
        self
    }

    #[track_caller]
    pub(crate) fn denied(self, denial: Denial) -> Self {
        let evaluation = self.evaluate();
        assert_eq!(
            evaluation.denial(),
            Some(denial),
            "{}",
            evaluation.explanation(&self.request)
        );
        assert!(!evaluation.is_allowed());
        self
    }

    #[track_caller]
    pub(crate) fn says(self, sentence: &str) -> Self {
        assert_eq!(self.evaluate().sentence(&self.request), sentence);
        self
    }
}

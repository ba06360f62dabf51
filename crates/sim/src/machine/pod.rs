//! The EKS Pod Identity Agent, as its source has it (`aws/eks-pod-identity-agent`), and the API of EKS behind it.

mod agent;
mod token;

pub(crate) use self::agent::error;
pub(super) use self::{
    agent::{ADDRESS, Agent, action, keep_token},
    token::TokenKey,
};
use super::MachineError;

/// A pod of an EKS cluster whose service account has a Pod Identity association.
#[derive(Clone, Debug)]
pub struct Pod {
    role: String,
    cluster: String,
    namespace: String,
    service_account: String,
}

impl Pod {
    /// A pod of the cluster `default`, in the namespace `default`, with the service account `default`, which is associated
    /// with a role of its account, by the role's name. The role must let `pods.eks.amazonaws.com` do both
    /// `sts:AssumeRole` and `sts:TagSession`.
    pub fn new(role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            cluster: "default".to_owned(),
            namespace: "default".to_owned(),
            service_account: "default".to_owned(),
        }
    }

    /// The cluster that it runs in.
    #[must_use]
    pub fn cluster(mut self, name: impl Into<String>) -> Self {
        self.cluster = name.into();
        self
    }

    /// The namespace that it is in.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// The service account that it runs as.
    #[must_use]
    pub fn service_account(mut self, name: impl Into<String>) -> Self {
        self.service_account = name.into();
        self
    }

    fn check(&self) -> Result<(), MachineError> {
        let invalid = |what, value: &str, expected| MachineError::Invalid {
            what,
            value: value.to_owned(),
            expected,
        };
        // `ClusterName` in the service model of EKS Auth.
        let is_cluster = self.cluster.len() <= 100
            && self.cluster.starts_with(|first: char| first.is_ascii_alphanumeric())
            && self
                .cluster
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_cluster {
            let expected = "up to 100 letters, digits, `-` and `_` are expected, the first a letter or a digit";
            return Err(invalid("cluster", &self.cluster, expected));
        }
        for (what, name) in [
            ("namespace", &self.namespace),
            ("service account", &self.service_account),
        ] {
            let is_name = (1..=253).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
            if !is_name {
                let expected = "up to 253 lowercase letters, digits, `-` and `.` are expected";
                return Err(invalid(what, name, expected));
            }
        }
        Ok(())
    }
}

//! Policies together with what they are attached to, as something that can be carried out.

mod aws_cli;
mod cloudformation;
mod names;
mod terraform;

use crate::OidcProviderArn;

use super::document::Document;

pub use names::{IamName, InvalidName, InvalidRepository, Repository};

/// The name of the policies that are made inline.
const POLICY_NAME: &str = "Wharfinger";

/// What has to be made in one account, in order: as commands, as Terraform or as CloudFormation.
///
/// Whatever the texts inside are (subjects, audiences, external ids), they never act as syntax of the language that
/// they are written in.
#[derive(Clone, Debug)]
pub struct Deployment {
    steps: Vec<Step>,
}

/// One thing to make.
#[derive(Clone, Debug)]
enum Step {
    Provider {
        issuer: String,
        audience: String,
        thumbprints: Vec<String>,
    },
    Role {
        name: IamName,
        trust: Document,
        permissions: Option<Document>,
    },
    Permissions {
        holder: Holder,
        document: Document,
    },
    RepositoryPolicy {
        repository: Repository,
        document: Document,
    },
}

/// Who a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A role that exists.
    Role(IamName),
    /// A user that exists.
    User(IamName),
}

impl Deployment {
    /// A role with its trust policy.
    pub fn role(name: IamName, trust: Document) -> Self {
        Deployment {
            steps: vec![Step::Role {
                name,
                trust,
                permissions: None,
            }],
        }
    }

    /// A policy for somebody who exists.
    pub fn permissions(holder: Holder, document: Document) -> Self {
        Deployment {
            steps: vec![Step::Permissions { holder, document }],
        }
    }

    /// The policy of a repository.
    ///
    /// CloudFormation knows a repository's policy only as a property of the repository: the template holds both, keeps
    /// the repository when the stack is deleted, and takes over one that exists when it is imported into the stack.
    pub fn repository_policy(repository: Repository, document: Document) -> Self {
        Deployment {
            steps: vec![Step::RepositoryPolicy { repository, document }],
        }
    }

    /// Makes the OIDC provider as well, before all else. An account has each issuer once.
    ///
    /// AWS checks an issuer's certificate by its own list of authorities; thumbprints (SHA-1 of a certificate, 40 hex
    /// digits) are needed for others only.
    #[must_use]
    pub fn with_provider(mut self, provider: &OidcProviderArn, audience: &str, thumbprints: &[String]) -> Self {
        let provider = Step::Provider {
            issuer: provider.issuer(),
            audience: audience.to_owned(),
            thumbprints: thumbprints.to_vec(),
        };
        self.steps.insert(0, provider);
        self
    }

    /// Gives the role that is made these permissions as well.
    #[must_use]
    pub fn with_permissions(mut self, document: Document) -> Self {
        for step in &mut self.steps {
            if let Step::Role { permissions, .. } = step {
                *permissions = Some(document.clone());
            }
        }
        self
    }

    /// A script for a POSIX shell that calls the AWS command line; stops at the first call that fails.
    pub fn aws_cli(&self) -> String {
        aws_cli::script(&self.steps)
    }

    /// Resources for Terraform's AWS provider, 5.81 or later.
    pub fn terraform(&self) -> String {
        terraform::configuration(&self.steps)
    }

    /// A CloudFormation template, as JSON.
    pub fn cloudformation(&self) -> String {
        cloudformation::template(&self.steps)
    }
}

impl Holder {
    fn name(&self) -> &IamName {
        match self {
            Holder::Role(name) | Holder::User(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;

//! The policies that AWS itself keeps, as far as they are about ECR or about everything (AWS managed policy reference
//! guide).

use crate::{Arn, Policy};

/// A policy that AWS itself keeps, in the version in force when this was written.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwsManagedPolicy {
    /// The name, which is also the end of the ARN: none of these has a path.
    pub name: &'static str,
    /// AWS's own description.
    pub description: &'static str,
    /// The document, as AWS publishes it.
    pub document: &'static str,
    /// The number of the version: 3 is `v3`.
    pub version: u32,
    /// When the policy was created (RFC 3339); the guide tells the minute.
    pub created: &'static str,
    /// When this version was.
    pub updated: &'static str,
}

impl AwsManagedPolicy {
    /// All that are known, in the order of their names.
    pub fn all() -> &'static [Self] {
        &POLICIES
    }

    /// The policy with this ARN, `arn:aws:iam::aws:policy/NAME`. AWS has hundreds more than are known here.
    pub fn find(arn: &Arn) -> Option<&'static Self> {
        if arn.service() != "iam" || arn.account_text() != "aws" {
            return None;
        }
        let name = arn.resource().strip_prefix("policy/")?;
        POLICIES.iter().find(|policy| policy.name == name)
    }

    /// `arn:aws:iam::aws:policy/NAME`
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy/{}", self.name)
    }

    /// The document, read.
    pub fn policy(&self) -> Policy {
        Policy::parse(self.document).expect("a test reads every document")
    }
}

/// The document of a policy of AWS; none of one that is not known.
pub(crate) fn managed_policy(arn: &Arn) -> Option<Policy> {
    AwsManagedPolicy::find(arn).map(AwsManagedPolicy::policy)
}

const POLICIES: [AwsManagedPolicy; 5] = [
    AwsManagedPolicy {
        name: "AdministratorAccess",
        description: "Provides full access to AWS services and resources.",
        document: include_str!("managed/AdministratorAccess.json"),
        version: 1,
        created: "2015-02-06T18:39:46Z",
        updated: "2015-02-06T18:39:46Z",
    },
    AwsManagedPolicy {
        name: "AmazonEC2ContainerRegistryFullAccess",
        description: "Provides administrative access to Amazon ECR resources",
        document: include_str!("managed/AmazonEC2ContainerRegistryFullAccess.json"),
        version: 3,
        created: "2015-12-21T17:06:00Z",
        updated: "2020-12-05T00:04:19Z",
    },
    AwsManagedPolicy {
        name: "AmazonEC2ContainerRegistryPowerUser",
        description: "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository \
                      deletion or policy changes.",
        document: include_str!("managed/AmazonEC2ContainerRegistryPowerUser.json"),
        version: 3,
        created: "2015-12-21T17:05:00Z",
        updated: "2019-12-10T20:48:08Z",
    },
    AwsManagedPolicy {
        name: "AmazonEC2ContainerRegistryPullOnly",
        description: "Provides access to pull images from Amazon EC2 Container Registry repositories.",
        document: include_str!("managed/AmazonEC2ContainerRegistryPullOnly.json"),
        version: 1,
        created: "2024-10-04T16:58:49Z",
        updated: "2024-10-04T16:58:49Z",
    },
    AwsManagedPolicy {
        name: "AmazonEC2ContainerRegistryReadOnly",
        description: "Provides read-only access to Amazon EC2 Container Registry repositories.",
        document: include_str!("managed/AmazonEC2ContainerRegistryReadOnly.json"),
        version: 3,
        created: "2015-12-21T17:04:00Z",
        updated: "2019-12-10T20:56:32Z",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn those_that_are_known_are_found_and_can_be_read() {
        for known in AwsManagedPolicy::all() {
            let found = AwsManagedPolicy::find(&known.arn().parse().unwrap()).unwrap();
            assert_eq!(found, known);
            assert_eq!(found.policy().check(Kind::Identity), Ok(()), "{}", known.name);
        }
        let names: Vec<_> = AwsManagedPolicy::all().iter().map(|policy| policy.name).collect();
        assert!(names.is_sorted());
        for arn in [
            "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
            "arn:aws:iam::111122223333:policy/AmazonEC2ContainerRegistryReadOnly",
        ] {
            assert!(managed_policy(&arn.parse().unwrap()).is_none(), "{arn}");
        }
    }
}

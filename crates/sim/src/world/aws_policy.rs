use std::{collections::BTreeMap, sync::LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use iam::{AwsManagedPolicy, Kind};
use jiff::Timestamp;

use super::Document;

/// A policy that AWS itself keeps: the same in every account, and nobody changes it.
pub(crate) struct AwsPolicy {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) arn: String,
    /// Not AWS's own, but the same in every run.
    pub(crate) id: String,
    pub(crate) document: Document,
    pub(crate) version: u32,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// By ARN.
static POLICIES: LazyLock<BTreeMap<String, AwsPolicy>> = LazyLock::new(|| {
    let policies = AwsManagedPolicy::all().iter().map(AwsPolicy::read);
    policies.map(|policy| (policy.arn.clone(), policy)).collect()
});

/// The policy of AWS with this ARN.
pub(crate) fn aws_policy(arn: &str) -> Option<&'static AwsPolicy> {
    POLICIES.get(arn)
}

/// All of them, in the order of their ARNs.
pub(crate) fn aws_policies() -> impl Iterator<Item = &'static AwsPolicy> {
    POLICIES.values()
}

impl AwsPolicy {
    fn read(policy: &AwsManagedPolicy) -> Self {
        let time = |text: &str| text.parse().expect("a test reads every time");
        Self {
            name: policy.name,
            description: policy.description,
            arn: policy.arn(),
            id: id(policy.name),
            document: Document::read(policy.document, Kind::Identity).expect("the crate `iam` reads every document"),
            version: policy.version,
            created: time(policy.created),
            updated: time(policy.updated),
        }
    }
}

/// `ANPA` and 17 characters that follow from the name.
fn id(name: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let characters = hash.as_ref().iter().take(17);
    let characters = characters.map(|byte| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte & 0x1F)]));
    "ANPA".chars().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_aws_are_found_by_their_arns() {
        let policy = aws_policy("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly").unwrap();
        assert_eq!((policy.version, policy.id.len()), (3, 21));
        assert!(policy.created < policy.updated);
        assert!(aws_policy("arn:aws:iam::aws:policy/AmazonS3FullAccess").is_none());
        assert_eq!(aws_policies().count(), AwsManagedPolicy::all().len());
    }
}

//! The policies that AWS itself keeps for ECR ("AWS managed policies for Amazon Elastic Container Registry").

use crate::{Arn, Policy};

/// The document of a policy of AWS; none of one that is not about ECR.
pub(crate) fn managed_policy(arn: &Arn) -> Option<Policy> {
    if arn.service() != "iam" || arn.account_text() != "aws" {
        return None;
    }
    let name = arn.resource().strip_prefix("policy/")?;
    let (_, actions) = POLICIES.iter().find(|(known, _)| *known == name)?;
    let quoted: Vec<String> = actions
        .iter()
        .copied()
        .flatten()
        .map(|action| format!("\"{action}\""))
        .collect();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        quoted.join(",")
    );
    Some(Policy::parse(&text).expect("a document is built of what the language has only"))
}

const READ: [&str; 12] = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
];

const PUSH: [&str; 4] = [
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

const PULL: [&str; 4] = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchImportUpstreamImage",
];

/// Name and actions.
const POLICIES: [(&str, &[&[&str]]); 4] = [
    ("AmazonEC2ContainerRegistryReadOnly", &[&READ]),
    ("AmazonEC2ContainerRegistryPullOnly", &[&PULL]),
    ("AmazonEC2ContainerRegistryPowerUser", &[&READ, &PUSH]),
    (
        "AmazonEC2ContainerRegistryFullAccess",
        &[&["ecr:*", "cloudtrail:LookupEvents"]],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_ecr_are_known_and_no_others() {
        for (name, _) in POLICIES {
            let arn = format!("arn:aws:iam::aws:policy/{name}").parse().unwrap();
            assert!(managed_policy(&arn).is_some(), "{name}");
        }
        for arn in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::111122223333:policy/AmazonEC2ContainerRegistryReadOnly",
        ] {
            assert!(managed_policy(&arn.parse().unwrap()).is_none(), "{arn}");
        }
    }
}

//! Condition keys: the global ones, and those of ECR and STS.
//!
//! "AWS global condition context keys" and "IAM and AWS STS condition context keys" of the IAM user guide, and the
//! *Service Authorization Reference*.

use super::nearest;

/// What there is to say of a condition key that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyNotice {
    /// The key that may have been meant.
    pub(crate) meant: Option<&'static str>,
}

/// Looks a key up. None for a known one, and for one of a service that the catalogue does not cover.
pub(crate) fn key_notice(key: &str) -> Option<KeyNotice> {
    let Some((prefix, _)) = key.split_once(':') else {
        let meant = nearest(key, bare_names()).and_then(of_bare_name);
        return Some(KeyNotice { meant });
    };
    let lower = prefix.to_ascii_lowercase();
    if !PREFIXES.contains(&lower.as_str()) || is_known(key) {
        return None;
    }
    // A tag's key is free: what is compared is the part before it.
    let head = key.split_once('/').map_or(key, |(head, _)| head);
    Some(KeyNotice {
        meant: nearest(key, KEYS.iter().copied())
            .or_else(|| nearest(head, KEYS.iter().map(|key| key.split('/').next().unwrap_or(key))))
            .or_else(|| {
                let (_, name) = key.split_once(':')?;
                of_bare_name(name)
            }),
    })
}

fn is_known(key: &str) -> bool {
    KEYS.iter().any(|known| match known.strip_suffix('*') {
        Some(family) => key
            .get(..family.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(family) && key.len() > family.len()),
        None => known.eq_ignore_ascii_case(key),
    })
}

fn bare_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| Some(key.split_once(':')?.1))
}

/// The key with this name under any prefix: `aws:ExternalId` is `sts:ExternalId`.
fn of_bare_name(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .find(|key| {
            key.split_once(':')
                .is_some_and(|(_, known)| known.eq_ignore_ascii_case(name))
        })
        .copied()
}

const PREFIXES: [&str; 4] = ["aws", "ecr", "ecr-public", "sts"];

/// `*` at the end stands for what the author chooses: the key of a tag.
const KEYS: &[&str] = &[
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaAWSMCP",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:IsMcpServiceAction",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalTag/*",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:RequestTag/*",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:ResourceTag/*",
    "aws:SecureTransport",
    "aws:SignInSessionArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSMCPService",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:userid",
    "aws:username",
    "ecr-public:ResourceTag/*",
    "ecr:AccountSetting",
    "ecr:ResourceTag/*",
    "sts:AWSServiceName",
    "sts:DurationSeconds",
    "sts:ExternalId",
    "sts:IdentityTokenAudience",
    "sts:RequestContext/*",
    "sts:RequestContextProviders",
    "sts:RoleAuthorizedByIdp",
    "sts:RoleSessionName",
    "sts:SigningAlgorithm",
    "sts:SourceIdentity",
    "sts:TaskPolicyArn",
    "sts:TransitiveTagKeys",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(key: &str) -> Option<&'static str> {
        key_notice(key).expect("unknown").meant
    }

    #[test]
    fn known_keys_have_no_case() {
        for key in [
            "aws:sourceip",
            "AWS:PrincipalTag/team",
            "sts:ExternalId",
            "ecr:ResourceTag/a:b",
        ] {
            assert_eq!(key_notice(key), None, "{key}");
        }
    }

    #[test]
    fn keys_of_others_are_none_of_its_business() {
        for key in ["s3:prefix", "issuer.example/acme:sub", "kms:ViaService"] {
            assert_eq!(key_notice(key), None, "{key}");
        }
    }

    #[test]
    fn what_was_meant() {
        assert_eq!(meant("aws:SourceVPCEndpoint"), None);
        assert_eq!(meant("aws:PrincipalOrgId2"), Some("aws:PrincipalOrgID"));
        assert_eq!(meant("sts:ExternalID1"), Some("sts:ExternalId"));
        assert_eq!(meant("aws:ExternalId"), Some("sts:ExternalId"));
        assert_eq!(meant("ExternalId"), Some("sts:ExternalId"));
        assert_eq!(meant("aws:PrincipalTags/team"), Some("aws:PrincipalTag"));
        // A family needs a name of a tag.
        assert!(key_notice("aws:PrincipalTag/").is_some());
    }
}

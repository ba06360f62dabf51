use std::fmt;

use iam::AccountId;
use serde::{Deserialize, Serialize};

use crate::{machine::Running, trail::Service};

/// The host names that this AWS answers to, read without any help from the product: a mistake in its parser must not
/// be repeated here.
///
/// Names of the partition `aws`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// `sts.amazonaws.com`
    GlobalSts,
    /// `sts.REGION.amazonaws.com` in any of its forms
    Sts { region: Region, form: Form },
    /// `iam.amazonaws.com`
    Iam,
    /// The API of ECR, by any of its names
    Ecr { region: Region, form: Form },
    /// A private registry, by any of its names
    Registry {
        account: AccountId,
        region: Region,
        form: Form,
    },
    /// The API of ECR Public, `api.ecr-public.REGION.amazonaws.com`, `ecr-public.REGION.api.aws`
    EcrPublic { region: Region, form: Form },
    /// The public registry, `public.ecr.aws`, `ecr-public.aws.com`
    PublicRegistry { form: Form },
    /// `prod-REGION-starport-layer-bucket.s3.REGION.amazonaws.com`
    LayerBucket { region: Region },
    /// A link-local address, on a machine.
    Machine(Running),
}

/// The forms of a service's name in a region ("AWS service endpoints" of the general reference). ECR's API has
/// `api.ecr` where others have their name alone, and registries have names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `SERVICE.REGION.amazonaws.com`, `ACCOUNT.dkr.ecr.REGION.amazonaws.com`
    Standard,
    /// `ecr.REGION.amazonaws.com`, `ecr-public.REGION.amazonaws.com`: the APIs of ECR without their `api.`
    Short,
    /// `SERVICE-fips.REGION.amazonaws.com`, `ACCOUNT.dkr.ecr-fips.REGION.amazonaws.com`
    Fips,
    /// `SERVICE.REGION.api.aws`, `ACCOUNT.dkr-ecr.REGION.on.aws`
    DualStack,
    /// `SERVICE-fips.REGION.api.aws`, `ACCOUNT.dkr-ecr-fips.REGION.on.aws`
    FipsDualStack,
}

/// A region of the partition `aws`, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Region(String);

impl Host {
    /// Reads a host name as it stands in the TLS handshake or in `Host`/`:authority`; a port is dropped.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = match name.rsplit_once(':') {
            Some((name, port)) => {
                port.parse::<u16>().ok()?;
                name
            }
            None => name,
        };
        // The longest of these names, a layer bucket's, stays far below this.
        if name.len() > 128 {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let labels = name.split('.').collect::<Vec<_>>();
        match labels[..] {
            ["public", "ecr", "aws"] => Some(Self::PublicRegistry { form: Form::Standard }),
            ["ecr-public", "aws", "com"] => Some(Self::PublicRegistry { form: Form::DualStack }),
            ["ecr-public", region, "api", "aws"] => Self::parse_ecr_public(region, Form::DualStack),
            [ref labels @ .., "amazonaws", "com"] => Self::parse_standard(labels),
            ["sts", region, "api", "aws"] => Self::parse_sts(region, Form::DualStack),
            ["sts-fips", region, "api", "aws"] => Self::parse_sts(region, Form::FipsDualStack),
            [service, region, "api", "aws"] => Self::parse_ecr(
                region,
                match service {
                    "ecr" => Form::DualStack,
                    "ecr-fips" => Form::FipsDualStack,
                    _ => return None,
                },
            ),
            [account, service, region, "on", "aws"] => Self::parse_registry(
                account,
                region,
                match service {
                    "dkr-ecr" => Form::DualStack,
                    "dkr-ecr-fips" => Form::FipsDualStack,
                    _ => return None,
                },
            ),
            _ => None,
        }
    }

    /// The labels in front of `.amazonaws.com`.
    fn parse_standard(labels: &[&str]) -> Option<Self> {
        match *labels {
            ["sts"] => Some(Self::GlobalSts),
            ["sts", region] => Self::parse_sts(region, Form::Standard),
            ["sts-fips", region] => Self::parse_sts(region, Form::Fips),
            ["iam"] => Some(Self::Iam),
            ["api", "ecr", region] => Self::parse_ecr(region, Form::Standard),
            ["api", "ecr-public", region] => Self::parse_ecr_public(region, Form::Standard),
            ["ecr", region] => Self::parse_ecr(region, Form::Short),
            ["ecr-public", region] => Self::parse_ecr_public(region, Form::Short),
            ["ecr-fips", region] => Self::parse_ecr(region, Form::Fips),
            [account, "dkr", "ecr", region] => Self::parse_registry(account, region, Form::Standard),
            [account, "dkr", "ecr-fips", region] => Self::parse_registry(account, region, Form::Fips),
            [bucket, "s3", region] => {
                let region = Region::parse(region)?;
                (bucket == Self::bucket_name(&region)).then_some(Self::LayerBucket { region })
            }
            _ => None,
        }
    }

    /// STS in a region, by its standard name.
    pub(crate) fn sts(region: Region) -> Self {
        let form = Form::Standard;
        Self::Sts { region, form }
    }

    /// The API of ECR in a region, by its standard name.
    pub(crate) fn ecr(region: Region) -> Self {
        Self::Ecr {
            region,
            form: Form::Standard,
        }
    }

    /// The registry of an account in a region, by its standard name.
    pub(crate) fn registry(account: AccountId, region: Region) -> Self {
        Self::Registry {
            account,
            region,
            form: Form::Standard,
        }
    }

    /// The name of the bucket in which a region's layers are.
    pub(crate) fn bucket_name(region: &Region) -> String {
        format!("prod-{region}-starport-layer-bucket")
    }

    fn parse_sts(region: &str, form: Form) -> Option<Self> {
        let region = Region::parse(region)?;
        region.has(form).then_some(Self::Sts { region, form })
    }

    fn parse_ecr(region: &str, form: Form) -> Option<Self> {
        let region = Region::parse(region)?;
        region.has(form).then_some(Self::Ecr { region, form })
    }

    /// The API of ECR Public is in two regions.
    fn parse_ecr_public(region: &str, form: Form) -> Option<Self> {
        let region = Region::parse(region)?;
        let is_there = match (region.as_str(), form) {
            ("us-east-1", _) => true,
            ("us-west-2", form) => form != Form::DualStack,
            _ => false,
        };
        is_there.then_some(Self::EcrPublic { region, form })
    }

    fn parse_registry(account: &str, region: &str, form: Form) -> Option<Self> {
        let (account, region) = (account.parse().ok()?, Region::parse(region)?);
        region.has(form).then_some(Self::Registry { account, region, form })
    }

    pub(crate) fn service(&self) -> Service {
        match self {
            Self::GlobalSts | Self::Sts { .. } => Service::Sts,
            Self::Iam => Service::Iam,
            Self::Ecr { .. } | Self::EcrPublic { .. } => Service::Ecr,
            Self::Registry { .. } | Self::PublicRegistry { .. } => Service::Registry,
            Self::LayerBucket { .. } => Service::LayerBucket,
            Self::Machine(machine) => machine.service(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GlobalSts => f.write_str("sts.amazonaws.com"),
            Self::Sts { region, form } => match form {
                Form::Standard | Form::Short => write!(f, "sts.{region}.amazonaws.com"),
                Form::Fips => write!(f, "sts-fips.{region}.amazonaws.com"),
                Form::DualStack => write!(f, "sts.{region}.api.aws"),
                Form::FipsDualStack => write!(f, "sts-fips.{region}.api.aws"),
            },
            Self::Iam => f.write_str("iam.amazonaws.com"),
            Self::Ecr { region, form } => match form {
                Form::Standard => write!(f, "api.ecr.{region}.amazonaws.com"),
                Form::Short => write!(f, "ecr.{region}.amazonaws.com"),
                Form::Fips => write!(f, "ecr-fips.{region}.amazonaws.com"),
                Form::DualStack => write!(f, "ecr.{region}.api.aws"),
                Form::FipsDualStack => write!(f, "ecr-fips.{region}.api.aws"),
            },
            Self::Registry { account, region, form } => match form {
                Form::Standard | Form::Short => write!(f, "{account}.dkr.ecr.{region}.amazonaws.com"),
                Form::Fips => write!(f, "{account}.dkr.ecr-fips.{region}.amazonaws.com"),
                Form::DualStack => write!(f, "{account}.dkr-ecr.{region}.on.aws"),
                Form::FipsDualStack => write!(f, "{account}.dkr-ecr-fips.{region}.on.aws"),
            },
            Self::EcrPublic {
                region,
                form: Form::DualStack,
            } => write!(f, "ecr-public.{region}.api.aws"),
            Self::EcrPublic {
                region,
                form: Form::Short,
            } => write!(f, "ecr-public.{region}.amazonaws.com"),
            Self::EcrPublic { region, .. } => write!(f, "api.ecr-public.{region}.amazonaws.com"),
            Self::PublicRegistry { form: Form::DualStack } => f.write_str("ecr-public.aws.com"),
            Self::PublicRegistry { .. } => f.write_str("public.ecr.aws"),
            Self::LayerBucket { region } => write!(f, "{}.s3.{region}.amazonaws.com", Self::bucket_name(region)),
            Self::Machine(machine) => machine.link_local().fmt(f),
        }
    }
}

impl Region {
    /// Where global endpoints are signed for.
    pub(crate) fn us_east_1() -> Self {
        Self("us-east-1".to_owned())
    }

    /// Where public repositories are: in no region, under a word that no region is called.
    pub(crate) fn public() -> Self {
        Self("public".to_owned())
    }

    pub(crate) fn is_public(&self) -> bool {
        self.0 == "public"
    }

    /// `^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$`, the pattern of the partition `aws` in the SDKs' `partitions.json`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        const AREAS: [&str; 9] = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
        let mut parts = name.split('-');
        let (area, place, number) = (parts.next()?, parts.next()?, parts.next()?);
        let is_region = parts.next().is_none()
            && name.len() <= 32
            && AREAS.contains(&area)
            && !place.is_empty()
            && place
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit());
        is_region.then(|| Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether STS and ECR have a name of this form; of this partition only four regions have FIPS endpoints.
    fn has(&self, form: Form) -> bool {
        let has_fips = matches!(self.as_str(), "us-east-1" | "us-east-2" | "us-west-1" | "us-west-2");
        has_fips || !matches!(form, Form::Fips | Form::FipsDualStack)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn real_names_are_known() {
        for name in [
            "sts.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "sts.eu-central-1.amazonaws.com",
            "sts-fips.us-west-1.amazonaws.com",
            "sts.eu-central-1.api.aws",
            "sts-fips.us-east-2.api.aws",
            "iam.amazonaws.com",
            "api.ecr.us-east-1.amazonaws.com",
            "ecr.eu-west-1.amazonaws.com",
            "ecr-fips.us-west-2.amazonaws.com",
            "api.ecr-public.us-east-1.amazonaws.com",
            "ecr-public.us-west-2.amazonaws.com",
            "ecr-public.us-east-1.api.aws",
            "public.ecr.aws",
            "ecr-public.aws.com",
            "ecr.eu-west-1.api.aws",
            "ecr-fips.us-east-2.api.aws",
            "111122223333.dkr.ecr.ap-southeast-2.amazonaws.com",
            "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
            "111122223333.dkr-ecr.eu-west-1.on.aws",
            "111122223333.dkr-ecr-fips.us-west-1.on.aws",
            "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com",
        ] {
            assert_eq!(Host::parse(name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn case_and_port_do_not_matter() {
        assert_eq!(Host::parse("IAM.amazonaws.com:443"), Some(Host::Iam));
    }

    #[test]
    fn other_names_are_not() {
        for name in [
            "",
            "amazonaws.com",
            "ec2.us-east-1.amazonaws.com",
            "iam.us-east-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com.cn",
            "sts.us-east-1.amazonaws.com.example.org",
            "sts.us-gov-west-1.amazonaws.com",
            "sts.cn-north-1.amazonaws.com",
            "sts.us-east-1x.amazonaws.com",
            "sts.us--1.amazonaws.com",
            "sts-fips.eu-central-1.amazonaws.com",
            "sts-fips.ap-southeast-2.api.aws",
            "sts-fips.amazonaws.com",
            "sts.api.aws",
            "api.aws",
            "iam.us-east-1.api.aws",
            "sts.us-east-1.api.aws.example.org",
            "11112222333.dkr.ecr.us-east-1.amazonaws.com",
            "1111222233334.dkr.ecr.us-east-1.amazonaws.com",
            "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "111122223333.dkr-ecr-fips.eu-west-1.on.aws",
            "111122223333.dkr-ecr.us-east-1.on.aws.com.cn",
            "111122223333.dkr.ecr.us-east-1.on.aws",
            "ecr-fips.eu-west-1.amazonaws.com",
            "api.ecr-public.eu-west-1.amazonaws.com",
            "a.public.ecr.aws",
            "api.ecr.us-east-1.api.aws",
            "ecr-public.us-west-2.api.aws",
            "prod-us-east-1-starport-layer-bucket.s3.us-west-2.amazonaws.com",
            "my-bucket.s3.us-east-1.amazonaws.com",
            "iam.amazonaws.com:https",
            "iam.amazonaws.com.",
        ] {
            assert_eq!(Host::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(name in "\\PC{0,40}(\\.amazonaws\\.com|\\.on\\.aws|\\.api\\.aws)?(:[0-9]{0,6})?") {
            let _ = Host::parse(&name);
        }
    }
}

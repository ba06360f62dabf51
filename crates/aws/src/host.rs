use std::{fmt, str::FromStr};

use iam::AccountId;
use oci::RepositoryName;

/// The host name of a registry of Amazon ECR: an account's registry in a region, or the one public registry.
///
/// The forms are those of AWS's own credential helper: `A.dkr.ecr.R.SUFFIX` and its FIPS form `A.dkr.ecr-fips.R.SUFFIX`
/// in every partition, and the dual-stack forms `A.dkr-ecr.R.SUFFIX` and `A.dkr-ecr-fips.R.SUFFIX` where a partition has
/// them; `public.ecr.aws` and its dual-stack form `ecr-public.aws.com` for ECR Public. Nothing else is a registry: what
/// looks like one below a foreign domain is not contacted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost {
    name: String,
    /// Nobody's where the registry is the public one.
    account: Option<AccountId>,
    region: String,
    fips: bool,
    suffix: &'static Suffix,
}

/// A host name that is not that of an ECR registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not the host of an ECR registry: {reason}; expected ACCOUNT.dkr.ecr.REGION.amazonaws.com with an account of 12 digits, its FIPS, dual-stack, China, EU or isolated form, or public.ecr.aws"
)]
pub struct InvalidRegistryHost {
    name: String,
    reason: &'static str,
}

/// A domain under which registries lie.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Suffix {
    domain: &'static str,
    dual_stack: bool,
    partition: &'static str,
    /// The domain of the partition's S3, where layers are served from.
    storage: &'static str,
}

impl RegistryHost {
    /// The host name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The account that owns the registry. The public one belongs to everybody.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Whether it is ECR Public.
    pub fn is_public(&self) -> bool {
        self.account.is_none()
    }

    /// The region, such as `us-east-1`; of ECR Public the one that its logins come from.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The partition, as it stands in ARNs: `aws`, `aws-cn`, `aws-us-gov`, ….
    pub fn partition(&self) -> &'static str {
        // The government regions share the domains of the commercial ones.
        if self.suffix.partition == "aws" && self.region.starts_with("us-gov-") {
            return "aws-us-gov";
        }
        self.suffix.partition
    }

    /// Whether the host is a FIPS endpoint.
    pub fn is_fips(&self) -> bool {
        self.fips
    }

    /// Whether the host is a dual-stack endpoint.
    pub fn is_dual_stack(&self) -> bool {
        self.suffix.dual_stack
    }

    /// The ARN of a repository in this registry. Whose a public repository is cannot be told by its name.
    pub fn repository_arn(&self, repository: &RepositoryName) -> String {
        match &self.account {
            Some(account) => format!(
                "arn:{}:ecr:{}:{account}:repository/{repository}",
                self.partition(),
                self.region
            ),
            None => format!("arn:aws:ecr-public::*:repository/{repository}"),
        }
    }

    /// Whether `host` may serve the layers of this registry: a bucket of S3 in the registry's own region. ECR answers a
    /// blob's GET by a redirect to `prod-REGION-starport-layer-bucket.s3.REGION.SUFFIX`.
    pub fn serves_layers(&self, host: &str) -> bool {
        if self.is_public() && PUBLIC_LAYERS.contains(&host) {
            return true;
        }
        let Some(rest) = host
            .strip_suffix(self.suffix.storage)
            .and_then(|rest| rest.strip_suffix('.'))
        else {
            return false;
        };
        let Some(rest) = rest.strip_suffix(&self.region).and_then(|rest| rest.strip_suffix('.')) else {
            return false;
        };
        let bucket = ["s3.dualstack", "s3-fips.dualstack", "s3-fips", "s3"]
            .iter()
            .find_map(|service| rest.strip_suffix(service).and_then(|rest| rest.strip_suffix('.')));
        bucket.is_some_and(|bucket| is_label(bucket) && bucket.contains("starport-layer-bucket"))
    }
}

impl FromStr for RegistryHost {
    type Err = InvalidRegistryHost;

    fn from_str(text: &str) -> Result<Self, InvalidRegistryHost> {
        let name = text.to_ascii_lowercase();
        let invalid = |reason| InvalidRegistryHost {
            name: text.chars().take(200).collect(),
            reason,
        };
        if PUBLIC.contains(&name.as_str()) {
            return Ok(Self {
                account: None,
                region: "us-east-1".to_owned(),
                fips: false,
                suffix: if name == PUBLIC[0] { &SUFFIXES[0] } else { &SUFFIXES[1] },
                name,
            });
        }
        let (suffix, front) = SUFFIXES
            .iter()
            .find_map(|suffix| Some((suffix, name.strip_suffix(suffix.domain)?.strip_suffix('.')?)))
            .ok_or_else(|| invalid("its domain is none of AWS's"))?;
        let (account, rest) = front.split_once('.').ok_or_else(|| invalid("parts are missing"))?;
        let account = account
            .parse()
            .map_err(|_| invalid("it does not begin with an account of 12 digits"))?;
        let (service, fips_service) = if suffix.dual_stack {
            ("dkr-ecr.", "dkr-ecr-fips.")
        } else {
            ("dkr.ecr.", "dkr.ecr-fips.")
        };
        let (region, fips) = match (rest.strip_prefix(service), rest.strip_prefix(fips_service)) {
            (Some(region), _) => (region, false),
            (None, Some(region)) => (region, true),
            (None, None) => return Err(invalid("the part behind the account is not ECR's")),
        };
        if !is_label(region) {
            return Err(invalid("it names no region"));
        }
        Ok(Self {
            account: Some(account),
            region: region.to_owned(),
            fips,
            suffix,
            name: name.clone(),
        })
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryHost({self})")
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
}

/// ECR Public, and its dual-stack form.
const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// Where ECR Public keeps layers: AWS's content network, by the names that firewalls are told to let through.
const PUBLIC_LAYERS: [&str; 2] = ["d5l0dvt14r5h8.cloudfront.net", "d2glxqk2uabbnd.cloudfront.net"];

const SUFFIXES: [Suffix; 9] = [
    Suffix {
        domain: "amazonaws.com",
        dual_stack: false,
        partition: "aws",
        storage: "amazonaws.com",
    },
    Suffix {
        domain: "on.aws",
        dual_stack: true,
        partition: "aws",
        storage: "amazonaws.com",
    },
    Suffix {
        domain: "amazonaws.com.cn",
        dual_stack: false,
        partition: "aws-cn",
        storage: "amazonaws.com.cn",
    },
    Suffix {
        domain: "on.amazonwebservices.com.cn",
        dual_stack: true,
        partition: "aws-cn",
        storage: "amazonaws.com.cn",
    },
    Suffix {
        domain: "amazonaws.eu",
        dual_stack: false,
        partition: "aws-eusc",
        storage: "amazonaws.eu",
    },
    Suffix {
        domain: "c2s.ic.gov",
        dual_stack: false,
        partition: "aws-iso",
        storage: "c2s.ic.gov",
    },
    Suffix {
        domain: "sc2s.sgov.gov",
        dual_stack: false,
        partition: "aws-iso-b",
        storage: "sc2s.sgov.gov",
    },
    Suffix {
        domain: "cloud.adc-e.uk",
        dual_stack: false,
        partition: "aws-iso-e",
        storage: "cloud.adc-e.uk",
    },
    Suffix {
        domain: "csp.hci.ic.gov",
        dual_stack: false,
        partition: "aws-iso-f",
        storage: "csp.hci.ic.gov",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_is_read() {
        for (name, region, partition, fips, dual_stack) in [
            (
                "123456789012.dkr.ecr.us-west-2.amazonaws.com",
                "us-west-2",
                "aws",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "aws-us-gov",
                true,
                false,
            ),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws", false, true),
            (
                "123456789012.dkr-ecr-fips.us-east-1.on.aws",
                "us-east-1",
                "aws",
                true,
                true,
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "aws-cn",
                false,
                false,
            ),
            (
                "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
                "cn-north-1",
                "aws-cn",
                false,
                true,
            ),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                "aws-eusc",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
                "us-iso-east-1",
                "aws-iso",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
                "aws-iso-b",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
                "eu-isoe-west-1",
                "aws-iso-e",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.us-gov-east-1.amazonaws.com",
                "us-gov-east-1",
                "aws-us-gov",
                false,
                false,
            ),
            (
                "123456789012.dkr-ecr-fips.us-gov-west-1.on.aws",
                "us-gov-west-1",
                "aws-us-gov",
                true,
                true,
            ),
            (
                "123456789012.dkr.ecr-fips.ca-central-1.amazonaws.com",
                "ca-central-1",
                "aws",
                true,
                false,
            ),
            (
                "123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
                "aws-cn",
                false,
                true,
            ),
            (
                "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
                "us-isof-south-1",
                "aws-iso-f",
                false,
                false,
            ),
        ] {
            let host: RegistryHost = name.parse().unwrap();
            assert_eq!(host.account().unwrap().as_str(), "123456789012");
            assert_eq!(
                (host.region(), host.partition(), host.is_fips(), host.is_dual_stack()),
                (region, partition, fips, dual_stack)
            );
            assert_eq!(host.as_str(), name);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for name in [
            "",
            "registry.example.com",
            "public.ecr.aws.example.org",
            "my.public.ecr.aws",
            "public.ecr.aws:443",
            "ecr-public.aws",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.example.org",
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "1234567890123.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.on.aws.com.cn",
            "123456789012.dkr.ecr.us-east-1.on.aws",
            "123456789012.dkr-ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr..amazonaws.com",
            "123456789012.dkr.ecr.a.b.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.evilamazonaws.com",
            "evil.com/123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:443",
            "123456789012.s3.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.on.aws.com.cn",
            "123456789012.dkr-ecr.us-east-1.on.aws.example.org",
            "123456789012.dkr-ecr.cn-north-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.cn-north-1.on.amazonwebservices.com.cn",
            "123456789012.dkr-ecr.eusc-de-east-1.amazonaws.eu",
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu.com",
            "123456789012.dkr.ecr-fips-2.us-east-1.amazonaws.com",
            "123456789012.dkr.ecrfips.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.-us.amazonaws.com",
            "123456789012.dkr.ecr.us east.amazonaws.com",
            "12345678901a.dkr.ecr.us-east-1.amazonaws.com",
            "１23456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.",
            "123456789012.dkr.ecr.us-iso-east-1.ic.gov",
            "123456789012.dkr.ecr.us-isob-east-1.sgov.gov",
            "123456789012.dkr.ecr.eu-isoe-west-1.adc-e.uk",
            "123456789012.public.ecr.aws",
            "public.ecr-fips.aws",
            "ecr-public.aws.com.cn",
            "api.ecr.us-east-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
        ] {
            assert!(name.parse::<RegistryHost>().is_err(), "{name}");
        }
    }

    #[test]
    fn layers_come_from_the_bucket_of_the_region_and_from_nowhere_else() {
        let host: RegistryHost = "123456789012.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        assert!(host.serves_layers("prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com"));
        assert!(host.serves_layers("prod-us-east-1-starport-layer-bucket.s3.dualstack.us-east-1.amazonaws.com"));
        for other in [
            "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com.example.org",
            "prod-us-east-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
            "somebodys-bucket.s3.us-east-1.amazonaws.com",
            "a.starport-layer-bucket.s3.us-east-1.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "169.254.169.254",
        ] {
            assert!(!host.serves_layers(other), "{other}");
        }
    }

    #[test]
    fn the_public_registry_is_nobodys() {
        for (name, dual_stack) in [("public.ecr.aws", false), ("ECR-public.aws.com", true)] {
            let host: RegistryHost = name.parse().unwrap();
            assert!(host.is_public() && host.account().is_none());
            assert_eq!((host.region(), host.partition()), ("us-east-1", "aws"));
            assert_eq!(host.is_dual_stack(), dual_stack);
            assert!(host.serves_layers("d5l0dvt14r5h8.cloudfront.net"));
            assert!(host.serves_layers("prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com"));
            assert!(!host.serves_layers("somebody.cloudfront.net"));
        }
        let private: RegistryHost = "123456789012.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        assert!(!private.serves_layers("d5l0dvt14r5h8.cloudfront.net"));
    }

    #[test]
    fn repositories_have_their_arn() {
        let host: RegistryHost = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn".parse().unwrap();
        let arn = host.repository_arn(&"team/app".parse().unwrap());
        assert_eq!(arn, "arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/app");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_ends_with_a_domain_of_aws(name in "[0-9]{11,13}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]{1,12}\\.[a-z.]{0,30}") {
            if let Ok(host) = name.parse::<RegistryHost>() {
                prop_assert!(host.is_public() || SUFFIXES.iter().any(|suffix| host.as_str().ends_with(suffix.domain)));
            }
        }

        #[test]
        fn no_text_panics(name in "\\PC{0,80}") {
            let _ = name.parse::<RegistryHost>();
        }
    }
}

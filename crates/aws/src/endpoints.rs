use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer};

use crate::{RegistryHost, reading::parsed};

/// Where AWS's APIs are, where they are not at the addresses that the region of a registry implies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// STS. The own regional endpoint of a registry's region where nothing is said.
    pub sts: Option<Endpoint>,
    /// The API of ECR.
    pub ecr: Option<Endpoint>,
    /// Whether the FIPS endpoints are to be used also where the registry's host is none.
    pub fips: bool,
}

/// The URL of an API, such as that of a VPC endpoint; `{region}` in it is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

/// Text that is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}; expected https://HOST, such as https://sts.{{region}}.amazonaws.com")]
pub struct InvalidEndpoint {
    text: String,
    reason: &'static str,
}

impl Endpoints {
    /// Whether the APIs of this registry are asked by FIPS.
    pub(crate) fn is_fips(&self, host: &RegistryHost) -> bool {
        self.fips || host.is_fips()
    }

    /// Where the API of ECR is, where that is not left to the SDK. By FIPS the SDK would ask `api.ecr-fips.REGION`, which
    /// is none of the endpoints that AWS documents (<https://docs.aws.amazon.com/general/latest/gr/ecr.html>).
    pub(crate) fn ecr(&self, host: &RegistryHost) -> Option<String> {
        let documented =
            self.is_fips(host) && !host.is_dual_stack() && ["aws", "aws-us-gov"].contains(&host.partition());
        match &self.ecr {
            Some(endpoint) => Some(endpoint.url(host.region())),
            None => documented.then(|| format!("https://ecr-fips.{}.amazonaws.com", host.region())),
        }
    }

    /// Whether an API is asked by FIPS in a region in which AWS is not known to have such endpoints. It is asked all the
    /// same: regions are added, and to go without FIPS is not for this server to decide.
    pub(crate) fn lack_fips(&self, host: &RegistryHost) -> bool {
        let region = host.region();
        self.is_fips(host)
            && (self.sts.is_none() || self.ecr.is_none())
            && !FIPS_REGIONS.contains(&region)
            && !region.starts_with("us-gov-")
    }
}

impl Endpoint {
    /// The URL for a region.
    pub fn url(&self, region: &str) -> String {
        self.0.replace("{region}", region)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |reason| InvalidEndpoint {
            text: text.chars().take(200).collect(),
            reason,
        };
        // Credentials are sent there.
        if !text.starts_with("https://") {
            return Err(invalid("does not begin with https://"));
        }
        let url = reqwest::Url::parse(&text.replace("{region}", "us-east-1")).map_err(|_| invalid("is no URL"))?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain || text.ends_with('/') {
            return Err(invalid("has more than a host and a port"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// The commercial regions with FIPS endpoints of STS and of ECR (<https://aws.amazon.com/compliance/fips/>).
const FIPS_REGIONS: [&str; 4] = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_put_in() {
        let endpoint: Endpoint = "https://vpce-0a1b.sts.{region}.vpce.amazonaws.com".parse().unwrap();
        assert_eq!(
            endpoint.url("eu-west-1"),
            "https://vpce-0a1b.sts.eu-west-1.vpce.amazonaws.com"
        );
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            "sts.us-east-1.amazonaws.com",
            "http://sts.us-east-1.amazonaws.com",
            "https://user@sts.us-east-1.amazonaws.com",
            "https://sts.us-east-1.amazonaws.com/",
            "https://sts.us-east-1.amazonaws.com/a",
            "https://sts.us-east-1.amazonaws.com?a",
            "https://",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}

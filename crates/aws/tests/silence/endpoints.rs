//! Which hosts are asked for a login, for each kind of registry and each setting: the names that are looked up are what
//! counts.

use aws::{AwsError, Broker, Endpoints, Kind, RegistryHost, Settings};
use jiff::Timestamp;
use serde_json::json;

use crate::nowhere::{Nowhere, caller, client};

const ROLE: &str = "arn:aws:iam::111122223333:role/pull";

/// The host that is asked first for a login of a key, which is the API of ECR, or STS where a role is to be assumed.
async fn asked(host: &str, endpoints: &Endpoints, has_hop: bool) -> (String, AwsError) {
    let nowhere = Nowhere::default();
    let settings = Settings {
        endpoints: endpoints.clone(),
        ..Settings::default()
    };
    let broker = Broker::new(settings, client(nowhere.clone()), Timestamp::now);
    let hops = has_hop.then(|| serde_json::from_value(json!({ "roleArn": ROLE })).unwrap());
    let caller = caller(hops.into_iter().collect());
    let host: RegistryHost = host.parse().unwrap();
    let error = broker.login(&caller, &host).await.unwrap_err();
    (nowhere.names().pop().unwrap(), error)
}

async fn check(host: &str, endpoints: &Endpoints, sts: &str, ecr: &str) {
    for (has_hop, expected) in [(true, sts), (false, ecr)] {
        let (name, error) = asked(host, endpoints, has_hop).await;
        assert_eq!(name, expected, "{host}: {error}");
        assert_eq!(error.kind, Kind::Unavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn each_registry_has_the_endpoints_of_its_region_and_kind() {
    let settings = Endpoints::default();
    for (host, sts, ecr) in [
        (
            "dkr.ecr.eu-west-1.amazonaws.com",
            "sts.eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
        ),
        (
            "dkr.ecr.us-east-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "api.ecr.us-east-1.amazonaws.com",
        ),
        (
            "dkr.ecr-fips.us-east-1.amazonaws.com",
            "sts-fips.us-east-1.amazonaws.com",
            "ecr-fips.us-east-1.amazonaws.com",
        ),
        (
            "dkr-ecr.eu-west-1.on.aws",
            "sts.eu-west-1.api.aws",
            "ecr.eu-west-1.api.aws",
        ),
        (
            "dkr-ecr-fips.us-west-2.on.aws",
            "sts-fips.us-west-2.api.aws",
            "ecr-fips.us-west-2.api.aws",
        ),
        (
            "dkr.ecr.us-gov-west-1.amazonaws.com",
            "sts.us-gov-west-1.amazonaws.com",
            "api.ecr.us-gov-west-1.amazonaws.com",
        ),
        (
            "dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "sts.us-gov-west-1.amazonaws.com",
            "ecr-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "dkr.ecr.cn-north-1.amazonaws.com.cn",
            "sts.cn-north-1.amazonaws.com.cn",
            "api.ecr.cn-north-1.amazonaws.com.cn",
        ),
        (
            "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            "sts.cn-north-1.api.amazonwebservices.com.cn",
            "ecr.cn-north-1.api.amazonwebservices.com.cn",
        ),
        (
            "dkr.ecr.eusc-de-east-1.amazonaws.eu",
            "sts.eusc-de-east-1.amazonaws.eu",
            "api.ecr.eusc-de-east-1.amazonaws.eu",
        ),
        (
            "dkr.ecr.us-iso-east-1.c2s.ic.gov",
            "sts.us-iso-east-1.c2s.ic.gov",
            "api.ecr.us-iso-east-1.c2s.ic.gov",
        ),
        (
            "dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
            "sts.us-isob-east-1.sc2s.sgov.gov",
            "api.ecr.us-isob-east-1.sc2s.sgov.gov",
        ),
        (
            "dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            "sts.eu-isoe-west-1.cloud.adc-e.uk",
            "api.ecr.eu-isoe-west-1.cloud.adc-e.uk",
        ),
        (
            "dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
            "sts.us-isof-south-1.csp.hci.ic.gov",
            "api.ecr.us-isof-south-1.csp.hci.ic.gov",
        ),
    ] {
        check(&format!("111122223333.{host}"), &settings, sts, ecr).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_public_registry_has_the_endpoints_of_its_one_region() {
    let settings = Endpoints::default();
    check(
        "public.ecr.aws",
        &settings,
        "sts.us-east-1.amazonaws.com",
        "api.ecr-public.us-east-1.amazonaws.com",
    )
    .await;
    check(
        "ecr-public.aws.com",
        &settings,
        "sts.us-east-1.api.aws",
        "ecr-public.us-east-1.api.aws",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_configuration_counts_before_the_kind_of_the_registry() {
    let settings = Endpoints {
        sts: Some("https://sts.{region}.vpce.example".parse().unwrap()),
        ecr: Some("https://ecr.vpce.example".parse().unwrap()),
        fips: true,
    };
    for host in ["dkr.ecr.eu-west-1.amazonaws.com", "dkr-ecr.eu-west-1.on.aws"] {
        check(
            &format!("111122223333.{host}"),
            &settings,
            "sts.eu-west-1.vpce.example",
            "ecr.vpce.example",
        )
        .await;
    }
    let fips = Endpoints {
        fips: true,
        ..Endpoints::default()
    };
    let host = "111122223333.dkr.ecr.us-east-2.amazonaws.com";
    check(
        host,
        &fips,
        "sts-fips.us-east-2.amazonaws.com",
        "ecr-fips.us-east-2.amazonaws.com",
    )
    .await;
}

/// There is no such endpoint, and none without FIPS is asked instead.
#[tokio::test(start_paused = true)]
async fn where_aws_has_no_fips_endpoint_that_is_said() {
    let settings = Endpoints::default();
    for host in ["dkr.ecr-fips.eu-west-1.amazonaws.com", "dkr-ecr-fips.eu-west-1.on.aws"] {
        let (name, error) = asked(&format!("111122223333.{host}"), &settings, true).await;
        assert!(name.starts_with("sts-fips.eu-west-1."), "{name}");
        assert!(
            error.causes[0].why.contains("FIPS endpoints") && error.causes[0].why.contains("eu-west-1"),
            "{error}"
        );
        assert!(error.causes[0].fix.contains("aws.sts"), "{error}");
    }
    for host in [
        "dkr.ecr-fips.us-gov-east-1.amazonaws.com",
        "dkr.ecr.eu-west-1.amazonaws.com",
    ] {
        let (_, error) = asked(&format!("111122223333.{host}"), &settings, true).await;
        assert!(!error.causes[0].why.contains("FIPS"), "{error}");
    }
}

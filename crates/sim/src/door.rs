use http::{HeaderMap, Method, header, request::Parts};
use iam::AccountId;
use url::form_urlencoded;

use crate::{
    host::{Form, Host, Region},
    machine::Running,
};

/// The way by which a request came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// TLS, by AWS's own host names.
    Names,
    /// Plain HTTP for tools that are given one URL for all of AWS: what a request says of itself tells its service.
    Endpoint,
    /// Plain HTTP for one registry and the layers that it redirects to, for clients that cannot be told where a name is.
    Registry { account: AccountId, region: Region },
    /// Plain HTTP for the processes on a machine.
    Machine(Running),
    /// No part of AWS: whoever runs the simulator watches and steers it here.
    Control,
}

impl Door {
    /// The host that a request is for; none where neither its name nor anything else tells.
    pub(crate) fn host(&self, authority: &str, parts: &Parts) -> Option<Host> {
        match self {
            Self::Names => Host::parse(authority),
            Self::Endpoint => Host::parse(authority)
                .or_else(|| bucket_in_path(parts.uri.path()))
                .or_else(|| signed_for(parts))
                .or_else(|| unsigned(parts)),
            Self::Registry { account, region } => {
                let registry = || Host::registry(*account, region.clone());
                Some(bucket_in_path(parts.uri.path()).unwrap_or_else(registry))
            }
            Self::Machine(machine) => Some(Host::Machine(machine.clone())),
            Self::Control => None,
        }
    }

    /// Whether what goes through it is encrypted, `aws:SecureTransport`.
    pub(crate) fn is_secure(&self) -> bool {
        *self == Self::Names
    }

    /// The URL under which a client that came by `authority` finds a path of `host`.
    pub(crate) fn url(&self, authority: &str, host: &Host, path: &str) -> String {
        match (self, host) {
            (Self::Names, _) => format!("https://{host}{path}"),
            // Path style, as S3 has it for clients that do not know the bucket's own name.
            (_, Host::LayerBucket { region }) => {
                format!("http://{authority}/{bucket}{path}", bucket = Host::bucket_name(region))
            }
            _ => format!("http://{authority}{path}"),
        }
    }

    /// The key of an object in a request's path.
    pub(crate) fn object_key<'p>(&self, region: &Region, path: &'p str) -> &'p str {
        let path = path.strip_prefix('/').unwrap_or(path);
        let in_path = path
            .strip_prefix(&Host::bucket_name(region))
            .and_then(|rest| rest.strip_prefix('/'));
        in_path.filter(|_| *self != Self::Names).unwrap_or(path)
    }
}

/// `/prod-REGION-starport-layer-bucket/KEY`
fn bucket_in_path(path: &str) -> Option<Host> {
    let bucket = path.strip_prefix('/')?.split('/').next()?;
    let region = Region::parse(bucket.strip_prefix("prod-")?.strip_suffix("-starport-layer-bucket")?)?;
    Some(Host::LayerBucket { region })
}

/// By the scope of the signature: `KEY/DATE/REGION/SERVICE/aws4_request`.
fn signed_for(parts: &Parts) -> Option<Host> {
    let credential = header_credential(&parts.headers).or_else(|| query_credential(parts.uri.query()?))?;
    let mut scope = credential.split('/').skip(2);
    let region = Region::parse(scope.next()?)?;
    match scope.next()? {
        "sts" => Some(Host::sts(region)),
        "iam" => Some(Host::Iam),
        "ecr" => Some(Host::ecr(region)),
        "ecr-public" => Some(Host::EcrPublic {
            region,
            form: Form::Standard,
        }),
        _ => None,
    }
}

fn header_credential(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    Some(credential.split(',').next()?.trim().to_owned())
}

fn query_credential(query: &str) -> Option<String> {
    let mut params = form_urlencoded::parse(query.as_bytes());
    params
        .find(|(name, _)| name == "X-Amz-Credential")
        .map(|(_, credential)| credential.into_owned())
}

/// Calls without a signature: those of STS that need none, and those that forgot it, which their service refuses.
fn unsigned(parts: &Parts) -> Option<Host> {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    if target.is_some_and(|target| target.starts_with("AmazonEC2ContainerRegistry_")) {
        return Some(Host::ecr(Region::us_east_1()));
    }
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let is_query = parts
        .uri
        .query()
        .is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "Action"));
    let is_call = (parts.method == Method::POST && is_form) || is_query;
    is_call.then(|| Host::sts(Region::us_east_1()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUCKET: &str = "/prod-eu-west-1-starport-layer-bucket/abcd-111122223333-x/y";

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn endpoint(method: &str, target: &str, headers: &[(&str, &str)]) -> Option<String> {
        let host = Door::Endpoint.host("127.0.0.1:4567", &parts(method, target, headers));
        host.map(|host| host.to_string())
    }

    #[test]
    fn the_scope_of_a_signature_names_the_service() {
        for (scope, host) in [
            ("us-east-1/iam", Some("iam.amazonaws.com")),
            ("eu-west-1/sts", Some("sts.eu-west-1.amazonaws.com")),
            ("eu-west-1/ecr", Some("api.ecr.eu-west-1.amazonaws.com")),
            ("eu-west-1/ec2", None),
            ("nowhere/sts", None),
        ] {
            let signed = format!("AWS4-HMAC-SHA256 Credential=AKIA/20261120/{scope}/aws4_request, SignedHeaders=host");
            assert_eq!(endpoint("POST", "/", &[("authorization", &signed)]).as_deref(), host);
            let target = format!(
                "/?X-Amz-Credential=AKIA%2F20261120%2F{}%2Faws4_request",
                scope.replace('/', "%2F")
            );
            assert_eq!(endpoint("GET", &target, &[]).as_deref(), host);
        }
    }

    #[test]
    fn calls_without_a_signature_go_where_they_belong() {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let sts = Some("sts.us-east-1.amazonaws.com".to_owned());
        assert_eq!(endpoint("POST", "/", &[form]), sts);
        assert_eq!(endpoint("GET", "/?Action=GetCallerIdentity", &[]), sts);
        let target = ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.ListImages");
        assert_eq!(
            endpoint("POST", "/", &[target]).as_deref(),
            Some("api.ecr.us-east-1.amazonaws.com")
        );
        assert_eq!(endpoint("GET", "/v2/", &[]), None);
    }

    #[test]
    fn a_name_of_aws_wins() {
        let parts = parts("GET", "/v2/", &[]);
        assert_eq!(Door::Endpoint.host("iam.amazonaws.com", &parts), Some(Host::Iam));
        assert_eq!(Door::Names.host("127.0.0.1:4566", &parts), None);
    }

    #[test]
    fn layers_are_found_in_the_path_where_names_are_not_to_be_had() {
        let region = Region::parse("eu-west-1").unwrap();
        let bucket = Host::LayerBucket { region: region.clone() };
        let door = Door::Registry {
            account: "111122223333".parse().unwrap(),
            region: Region::us_east_1(),
        };
        assert_eq!(
            door.host("127.0.0.1:5001", &parts("GET", BUCKET, &[])),
            Some(bucket.clone())
        );
        assert_eq!(door.object_key(&region, BUCKET), "abcd-111122223333-x/y");
        assert_eq!(
            door.url("127.0.0.1:5001", &bucket, "/abcd-111122223333-x/y"),
            format!("http://127.0.0.1:5001{BUCKET}")
        );
        assert_eq!(
            door.host("127.0.0.1:5001", &parts("GET", "/v2/", &[]))
                .unwrap()
                .to_string(),
            "111122223333.dkr.ecr.us-east-1.amazonaws.com"
        );
        // By its name a bucket has nothing but keys.
        assert_eq!(Door::Names.object_key(&region, BUCKET), &BUCKET[1..]);
        assert_eq!(
            Door::Names.url("x", &bucket, "/k"),
            "https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/k"
        );
    }

    proptest! {
        #[test]
        fn no_request_panics(authority in "\\PC{0,20}", path in "/[!-~]{0,40}", header in "[ -~]{0,60}") {
            let Ok(request) = http::Request::get(path).header("authorization", header).body(()) else { return Ok(()) };
            let _ = Door::Endpoint.host(&authority, &request.into_parts().0);
        }
    }
}

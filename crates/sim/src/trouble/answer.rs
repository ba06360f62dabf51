//! Errors as each service writes them, for calls that the service itself never sees.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use super::{effect::ErrorAnswer, when::Target};
use crate::{
    exchange::{Response, empty, respond, set_header},
    machine::{metadata_page, pod_error, task_error},
    trail::{Entry, Service},
    xml::Element,
};

/// An error before it is put into a service's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
}

impl Failure {
    /// What a rule says, and where it says nothing, what the service would.
    pub(super) fn of(error: &ErrorAnswer, target: Target) -> Self {
        let status = error.status.get();
        let (code, message) = usual(target, status);
        Self {
            status,
            code: error.code.as_ref().map_or(code, |code| code.as_str().to_owned()),
            message: error
                .message
                .as_ref()
                .map_or(message, |message| message.as_str().to_owned()),
        }
    }

    /// The answer of a service that has a fault of its own.
    fn internal(target: Target) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let (code, message) = usual(target, status);
        Self { status, code, message }
    }

    /// The answer to too many calls.
    pub(super) fn throttled(target: Target) -> Self {
        let status = match target {
            Target::Sts | Target::Iam | Target::Ecr => StatusCode::BAD_REQUEST,
            Target::Registry
            | Target::InstanceMetadata
            | Target::TaskCredentials
            | Target::PodIdentity
            | Target::Issuer => StatusCode::TOO_MANY_REQUESTS,
            Target::LayerBucket => StatusCode::SERVICE_UNAVAILABLE,
        };
        let (code, message) = usual(target, status);
        Self { status, code, message }
    }

    /// What the client gets; the answer to a HEAD has no body.
    pub(super) fn answer(&self, target: Target, request_id: &str, head: bool) -> Response {
        let mut response = match target {
            Target::Sts => self.query("https://sts.amazonaws.com/doc/2011-06-15/", request_id),
            Target::Iam => self.query("https://iam.amazonaws.com/doc/2010-05-08/", request_id),
            Target::Ecr => self.json(request_id),
            Target::Registry | Target::Issuer => self.envelope(),
            Target::LayerBucket => self.s3(request_id),
            Target::InstanceMetadata => metadata_page(self.status),
            Target::TaskCredentials => task_error(self.status, &self.code, &self.message),
            Target::PodIdentity => pod_error(self.status, &self.code, &self.message, request_id),
        };
        if head {
            *response.body_mut() = empty();
        }
        response
    }

    fn query(&self, namespace: &'static str, request_id: &str) -> Response {
        let whose = if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        let error = Element::new("Error")
            .child(Element::text("Type", whose))
            .child(Element::text("Code", &self.code))
            .child(Element::text("Message", &self.message));
        let document = Element::new("ErrorResponse")
            .namespace(namespace)
            .child(error)
            .child(Element::text("RequestId", request_id));
        let mut response = respond(self.status, "text/xml", document.print());
        set_header(&mut response, AMZN_REQUEST_ID, request_id);
        response
    }

    fn json(&self, request_id: &str) -> Response {
        let document = json!({"__type": self.code, "message": self.message});
        let mut response = respond(self.status, "application/x-amz-json-1.1", document.to_string());
        set_header(&mut response, AMZN_REQUEST_ID, request_id);
        response
    }

    fn envelope(&self) -> Response {
        let document = json!({"errors": [{"code": self.code, "message": self.message}]});
        let mut response = respond(self.status, "application/json; charset=utf-8", document.to_string());
        response.headers_mut().insert(
            HeaderName::from_static("docker-distribution-api-version"),
            HeaderValue::from_static("registry/2.0"),
        );
        response
    }

    fn s3(&self, request_id: &str) -> Response {
        let document = Element::new("Error")
            .child(Element::text("Code", &self.code))
            .child(Element::text("Message", &self.message))
            .child(Element::text("RequestId", request_id))
            .child(Element::text("HostId", "simulated"));
        let mut response = respond(self.status, "application/xml", document.print_compact());
        set_header(&mut response, HeaderName::from_static("x-amz-request-id"), request_id);
        response
            .headers_mut()
            .insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
        response
    }
}

const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The code and the message that a service has for a status: AWS's lists of common errors, S3's list of error codes and
/// the distribution project's registry.
/// The answer of a service that cannot do what it was asked for by no fault of the client.
pub(crate) fn internal_failure(service: Service, entry: &mut Entry, head: bool) -> Response {
    let target = Target::of(service);
    let failure = Failure::internal(target);
    entry.failed(&failure.code, &failure.message);
    failure.answer(target, &entry.call.request_id, head)
}

fn usual(target: Target, status: StatusCode) -> (String, String) {
    let (code, message) = match (target, status.as_u16()) {
        (Target::Sts | Target::Iam, 400 | 429) => ("Throttling", "Rate exceeded"),
        (Target::Ecr, 400 | 429) => ("ThrottlingException", "Rate exceeded"),
        (Target::Registry, 429) => ("TOOMANYREQUESTS", "Rate exceeded"),
        (Target::LayerBucket, 503) => ("SlowDown", "Please reduce your request rate."),
        (Target::Sts | Target::Iam, 403) => ("AccessDenied", "Access Denied"),
        (Target::Ecr, 403) => ("AccessDeniedException", "Access Denied"),
        (Target::Registry, 403) => ("DENIED", "requested access to the resource is denied"),
        (Target::LayerBucket, 403) => ("AccessDenied", "Access Denied"),
        (Target::Sts | Target::Iam | Target::Ecr, 500) => (
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        (Target::Registry, 500) => ("UNKNOWN", "unknown error"),
        (Target::LayerBucket, 500) => ("InternalError", "We encountered an internal error. Please try again."),
        (Target::Sts | Target::Iam | Target::Ecr, 503) => (
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        ),
        (Target::Registry, 503) => ("UNAVAILABLE", "service unavailable"),
        // The agent's rate limiter, and the service model of EKS Auth.
        (Target::TaskCredentials, 429) => ("TooManyRequests", "You have reached maximum request limit."),
        (Target::PodIdentity, 429) => (
            "ThrottlingException",
            "The request was denied because your request rate is too high. Reduce the frequency of requests.",
        ),
        (Target::PodIdentity, 500) => (
            "InternalServerException",
            "These errors are usually caused by a server-side issue.",
        ),
        (Target::PodIdentity, 503) => (
            "ServiceUnavailableException",
            "The service is unavailable. Back off and retry the operation.",
        ),
        _ => {
            let reason = status.canonical_reason().unwrap_or("Error");
            let words = reason.replace('\'', "");
            let code = match target {
                Target::Registry => words.to_uppercase().replace([' ', '-'], "_"),
                _ => words.replace([' ', '-'], ""),
            };
            return (code, reason.to_owned());
        }
    };
    (code.to_owned(), message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    const ALL: [Target; 8] = [
        Target::Sts,
        Target::Iam,
        Target::Ecr,
        Target::Registry,
        Target::LayerBucket,
        Target::InstanceMetadata,
        Target::TaskCredentials,
        Target::PodIdentity,
    ];

    #[test]
    fn each_service_has_its_own_words_for_too_many_calls() {
        let found = ALL.map(|target| {
            let failure = Failure::throttled(target);
            (failure.status.as_u16(), failure.code, failure.message)
        });
        let expected = [
            (400, "Throttling", "Rate exceeded"),
            (400, "Throttling", "Rate exceeded"),
            (400, "ThrottlingException", "Rate exceeded"),
            (429, "TOOMANYREQUESTS", "Rate exceeded"),
            (503, "SlowDown", "Please reduce your request rate."),
            (429, "TooManyRequests", "Too Many Requests"),
            (429, "TooManyRequests", "You have reached maximum request limit."),
            (
                429,
                "ThrottlingException",
                "The request was denied because your request rate is too high. Reduce the frequency of requests.",
            ),
        ];
        let expected = expected.map(|(status, code, message)| (status, code.to_owned(), message.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_the_rule_says_goes_first() {
        let error = serde_json::from_str(r#"{"status": 418, "message": "no coffee"}"#).unwrap();
        let failure = Failure::of(&error, Target::Registry);
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("IM_A_TEAPOT", "no coffee")
        );
        let failure = Failure::of(&error, Target::Sts);
        assert_eq!(failure.code, "Imateapot");
    }

    #[tokio::test]
    async fn a_head_has_no_body() {
        for target in ALL {
            let failure = Failure::throttled(target);
            let length = async |head: bool| {
                let response = failure.answer(target, "id", head);
                response.into_body().collect().await.unwrap().to_bytes().len()
            };
            assert_eq!(length(true).await, 0);
            assert_ne!(length(false).await, 0);
        }
    }
}

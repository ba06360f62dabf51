//! The Query protocol of STS and IAM: parameters of a form in, XML out.

mod constraint;
mod malformed;
mod params;
mod pattern;

use http::{HeaderName, StatusCode};

pub(crate) use constraint::Validation;
pub(crate) use malformed::{SYNTAX_ERRORS, malformed_policy};
pub(crate) use params::Params;
pub(crate) use pattern::{Form, Pattern};

use crate::{
    exchange::{Response, Unread, respond, set_header},
    sigv4::Refused,
    xml::Element,
};

/// The longest request in bytes.
pub(crate) const MAX_REQUEST: usize = 512 * 1024;

/// A service that speaks the Query protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(crate) version: &'static str,
    pub(crate) namespace: &'static str,
}

/// An error as the Query services write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// 400 with any code.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::bad_request("ValidationError", message)
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// The answer to a parameter that this AWS does not act on: ignoring it would say yes to what AWS might deny.
    pub(crate) fn not_simulated(what: &str, parameter: &str) -> Self {
        Self::validation(format!(
            "This simulated AWS has no {what} yet; leave {parameter} out of the request."
        ))
    }

    /// The answer to an action of the service that this AWS does not have.
    pub(crate) fn action_not_simulated(action: &str) -> Self {
        Self::validation(format!("This simulated AWS does not have the action {action} yet."))
    }

    /// The answer to an action that the service does not have.
    pub(crate) fn unknown_action(action: &str, version: Option<&str>) -> Self {
        let version = version.unwrap_or("NO_VERSION_SPECIFIED");
        Self::bad_request(
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        )
    }
}

impl Api {
    /// The answer to a call that succeeded: `<ActionResponse><ActionResult>…`; some actions have no result.
    pub(crate) fn success(&self, action: &str, result: Option<Element>, request_id: &str) -> Response {
        let metadata = Element::new("ResponseMetadata").child(Element::text("RequestId", request_id));
        let document = Element::named(format!("{action}Response"))
            .namespace(self.namespace)
            .maybe(result)
            .child(metadata);
        self.answer(StatusCode::OK, &document, request_id)
    }

    /// The answer to a call that failed.
    pub(crate) fn failure(&self, fault: &Fault, request_id: &str) -> Response {
        let at_fault = if fault.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        let document = Element::new("ErrorResponse")
            .namespace(self.namespace)
            .child(
                Element::new("Error")
                    .child(Element::text("Type", at_fault))
                    .child(Element::text("Code", fault.code))
                    .child(Element::text("Message", &fault.message)),
            )
            .child(Element::text("RequestId", request_id));
        self.answer(fault.status, &document, request_id)
    }

    fn answer(&self, status: StatusCode, document: &Element, request_id: &str) -> Response {
        let mut response = respond(status, "text/xml", document.print());
        set_header(&mut response, HeaderName::from_static("x-amzn-requestid"), request_id);
        response
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::new(
                StatusCode::FORBIDDEN,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Refused::Incomplete(message) => Self::bad_request("IncompleteSignature", message),
            Refused::UnknownKey => Self::new(
                StatusCode::FORBIDDEN,
                "InvalidClientTokenId",
                "The security token included in the request is invalid",
            ),
            Refused::Expired => Self::new(
                StatusCode::FORBIDDEN,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            Refused::Mismatch(message) => Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message),
        }
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLong(_) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "Request body size exceeded the maximum",
            ),
            Unread::TooSlow | Unread::Broken => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period.",
            ),
        }
    }
}

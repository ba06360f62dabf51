//! What AWS's refusals mean, call by call: the facts behind are the error tables of the STS and ECR API references and
//! recorded observations of both services.

pub(crate) mod ecr;
pub(crate) mod hop;
pub(crate) mod public;
pub(crate) mod registry;
pub(crate) mod source;
pub(crate) mod sts;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{AwsError, Kind};

/// A call that failed, free of the SDK's types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The service answered with an error.
    Answered { status: u16, code: String, message: String },
    /// The service did not answer: no connection, no time left.
    Silent(String),
    /// The service answered with something else than its API promises.
    Incomprehensible(String),
}

impl Failure {
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            SdkError::ServiceError(context) => Self::Answered {
                status: context.raw().status().as_u16(),
                code: context.err().code().unwrap_or("an error without a code").to_owned(),
                message: context.err().message().unwrap_or("no message").to_owned(),
            },
            SdkError::ResponseError(context) => Self::Incomprehensible(format!(
                "HTTP {} with a body that its API does not know",
                context.raw().status()
            )),
            other => Self::Silent(causes(other)),
        }
    }

    /// An error in the form of AWS's JSON protocols.
    pub(crate) fn of_json(status: u16, body: &[u8]) -> Self {
        #[derive(Default, serde::Deserialize)]
        struct Answer {
            #[serde(default, rename = "__type")]
            code: String,
            #[serde(default, alias = "Message")]
            message: String,
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
            return Self::Incomprehensible(format!("HTTP {status} with a body that its API does not know"));
        };
        let code = answer.code.rsplit('#').next().unwrap_or_default();
        Self::Answered {
            status,
            code: if code.is_empty() {
                "an error without a code"
            } else {
                code
            }
            .to_owned(),
            message: answer.message,
        }
    }

    pub(crate) fn incomplete(what: &str) -> Self {
        Self::Incomprehensible(format!("a success without {what}"))
    }

    fn said(&self) -> String {
        match self {
            Self::Answered { status, code, message } => format!("{code} (HTTP {status}): {message}"),
            Self::Silent(why) => format!("nothing ({why})"),
            Self::Incomprehensible(what) => what.clone(),
        }
    }

    /// The explanation that does not depend on the call: AWS is not there, or not well.
    fn explain_generally(&self, tried: String, service: &str) -> AwsError {
        let (kind, cause, fix) = match self {
            Self::Silent(_) => (
                Kind::Unavailable,
                format!("{service} cannot be reached from here"),
                "check the network, the resolve map and the CA bundle of the configuration; a private network needs a VPC endpoint or a proxy".to_owned(),
            ),
            Self::Incomprehensible(_) => (
                Kind::Unavailable,
                format!("something else than {service} answers at its address, such as an intercepting proxy"),
                "look at what answers there; check the resolve map of the configuration".to_owned(),
            ),
            Self::Answered { status, code, .. } if is_throttling(*status, code) => (
                Kind::Throttled,
                format!("the account's request rate for {service} is exhausted"),
                "try again later; if it stays, raise the quota in the account".to_owned(),
            ),
            Self::Answered { status: 500.., .. } => (
                Kind::Unavailable,
                format!("{service} is in trouble itself"),
                "try again later; see the AWS Health Dashboard".to_owned(),
            ),
            Self::Answered { code, .. } => (
                Kind::Refused,
                format!("{service} refuses with {code}"),
                format!("look up {code} in the API reference of {service}"),
            ),
        };
        AwsError {
            kind,
            tried,
            said: self.said(),
            cause,
            fix,
            document: None,
        }
    }
}

fn is_throttling(status: u16, code: &str) -> bool {
    status == 429
        || matches!(
            code,
            "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException"
        )
}

/// The error and what caused it, as one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

//! What AWS's refusals mean, call by call: the facts behind are the error tables of the STS and ECR API references and
//! recorded observations of both services.

mod credential;
mod denial;
pub(crate) mod ecr;
pub(crate) mod hop;
pub(crate) mod public;
pub(crate) mod registry;
pub(crate) mod repository;
mod sentence;
#[cfg(test)]
mod shown;
pub(crate) mod source;
pub(crate) mod sts;
pub(crate) mod text;
mod trust;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{AwsError, Cause, Kind, RegistryHost};

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

    /// The explanation of a failed call. `causes` has those that are the call's own, by the code and the message of an
    /// answer; where there are none, and where AWS is not there or not well, the explanation is the same for every call.
    pub(crate) fn explained(
        &self,
        tried: &str,
        service: &str,
        causes: impl FnOnce(&str, &str) -> Vec<Cause>,
    ) -> AwsError {
        let kind = self.kind();
        let own = match self {
            Self::Answered { code, message, .. } if kind != Kind::Throttled => causes(code, message),
            _ => Vec::new(),
        };
        let causes = if own.is_empty() { self.general(service) } else { own };
        AwsError::new(kind, tried, &self.said(), causes)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Silent(_) | Self::Incomprehensible(_) | Self::Answered { status: 500.., .. } => Kind::Unavailable,
            Self::Answered { status, code, .. } if is_throttling(*status, code) => Kind::Throttled,
            // The one of STS that is worth trying again ("AssumeRoleWithWebIdentity" in the STS API reference).
            Self::Answered { code, .. } if code.starts_with("IDPCommunicationError") => Kind::Unavailable,
            Self::Answered { .. } => Kind::Refused,
        }
    }

    fn general(&self, service: &str) -> Vec<Cause> {
        match (self, self.kind()) {
            (Self::Silent(_), _) => unreachable(service),
            (Self::Incomprehensible(_), _) => vec![Cause::new(
                format!("something else than {service} answers at its address, such as an intercepting proxy"),
                "look at what answers there: curl -v with the host's name",
                "check the resolve map of the configuration, and let the proxy leave AWS's hosts alone",
            )],
            (Self::Answered { .. }, Kind::Throttled) => throttled(service),
            (Self::Answered { .. }, Kind::Unavailable) => vec![Cause::new(
                format!("{service} is in trouble itself"),
                "look at the AWS Health Dashboard: https://health.aws.amazon.com",
                "try again later",
            )],
            (Self::Answered { code, .. }, _) => vec![Cause::new(
                format!("{service} refuses with {code}"),
                format!("look up {code} in the API reference of {service}"),
                "do what the message of AWS asks for",
            )],
        }
    }
}

/// This machine's clock is known to be off; `fault` says by how much.
pub(crate) fn wrong_clock(fault: &str) -> Cause {
    credential::clock(format!("{fault}, which alone can be the reason"))
}

/// There is no endpoint of the kind that the registry, or the configuration, asks for, as far as AWS documents.
pub(crate) fn no_fips(host: &RegistryHost) -> Cause {
    Cause::new(
        format!(
            "AWS has FIPS endpoints of STS and ECR in regions of the United States, and none is known in {}",
            host.region()
        ),
        "\"FIPS endpoints by service\" in AWS's documentation names them",
        "where FIPS is not required, name the registry by its host without FIPS and leave aws.fips out of the configuration; where it is, use a registry in such a region, or name endpoints in aws.sts and aws.ecr",
    )
}

/// Nothing answers at an address.
fn unreachable(host: &str) -> Vec<Cause> {
    vec![
        Cause::new(
            format!("{host} cannot be reached from here: no route, no name, or a firewall in between"),
            "from this machine: curl -v with the host's name",
            "check the network and the resolve map of the configuration; a private network needs a VPC endpoint or a proxy",
        ),
        Cause::new(
            "a proxy in between shows a certificate of its own",
            "curl -v shows the certificate's issuer",
            "give the proxy's CA in the CA bundle of the configuration",
        ),
    ]
}

fn throttled(service: &str) -> Vec<Cause> {
    vec![
        Cause::new(
            format!("the account's request rate for {service} is exhausted, maybe by others in the account"),
            "look at the rate in CloudTrail or in the metrics of CloudWatch (AWS/Usage)",
            "try again later",
        ),
        Cause::new(
            "the quota is too small for what the account does",
            "aws service-quotas list-service-quotas --service-code ecr, or sts",
            "raise the quota in the account",
        ),
    ]
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

use std::{error::Error, fmt, io, time::Duration};

use reqwest::{StatusCode, Url};

use super::{redirect::RefusedRedirect, refusal::Refusal, text::shown};

/// A request that did not bring what was asked for. No error holds a secret or the query of a URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// There is no connection, or it broke.
    #[error("{tried}: {failure}")]
    Connection {
        /// What was asked for.
        tried: Tried,
        /// What happened to the connection.
        failure: Failure,
    },
    /// The registry does not know who asks.
    #[error("{tried} {login}: {refusal}")]
    Unauthorized {
        /// What was asked for.
        tried: Tried,
        /// As whom.
        login: Login,
        /// What the registry said.
        refusal: Box<Refusal>,
    },
    /// The answer is not a success.
    #[error("{tried}: {refusal}")]
    Refused {
        /// What was asked for.
        tried: Tried,
        /// What the registry said.
        refusal: Box<Refusal>,
    },
    /// A redirect that is not followed.
    #[error("{tried}: {reason}")]
    Redirect {
        /// What was asked for, at the place that answered.
        tried: Tried,
        /// Why it is not followed.
        reason: RefusedRedirect,
    },
    /// The registry's offer to log in, or the answer of its token service, cannot be used.
    #[error("{tried}: {reason}")]
    Token {
        /// What was asked for.
        tried: Tried,
        /// What is wrong.
        reason: &'static str,
    },
    /// The answer ended before it was whole.
    #[error("{tried}: the answer ended {missing} bytes early")]
    Truncated {
        /// What was asked for.
        tried: Tried,
        /// How many bytes were still to come.
        missing: u64,
    },
    /// The answer is longer than is read.
    #[error("{tried}: the answer is longer than {limit} bytes")]
    TooLong {
        /// What was asked for.
        tried: Tried,
        /// How many bytes are read.
        limit: usize,
    },
    /// Credentials that anybody on the way could read.
    #[error("{registry} is asked without TLS; credentials are sent over https or to this machine only")]
    CleartextCredentials {
        /// The registry.
        registry: String,
    },
    /// Credentials that HTTP cannot carry.
    #[error("user name `{0}` holds a colon or a control character; HTTP cannot send it")]
    Username(String),
}

impl RequestError {
    /// What the registry said for programs, where it refused.
    pub(crate) fn detail(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Unauthorized { refusal, .. } | Self::Refused { refusal, .. } => refusal.detail.as_ref(),
            _ => None,
        }
    }
}

/// The method and the URL of a request, without the URL's query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tried(String);

/// What happened to a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: FailureKind,
    cause: String,
}

/// As whom a request was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Without credentials.
    Anonymous,
    /// With a password.
    User {
        /// The user's name.
        name: String,
        /// Where the password was found, such as a file.
        origin: String,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum FailureKind {
    Name,
    Certificate,
    /// In the middle of an answer.
    Interruption,
    Other,
}

impl RequestError {
    /// Whether the same request may succeed a little later; and how long the registry asks to wait, where it does.
    pub(crate) fn transience(&self) -> Option<Option<Duration>> {
        match self {
            Self::Connection { failure, .. } if failure.kind != FailureKind::Certificate => Some(None),
            Self::Truncated { .. } => Some(None),
            Self::Refused { refusal, .. } if refusal.is_transient() => Some(refusal.retry_after),
            _ => None,
        }
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { refusal, .. } | Self::Unauthorized { refusal, .. } => Some(refusal.status),
            _ => None,
        }
    }

    /// What most likely helps.
    pub(crate) fn fix(&self) -> Option<&'static str> {
        let fix = match self {
            Self::Connection { failure, .. } => match failure.kind {
                FailureKind::Name => "check the host's name, or say where it is with --resolve NAME=ADDRESS:PORT",
                FailureKind::Certificate => {
                    "where the registry has a certificate of a private CA, give that CA's with --ca-bundle FILE"
                }
                FailureKind::Interruption => "try again later; what has arrived is kept and resumed",
                FailureKind::Other => "check that the registry is up and can be reached from here",
            },
            Self::Unauthorized { login, .. } => match login {
                Login::Anonymous => {
                    "give a password with --username NAME --password-stdin, or a robot's token in WHARFINGER_TOKEN with --proxy URL"
                }
                Login::User { .. } => {
                    "check the user name, and whether the token is whole, still valid and made for this registry"
                }
            },
            Self::Refused { refusal, .. } => match refusal.status {
                StatusCode::FORBIDDEN => "the registry knows who asks and refuses; ask its owner for the right to pull",
                StatusCode::NOT_FOUND => "check the repository and the tag or digest",
                _ if refusal.is_transient() => "try again later; what has arrived is kept and resumed",
                _ => return None,
            },
            Self::Truncated { .. } => "try again later; what has arrived is kept and resumed",
            Self::CleartextCredentials { .. } => "use an https:// URL",
            _ => return None,
        };
        Some(fix)
    }
}

impl Tried {
    pub(crate) fn get(url: &Url) -> Self {
        Self(format!("GET {}", shown(url)))
    }
}

impl Failure {
    /// Finds the cause that a person understands in what the HTTP client says. The client's own text is not used: it
    /// holds the whole URL.
    pub(crate) fn new(error: &reqwest::Error) -> Self {
        let mut cause = None;
        let mut next = error.source();
        while let Some(error) = next {
            if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
                return Self {
                    kind: FailureKind::Certificate,
                    cause: error.to_string(),
                };
            }
            cause = Some(error.to_string());
            // An I/O error around another error does not name it as its source.
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = inner.map(|error| error as &dyn Error).or_else(|| error.source());
        }
        let kind = if error.is_dns() {
            FailureKind::Name
        } else if error.is_body() || error.is_decode() {
            FailureKind::Interruption
        } else {
            FailureKind::Other
        };
        let cause = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            cause.unwrap_or_default()
        };
        Self { kind, cause }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FailureKind::Name => "the host is not found",
            FailureKind::Certificate => "the host's certificate is not trusted",
            FailureKind::Interruption => "the connection broke in the middle of the answer",
            FailureKind::Other => "the connection failed",
        };
        write!(f, "{what}: {}", self.cause)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("without a user name"),
            Self::User { name, origin } => write!(f, "as user `{name}` (password from {origin})"),
        }
    }
}

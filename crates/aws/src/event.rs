use jiff::Timestamp;
use oidc::Claims;

/// A step on the way to a login. Nothing in it is a secret.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The own issuer minted a token.
    Minted {
        /// What the token says.
        claims: &'a Claims,
    },
    /// STS gave a role session for it.
    Assumed {
        /// The ARN of the session.
        session: &'a str,
        /// When the session ends.
        expires_at: Timestamp,
    },
    /// ECR gave a login to that session.
    LoggedIn {
        /// The region whose registries the login opens.
        region: &'a str,
        /// The earlier of the login's expiry and that of the session.
        expires_at: Timestamp,
    },
}

/// Somebody who is told of each step: the audit log, the demo.
pub trait Observer: Send + Sync {
    /// The step was made.
    fn observe(&self, event: Event<'_>);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: Event<'_>) {}
}

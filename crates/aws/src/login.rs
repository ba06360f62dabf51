use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::Session;

/// A login for the ECR registries of a region, as one principal.
pub struct Login {
    /// Who is logged in, as AWS names it in errors and in CloudTrail.
    pub principal: String,
    /// What opens the registries.
    pub pass: Pass,
    /// The session behind it; nobody's where nobody is logged in.
    pub session: Option<Arc<Session>>,
    /// When it was made.
    pub made_at: Timestamp,
    /// The earlier of the token's expiry and that of the session.
    pub expires_at: Timestamp,
}

/// What a registry is shown. Opaque and of no fixed size.
pub enum Pass {
    /// User name and password for HTTP Basic, at private registries. The user is always `AWS`.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A token for HTTP Bearer, at ECR Public.
    Bearer(SecretString),
}

impl Login {
    /// How long before its expiry a login is no longer used, so that it does not expire on the way.
    pub const MARGIN: SignedDuration = SignedDuration::from_secs(60);

    /// Whether the login may be used at this time.
    pub fn is_good(&self, now: Timestamp) -> bool {
        now + Self::MARGIN < self.expires_at
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("principal", &self.principal)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_ends_a_margin_before_its_expiry_and_is_not_shown() {
        let expires_at = Timestamp::from_second(1_000_000).unwrap();
        let login = Login {
            principal: "arn:aws:sts::111122223333:assumed-role/pull/s".into(),
            pass: Pass::Basic {
                username: "AWS".into(),
                password: "the password".into(),
            },
            session: None,
            made_at: expires_at - SignedDuration::from_hours(1),
            expires_at,
        };
        assert!(login.is_good(expires_at - SignedDuration::from_secs(61)));
        assert!(!login.is_good(expires_at - SignedDuration::from_secs(60)));
        assert!(!format!("{login:?}").contains("the password"));
    }
}

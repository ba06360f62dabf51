use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

/// A login for the ECR registries of a region, as one principal: user name and password for HTTP Basic.
pub struct Login {
    /// The role session that stands behind it, as AWS names it in errors and in CloudTrail.
    pub principal: String,
    /// Always `AWS`.
    pub username: String,
    /// Opaque and of no fixed size.
    pub password: SecretString,
    /// When it was made.
    pub made_at: Timestamp,
    /// The earlier of the token's expiry and that of the role session.
    pub expires_at: Timestamp,
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
            username: "AWS".into(),
            password: "the password".into(),
            made_at: expires_at - SignedDuration::from_hours(1),
            expires_at,
        };
        assert!(login.is_good(expires_at - SignedDuration::from_secs(61)));
        assert!(!login.is_good(expires_at - SignedDuration::from_secs(60)));
        assert!(!format!("{login:?}").contains("the password"));
    }
}

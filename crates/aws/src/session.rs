use std::fmt;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use secrecy::SecretString;

/// Credentials with which AWS can be called: a role session, or a user's key.
pub struct Session {
    /// Who it is: the ARN of the session where it is known, else what the credentials are.
    pub principal: String,
    /// When it ends. A user's key does not.
    pub expires_at: Option<Timestamp>,
    pub(crate) credentials: Credentials,
}

impl Session {
    /// The id of the key.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// The key.
    pub fn secret_access_key(&self) -> SecretString {
        self.credentials.secret_access_key().into()
    }

    /// The token that belongs to the key of a session.
    pub fn session_token(&self) -> Option<SecretString> {
        self.credentials.session_token().map(Into::into)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("principal", &self.principal)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_key_nor_token_is_shown() {
        let session = Session {
            principal: "the access key AKIA".into(),
            expires_at: None,
            credentials: Credentials::new("AKIA", "the-key", Some("the-token".into()), None, "test"),
        };
        let shown = format!("{session:?}");
        assert!(!shown.contains("the-key") && !shown.contains("the-token"), "{shown}");
    }
}

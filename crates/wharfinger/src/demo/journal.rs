use std::sync::{Mutex, PoisonError};

use aws::{Event, Observer};
use jiff::Timestamp;
use oidc::Claims;

/// Remembers each step on the way to a login, so that it can be shown.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Vec<Step>>);

/// A step on the way to a login.
#[derive(Clone, Debug)]
pub enum Step {
    /// The issuer minted a token with these claims.
    Minted(Claims),
    /// STS gave a session of a role.
    Assumed {
        /// The ARN of the session.
        session: String,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// ECR gave a login.
    LoggedIn {
        /// The region.
        region: String,
        /// When it ends.
        expires_at: Timestamp,
    },
}

impl Journal {
    /// The steps since the last call.
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Journal {
    fn observe(&self, event: Event<'_>) {
        let step = match event {
            Event::Minted { claims } => Step::Minted(claims.clone()),
            Event::Assumed { session, expires_at } => Step::Assumed {
                session: session.to_owned(),
                expires_at,
            },
            Event::LoggedIn { region, expires_at } => Step::LoggedIn {
                region: region.to_owned(),
                expires_at,
            },
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}

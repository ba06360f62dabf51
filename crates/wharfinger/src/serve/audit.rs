use aws::{Event, Observer};
use tracing::info;

/// Writes each step on the way to a login into the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audit;

impl Observer for Audit {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Minted { claims } => {
                info!(
                    iss = claims.iss,
                    sub = claims.sub,
                    aud = claims.aud,
                    jti = claims.jti,
                    exp = claims.exp,
                    "token minted"
                );
            }
            Event::Assumed { session, expires_at } => info!(session, %expires_at, "role assumed"),
            Event::LoggedIn { region, expires_at } => info!(region, %expires_at, "logged in to ECR"),
        }
    }
}

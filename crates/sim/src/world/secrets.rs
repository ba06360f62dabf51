use serde::{Deserialize, Serialize};

use crate::{seal::SealKey, sigv4::Presigner, tls::AuthoritySecret};

/// What this AWS keeps to itself. With the same secrets it is the same AWS: the certificates, sessions, registry
/// passwords and URLs that it made are still its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// What session tokens and registry passwords are sealed under.
    pub(crate) seal: SealKey,
    pub(crate) authority: AuthoritySecret,
    pub(crate) presigner: Presigner,
}

impl Secrets {
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        Ok(Self {
            seal: SealKey::generate(),
            authority: AuthoritySecret::generate()?,
            presigner: Presigner::new(),
        })
    }
}

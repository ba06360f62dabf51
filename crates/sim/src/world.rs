//! Everything that this AWS knows.

mod account;
mod registry;
mod state;

use std::sync::{PoisonError, RwLock};

use iam::AccountId;
use jiff::Timestamp;
use secrecy::SecretString;

pub(crate) use account::{Account, Document, Permissions, Provider, Role, User, name_key};
pub(crate) use registry::{Image, Layer, Repository, RepositoryKey, repository_arn};
pub(crate) use state::State;

use crate::{
    blobs::Blobs,
    clock::Clock,
    credential::{AccessKey, SessionStatement},
    identity::Identity,
    seal::{Purpose, Seal},
    service::{registry::Uploads, sts::Issuers},
    sigv4::{Presigner, Refused},
    trail::Trail,
};

/// The one state behind all services.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) trail: Trail,
    pub(crate) seal: Seal,
    pub(crate) blobs: Blobs,
    pub(crate) uploads: Uploads,
    pub(crate) issuers: Issuers,
    /// Signs the URLs of the layer bucket.
    pub(crate) presigner: Presigner,
    state: RwLock<State>,
}

impl World {
    pub(crate) fn new(clock: Clock, blobs: Blobs, issuers: Issuers) -> Self {
        Self {
            clock,
            trail: Trail::default(),
            seal: Seal::new(),
            blobs,
            uploads: Uploads::default(),
            issuers,
            presigner: Presigner::new(),
            state: RwLock::default(),
        }
    }

    /// Reads the state.
    pub(crate) fn read<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        reader(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state.
    pub(crate) fn write<T>(&self, writer: impl FnOnce(&mut State) -> T) -> T {
        writer(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The root user's key; the account is born where it was not there before.
    pub(crate) fn root_key(&self, account: AccountId) -> AccessKey {
        self.write(|state| state.root_key(account))
    }

    /// The secret that belongs to a key, and who signs with it. Nothing is proven by this: the id is public.
    pub(crate) fn believe(&self, key_id: &str, token: Option<&str>) -> Result<(SecretString, Identity), Refused> {
        let Some(token) = token else {
            return self.read(|state| state.key(key_id)).ok_or(Refused::UnknownKey);
        };
        let statement = self
            .seal
            .open::<SessionStatement>(Purpose::Session, token)
            .filter(|statement| statement.key_id == key_id)
            .ok_or(Refused::UnknownKey)?;
        if statement.expires_millis <= self.clock.now().as_millisecond() {
            return Err(Refused::Expired);
        }
        let secret = SecretString::from(statement.secret.as_str());
        Ok((secret, statement.identity))
    }
}

/// Milliseconds since 1970 as seconds with a fraction, as JSON 1.1 writes a time.
pub(crate) fn epoch_seconds(time: Timestamp) -> f64 {
    // Exact for the next 285,000 years.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of any date in use fit into 53 bits"
    )]
    let millis = time.as_millisecond() as f64;
    millis / 1000.0
}

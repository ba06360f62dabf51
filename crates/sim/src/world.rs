//! Everything that this AWS knows.

mod account;
mod registry;

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use iam::AccountId;
use jiff::Timestamp;
use oci::Digest;
use secrecy::SecretString;

pub(crate) use account::{Account, Document, Provider, Role, role_key};
pub(crate) use registry::{Image, Layer, Repository, repository_arn};

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

/// What changes. It is read and changed as a whole and never held while something is awaited.
#[derive(Default)]
pub(crate) struct State {
    accounts: HashMap<AccountId, Account>,
    /// Whose root key an id is of.
    root_keys: HashMap<String, AccountId>,
    /// Which content an object of the layer buckets is.
    objects: HashMap<String, (Digest, u64)>,
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
        self.write(|state| {
            let key = state.accounts.entry(account).or_default().root.clone();
            state.root_keys.insert(key.id.clone(), account);
            key
        })
    }

    /// The secret that belongs to a key, and who signs with it. Nothing is proven by this: the id is public.
    pub(crate) fn believe(&self, key_id: &str, token: Option<&str>) -> Result<(SecretString, Identity), Refused> {
        let Some(token) = token else {
            return self.read(|state| {
                let account = *state.root_keys.get(key_id).ok_or(Refused::UnknownKey)?;
                let account_state = state.account(account).ok_or(Refused::UnknownKey)?;
                Ok((account_state.root.secret.clone(), Identity::Root(account)))
            });
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
        Ok((secret, statement.identity()))
    }
}

impl State {
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// An account to change. Whoever changes something has shown credentials of an account, so it is there.
    pub(crate) fn account_mut(&mut self, id: AccountId) -> &mut Account {
        self.accounts.entry(id).or_default()
    }

    /// The content behind an object's key in a layer bucket.
    pub(crate) fn object(&self, key: &str) -> Option<&(Digest, u64)> {
        self.objects.get(key)
    }

    /// Puts an object into the layer bucket.
    pub(crate) fn put_object(&mut self, key: String, digest: Digest, size: u64) {
        self.objects.insert(key, (digest, size));
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

impl Default for Account {
    fn default() -> Self {
        Self::new(AccessKey::generate())
    }
}

//! Everything that this AWS knows.

mod account;
mod archive;
mod aws_policy;
mod registry;
mod removal;
mod secrets;
mod state;
mod uploads;

use std::{
    path::Path,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use iam::AccountId;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

pub(crate) use account::{
    Account, Document, InstanceProfile, ManagedPolicy, Permissions, PolicyVersion, Provider, Role, User, UserKey,
    name_key,
};
pub(crate) use archive::Archive;
pub use archive::ArchiveError;
pub(crate) use aws_policy::{AwsPolicy, aws_policies, aws_policy};
pub(crate) use registry::{
    Image, InvalidLifecyclePolicy, Layer, LifecyclePolicy, Mutability, MutabilityKind, NotStored, Repository,
    RepositoryKey, StillReferenced, TagFilter,
};
pub(crate) use removal::NotRemoved;
pub(crate) use secrets::Secrets;
pub(crate) use state::State;
pub(crate) use uploads::{Incomplete, NotFinished, Uploads};

use crate::{
    blobs::Blobs,
    certificate_chain::CertificateChains,
    clock::Clock,
    control::Places,
    credential::{AccessKey, SessionStatement},
    identity::Identity,
    machine::Fleet,
    seal::{Purpose, Seal},
    service::sts::Issuers,
    sigv4::{Presigner, Refused},
    trail::Trail,
    trouble::Trouble,
};

/// The one state behind all services.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) trail: Trail,
    pub(crate) seal: Seal,
    pub(crate) blobs: Blobs,
    pub(crate) uploads: Uploads,
    pub(crate) issuers: Issuers,
    /// What IAM asks issuers' hosts for when a provider comes without thumbprints.
    pub(crate) chains: CertificateChains,
    pub(crate) trouble: Trouble,
    /// Signs the URLs of the layer bucket.
    pub(crate) presigner: Presigner,
    state: RwLock<State>,
    /// The certificate of the authority that vouches for the host names.
    pub(crate) ca_pem: String,
    /// Where everything is, once it is.
    pub(crate) places: OnceLock<Places>,
    /// The machines. They know this world, so it must not keep them.
    pub(crate) fleet: OnceLock<Weak<Fleet>>,
    /// The end of this AWS, for whoever waits for what may never come.
    pub(crate) ending: CancellationToken,
    /// Where the state is kept; it goes with the process where there is none.
    archive: Option<Archive>,
    /// Something that was changed could not be kept.
    unkept: AtomicBool,
}

/// Why the memory of an AWS cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemoryError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Authority(#[from] rcgen::Error),
}

/// What an AWS begins with.
pub(crate) struct Memory {
    pub(crate) secrets: Secrets,
    pub(crate) state: State,
    pub(crate) archive: Option<Archive>,
}

impl Memory {
    /// What was kept below `dir`; where nothing was, a new AWS that is kept there from now on.
    pub(crate) fn recall(dir: &Path) -> Result<Self, MemoryError> {
        let archive = Archive::open(dir)?;
        let secrets = match archive.secrets()? {
            Some(secrets) => secrets,
            None => {
                let secrets = Secrets::generate()?;
                archive.keep_secrets(&secrets)?;
                secrets
            }
        };
        Ok(Self {
            secrets,
            state: archive.load()?,
            archive: Some(archive),
        })
    }

    /// A new AWS that is forgotten at its end.
    pub(crate) fn blank() -> Result<Self, rcgen::Error> {
        Ok(Self {
            secrets: Secrets::generate()?,
            state: State::default(),
            archive: None,
        })
    }
}

impl World {
    pub(crate) fn new(
        clock: Clock,
        blobs: Blobs,
        issuers: Issuers,
        chains: CertificateChains,
        trouble: Trouble,
        memory: Memory,
        ending: CancellationToken,
    ) -> Self {
        Self {
            clock,
            trail: Trail::default(),
            seal: Seal::new(&memory.secrets.seal),
            blobs,
            uploads: Uploads::default(),
            issuers,
            chains,
            trouble,
            presigner: memory.secrets.presigner,
            state: RwLock::new(memory.state),
            ca_pem: memory.secrets.authority.certificate_pem,
            places: OnceLock::new(),
            fleet: OnceLock::new(),
            ending,
            archive: memory.archive,
            unkept: AtomicBool::new(false),
        }
    }

    /// Tells what came to be after this world, once.
    pub(crate) fn introduce(&self, places: Places, fleet: &Arc<Fleet>) {
        // Whoever introduces a second time is not believed.
        let _ = self.places.set(places);
        let _ = self.fleet.set(Arc::downgrade(fleet));
    }

    /// Reads the state.
    pub(crate) fn read<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        reader(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and keeps what was changed. Files are written under the lock, so that no older state comes
    /// after a newer one; they are small.
    pub(crate) fn write<T>(&self, writer: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let result = writer(&mut state);
        let touched = state.take_touched();
        if let Some(archive) = &self.archive {
            let unkept = archive.keep(&state, touched);
            self.unkept.store(!unkept.is_empty(), Ordering::Release);
            state.touch(unkept);
        }
        result
    }

    /// Whether everything that was changed is kept. What could not be, such as on a full disk, is tried again.
    pub(crate) fn is_kept(&self) -> bool {
        if self.unkept.load(Ordering::Acquire) {
            self.write(|_| ());
        }
        !self.unkept.load(Ordering::Acquire)
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
        // A session ends with its user or its role, also where another one has the name by now.
        if !self.read(|state| state.has(&statement.identity)) {
            return Err(Refused::UnknownKey);
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

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use iam::AccountId;
use oci::Digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Account, Repository, RepositoryKey, Secrets, State, state::Touched};
use crate::identity::account_text;

/// The state of this AWS on disk, so that it is the same one after a restart.
///
/// Whatever a call has changed is written, each account and each repository as a file of its own, before the call is
/// answered: an AWS that is killed comes back with everything that it has said yes to. A file is replaced as a whole.
/// Files are not synchronized with the disk: what a simulator knows need not outlive the machine's fall.
pub(crate) struct Archive {
    dir: PathBuf,
    /// The manifests that have a file, so that a change of one tag does not look for the files of all images.
    written: Mutex<HashSet<Digest>>,
}

/// Why the state of an earlier run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file, or a directory, cannot be read or written.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// A file is not what an earlier run wrote.
    #[error("{path} is not what a simulated AWS wrote: {error}; move it away to begin without it", path = path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The manifest of an image is missing or is another one.
    #[error("{path} is not the manifest that its name says", path = path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
    },
}

/// What a repository's file holds: its own name is a hash, because names have slashes and no bounds that file systems
/// keep to.
#[derive(Deserialize)]
struct KeptRepository {
    key: RepositoryKey,
    repository: Repository,
}

#[derive(Serialize)]
struct RepositoryToKeep<'r> {
    key: &'r RepositoryKey,
    repository: &'r Repository,
}

#[derive(Serialize, Deserialize)]
struct KeptAccount<A> {
    #[serde(with = "account_text")]
    id: AccountId,
    account: A,
}

const SECRETS: &str = "secrets.json";

impl Archive {
    /// The archive below `dir`, which is made where it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, ArchiveError> {
        let archive = Self {
            dir: dir.to_owned(),
            written: Mutex::default(),
        };
        for part in [archive.accounts(), archive.repositories(), archive.manifests()] {
            fs::create_dir_all(&part).map_err(failed(&part))?;
        }
        Ok(archive)
    }

    /// The secrets of the earlier runs; none where there was no run.
    pub(crate) fn secrets(&self) -> Result<Option<Secrets>, ArchiveError> {
        let path = self.dir.join(SECRETS);
        let kept = path.try_exists().map_err(failed(&path))?;
        kept.then(|| read(&path)).transpose()
    }

    pub(crate) fn keep_secrets(&self, secrets: &Secrets) -> Result<(), ArchiveError> {
        write(&self.dir.join(SECRETS), secrets)
    }

    /// Everything that was kept.
    pub(crate) fn load(&self) -> Result<State, ArchiveError> {
        let mut state = State::default();
        for path in files(&self.accounts())? {
            let kept = read::<KeptAccount<Account>>(&path)?;
            state.restore_account(kept.id, kept.account);
        }
        for path in files(&self.repositories())? {
            let mut kept = read::<KeptRepository>(&path)?;
            for (digest, image) in &mut kept.repository.images {
                let (path, bytes) = self.manifest(digest)?;
                image.restore(bytes).map_err(|_| ArchiveError::Manifest { path })?;
            }
            self.written().extend(kept.repository.images.keys().cloned());
            state.restore_repository(kept.key, kept.repository);
        }
        self.sweep()?;
        Ok(state)
    }

    /// Removes what no state refers to: manifests of images that are gone, and files that a kill left unfinished.
    fn sweep(&self) -> Result<(), ArchiveError> {
        let written = self.written();
        let names = written.iter().map(Digest::hex).collect::<HashSet<_>>();
        for path in entries(&self.manifests())? {
            let name = path.file_name().and_then(|name| name.to_str());
            if !name.is_some_and(|name| names.contains(name)) {
                remove(&path)?;
            }
        }
        for path in [entries(&self.accounts())?, entries(&self.repositories())?].concat() {
            if path.extension().is_none() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Keeps what was touched; what could not be kept comes back.
    pub(crate) fn keep(&self, state: &State, touched: BTreeSet<Touched>) -> BTreeSet<Touched> {
        touched
            .into_iter()
            .filter(|touched| {
                let kept = match touched {
                    Touched::Account(id) => self.keep_account(*id, state.account(*id)),
                    Touched::Repository(key) => self.keep_repository(key, state.repository_at(key)),
                };
                kept.inspect_err(|error| tracing::error!(%error, "the state could not be kept"))
                    .is_err()
            })
            .collect()
    }

    fn keep_account(&self, id: AccountId, account: Option<&Account>) -> Result<(), ArchiveError> {
        let path = self.accounts().join(format!("{id}.json"));
        match account {
            Some(account) => write(&path, &KeptAccount { id, account }),
            None => remove(&path),
        }
    }

    fn keep_repository(&self, key: &RepositoryKey, repository: Option<&Repository>) -> Result<(), ArchiveError> {
        let name = Digest::of(key.arn().as_bytes());
        let path = self.repositories().join(format!("{}.json", name.hex()));
        let Some(repository) = repository else {
            return remove(&path);
        };
        for (digest, image) in &repository.images {
            // Under the same name lies the same content.
            if !self.written().contains(digest) {
                replace(&self.manifests().join(digest.hex()), &image.bytes)?;
                self.written().insert(digest.clone());
            }
        }
        write(&path, &RepositoryToKeep { key, repository })
    }

    fn manifest(&self, digest: &Digest) -> Result<(PathBuf, Bytes), ArchiveError> {
        let path = self.manifests().join(digest.hex());
        let bytes = fs::read(&path).map_err(failed(&path))?;
        if Digest::of(&bytes) != *digest {
            return Err(ArchiveError::Manifest { path });
        }
        Ok((path, bytes.into()))
    }

    fn written(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> PathBuf {
        self.dir.join("accounts")
    }

    fn repositories(&self) -> PathBuf {
        self.dir.join("repositories")
    }

    fn manifests(&self) -> PathBuf {
        self.dir.join("manifests")
    }
}

/// The files of a directory that were written to their end, in an order that is always the same.
fn files(dir: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut files = entries(dir)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let entries = fs::read_dir(dir).map_err(failed(dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<Vec<_>, _>>().map_err(failed(dir))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ArchiveError> {
    let file = File::open(path).map_err(failed(path))?;
    serde_json::from_reader(io::BufReader::new(file)).map_err(|error| ArchiveError::Content {
        path: path.to_owned(),
        error,
    })
}

fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), ArchiveError> {
    let content = serde_json::to_vec(content).map_err(|error| ArchiveError::Content {
        path: path.to_owned(),
        error,
    })?;
    replace(path, &content)
}

/// Only the owner may read it: it holds the secrets of accounts, simulated as they are.
fn replace(path: &Path, content: &[u8]) -> Result<(), ArchiveError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::Builder::new()
        .prefix("unfinished-")
        .tempfile_in(dir)
        .and_then(|mut file| {
            io::Write::write_all(&mut file, content)?;
            file.persist(path)?;
            Ok(())
        });
    written.map_err(failed(path))
}

fn remove(path: &Path) -> Result<(), ArchiveError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |error| ArchiveError::File { path, error }
}

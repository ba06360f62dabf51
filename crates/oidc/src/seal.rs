use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The key under which secrets lie on disk (AES-256-GCM). It comes from outside: a secret store, a credential of the
/// service manager, the environment.
pub struct SealKey(SecretBox<[u8; 32]>);

/// Text that is not a seal key. The text is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seal key is not 32 bytes in base64 (44 characters); `openssl rand -base64 32` makes one")]
pub struct InvalidSealKey;

/// A file whose content is sealed. The label binds the content to its purpose: under another label it does not open.
#[derive(Clone, Debug)]
pub struct SealedFile {
    path: PathBuf,
    label: &'static str,
}

/// A sealed file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file system said no.
    #[error("{path} cannot be {tried}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        tried: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file is not a sealed file of this version.
    #[error(
        "{0} is not a sealed file of version 1; if it is damaged beyond repair, move it away and a new one is made"
    )]
    Form(PathBuf),
    /// Another key sealed it, or somebody changed it.
    #[error("{0} does not open with this seal key: another key sealed it, or the file was changed")]
    Closed(PathBuf),
    /// The library failed.
    #[error("{0} cannot be sealed")]
    Seal(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    version: u32,
    nonce: String,
    content: String,
}

impl SealKey {
    /// A new key from the system's random source.
    ///
    /// # Errors
    /// [`Unspecified`] where that source fails.
    pub fn generate() -> Result<Self, Unspecified> {
        let mut key = Box::new([0; 32]);
        aws_lc_rs::rand::fill(key.as_mut_slice())?;
        Ok(Self(SecretBox::new(key)))
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, Unspecified> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.expose_secret())
    }
}

impl FromStr for SealKey {
    type Err = InvalidSealKey;

    fn from_str(text: &str) -> Result<Self, InvalidSealKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| InvalidSealKey)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| InvalidSealKey)?;
        Ok(Self(SecretBox::new(Box::new(key))))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealedFile {
    /// The file at `path`, for content of the kind `label`.
    pub fn new(path: PathBuf, label: &'static str) -> Self {
        Self { path, label }
    }

    /// What is in the file; nothing where there is no file.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, key: &SealKey) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(SealError::File {
                    path: self.path.clone(),
                    tried: "read",
                    source,
                });
            }
        };
        let form = || SealError::Form(self.path.clone());
        let closed = |_| SealError::Closed(self.path.clone());
        let envelope: Envelope = serde_json::from_slice(&text).map_err(|_| form())?;
        let nonce = STANDARD.decode(envelope.nonce).map_err(|_| form())?;
        let nonce: [u8; NONCE_LEN] = nonce.as_slice().try_into().map_err(|_| form())?;
        if envelope.version != VERSION {
            return Err(form());
        }
        let mut content = Zeroizing::new(STANDARD.decode(envelope.content).map_err(|_| form())?);
        let cipher = key.cipher().map_err(closed)?;
        let length = cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(self.label), &mut content)
            .map_err(closed)?
            .len();
        content.truncate(length);
        Ok(Some(content))
    }

    /// Replaces the file as a whole, readable by its owner only.
    ///
    /// # Errors
    /// See [`SealError`]; the former file stays then.
    pub fn write(&self, key: &SealKey, content: &[u8]) -> Result<(), SealError> {
        let sealing = |_| SealError::Seal(self.path.clone());
        let mut sealed = Zeroizing::new(content.to_vec());
        let nonce = key
            .cipher()
            .and_then(|cipher| cipher.seal_in_place_append_tag(Aad::from(self.label), &mut *sealed))
            .map_err(sealing)?;
        let envelope = Envelope {
            version: VERSION,
            nonce: STANDARD.encode(nonce.as_ref()),
            content: STANDARD.encode(sealed.as_slice()),
        };
        let text = serde_json::to_vec(&envelope).map_err(|_| SealError::Seal(self.path.clone()))?;
        self.replace(&text).map_err(|source| SealError::File {
            path: self.path.clone(),
            tried: "written",
            source,
        })
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        // A temporary file of this crate has mode 0600 from its creation on.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        fs::File::open(directory)?.sync_all()
    }
}

const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(directory: &tempfile::TempDir) -> SealedFile {
        SealedFile::new(directory.path().join("file"), "a test")
    }

    #[test]
    fn what_was_written_is_read_and_never_lies_in_clear() {
        let directory = tempfile::tempdir().unwrap();
        let (file, key) = (file(&directory), SealKey::generate().unwrap());
        assert!(file.open(&key).unwrap().is_none());
        file.write(&key, b"the secret content").unwrap();
        assert_eq!(file.open(&key).unwrap().unwrap().as_slice(), b"the secret content");
        let raw = fs::read(&file.path).unwrap();
        assert!(!raw.windows(6).any(|window| window == b"secret"));
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn another_key_another_label_or_a_changed_file_does_not_open() {
        let directory = tempfile::tempdir().unwrap();
        let (file, key) = (file(&directory), SealKey::generate().unwrap());
        file.write(&key, b"content").unwrap();
        assert!(matches!(
            file.open(&SealKey::generate().unwrap()),
            Err(SealError::Closed(_))
        ));
        let other_label = SealedFile::new(file.path.clone(), "another test");
        assert!(matches!(other_label.open(&key), Err(SealError::Closed(_))));
        fs::write(&file.path, b"{}").unwrap();
        assert!(matches!(file.open(&key), Err(SealError::Form(_))));
    }

    #[test]
    fn a_seal_key_is_32_bytes_and_is_not_shown() {
        let text = STANDARD.encode([7; 32]);
        let key: SealKey = format!("{text}\n").parse().unwrap();
        assert_eq!(format!("{key:?}"), "SealKey");
        for wrong in ["", "x", &STANDARD.encode([7; 31]), &text[1..]] {
            assert_eq!(wrong.parse::<SealKey>().unwrap_err(), InvalidSealKey);
        }
    }
}

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

/// The certificate that a listener shows, with its key, from two PEM files that may be replaced while it serves.
#[derive(Clone)]
pub struct Certificate(Arc<Files>);

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} {problem}; expected {expected}")]
pub struct CertificateError {
    path: PathBuf,
    problem: String,
    expected: String,
    file: CertificateFile,
}

/// The two files of a [`Certificate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFile {
    /// The chain.
    Chain,
    /// The private key.
    Key,
}

struct Files {
    chain: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

impl Certificate {
    /// Reads a certificate chain (the server's own first) and its private key.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let current = ArcSwap::from_pointee(read(chain, key)?);
        Ok(Self(Arc::new(Files {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current,
        })))
    }

    /// Reads the files again; connections made from now on see what was found.
    ///
    /// # Errors
    /// See [`CertificateError`]; the former certificate stays in use then.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.0.current.store(Arc::new(read(&self.0.chain, &self.0.key)?));
        Ok(())
    }

    /// The two files: the chain's and the key's.
    pub fn files(&self) -> [&Path; 2] {
        [&self.0.chain, &self.0.key]
    }

    pub(crate) fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.0.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.0.chain).finish()
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.chain).finish()
    }
}

impl CertificateError {
    /// Which of the two files is wrong.
    pub fn file(&self) -> CertificateFile {
        self.file
    }

    fn of(file: CertificateFile, path: &Path, error: pem::Error) -> Self {
        let problem = match error {
            pem::Error::Io(source) => format!("cannot be read: {source}"),
            _ => "holds no usable PEM block".to_owned(),
        };
        Self {
            path: path.to_owned(),
            problem,
            expected: file.content().to_owned(),
            file,
        }
    }
}

impl CertificateFile {
    fn content(self) -> &'static str {
        match self {
            Self::Chain => "one or more PEM blocks of type CERTIFICATE, the server's own first",
            Self::Key => "a PEM block of type PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY, not encrypted",
        }
    }
}

fn read(chain_path: &Path, key_path: &Path) -> Result<CertifiedKey, CertificateError> {
    let chain = CertificateDer::pem_file_iter(chain_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        })
        .map_err(|error| CertificateError::of(CertificateFile::Chain, chain_path, error))?;
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|error| CertificateError::of(CertificateFile::Key, key_path, error))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| CertificateError {
        path: key_path.to_owned(),
        problem: match error {
            rustls::Error::InconsistentKeys(_) => format!("does not belong to {}", chain_path.display()),
            other => format!("cannot be used with {}: {other}", chain_path.display()),
        },
        expected: "the private key of that certificate".to_owned(),
        file: CertificateFile::Key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let pair = rcgen::generate_simple_self_signed([format!("{name}.test")]).unwrap();
        let (chain, key) = (
            directory.join(format!("{name}.crt")),
            directory.join(format!("{name}.key")),
        );
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        (chain, key)
    }

    #[test]
    fn a_pair_is_loaded_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (chain, key) = write_pair(directory.path(), "a");
        let certificate = Certificate::load(&chain, &key).unwrap();
        let before = certificate.0.current.load().cert[0].clone();
        let (other_chain, other_key) = write_pair(directory.path(), "b");
        std::fs::rename(other_chain, &chain).unwrap();
        assert!(
            certificate
                .reload()
                .unwrap_err()
                .to_string()
                .contains("a.key does not belong to")
        );
        assert_eq!(
            certificate.0.current.load().cert[0],
            before,
            "a failed reload keeps the former"
        );
        std::fs::rename(other_key, &key).unwrap();
        certificate.reload().unwrap();
        assert_ne!(certificate.0.current.load().cert[0], before);
    }

    #[test]
    fn each_wrong_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (chain, key) = write_pair(directory.path(), "a");
        let missing = directory.path().join("missing");
        let message = |chain: &Path, key: &Path| Certificate::load(chain, key).unwrap_err().to_string();
        assert!(message(&missing, &key).contains("missing cannot be read"));
        assert!(message(&chain, &missing).contains("missing cannot be read"));
        assert!(message(&key, &key).contains("type CERTIFICATE"));
        assert!(message(&chain, &chain).contains("PRIVATE KEY"));
    }
}

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// The certificates that outgoing connections trust: the system's (Mozilla's list where the system has none), and those
/// of a CA bundle.
#[derive(Clone, Debug)]
pub struct Roots(RootCertStore);

/// A CA bundle that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read.
    #[error("CA bundle {path} cannot be read: {source}; expected a file with certificates (PEM)")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it, or something else.
    #[error("{origin} holds {found}; expected one or more PEM blocks of type CERTIFICATE")]
    NotCertificates {
        /// The file, or what the text is.
        origin: String,
        /// What was found instead.
        found: String,
    },
}

impl Roots {
    /// What the system trusts.
    pub fn system() -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Self(store)
    }

    /// Trusts the certificates of a file as well.
    ///
    /// # Errors
    /// See [`RootsError`].
    pub fn with_bundle(self, path: &Path) -> Result<Self, RootsError> {
        let pem = std::fs::read(path).map_err(|source| RootsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        self.with_pem(&format!("CA bundle {}", path.display()), &pem)
    }

    /// Trusts the certificates of a PEM text as well; `origin` is what errors call it.
    ///
    /// # Errors
    /// [`RootsError::NotCertificates`].
    pub fn with_pem(mut self, origin: &str, pem: &[u8]) -> Result<Self, RootsError> {
        let not_certificates = |found: String| RootsError::NotCertificates {
            origin: origin.to_owned(),
            found,
        };
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| not_certificates(format!("a damaged PEM block ({error})")))?;
        if certificates.is_empty() {
            return Err(not_certificates("no certificate".to_owned()));
        }
        for certificate in certificates {
            self.0
                .add(certificate)
                .map_err(|error| not_certificates(format!("a damaged certificate ({error})")))?;
        }
        Ok(self)
    }

    /// The TLS settings of a client that trusts these roots.
    pub(crate) fn client_config(self) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.0)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        for text in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = Roots::system().with_pem("the bundle", text.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("the bundle holds"), "{error}");
        }
    }

    #[test]
    fn a_missing_bundle_is_named() {
        let error = Roots::system()
            .with_bundle(Path::new("/nonexistent/ca.pem"))
            .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
    }

    #[test]
    fn a_certificate_is_taken() {
        let certificate = rcgen::generate_simple_self_signed(["example.test".to_owned()]).unwrap();
        assert!(
            Roots::system()
                .with_pem("it", certificate.cert.pem().as_bytes())
                .is_ok()
        );
    }
}

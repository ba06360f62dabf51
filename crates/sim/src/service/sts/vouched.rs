use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use crate::certificate_chain::thumbprint;

/// Who vouches for the certificates of an issuer's hosts.
///
/// "Thumbprints" of the IAM user guide: where AWS trusts the authority, a provider's thumbprints are not looked at;
/// where it does not, the top certificate that the host sends must be one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Vouched {
    /// The thumbprints of the top certificates of those hosts that no authority that AWS trusts vouches for.
    private: BTreeSet<String>,
}

/// The authorities that AWS trusts, and how TLS is spoken with an issuer's hosts.
pub(super) struct Authorities {
    provider: Arc<CryptoProvider>,
    public: Arc<WebPkiServerVerifier>,
}

/// Looks at the certificates of one fetch, and remembers whose they are.
#[derive(Clone, Debug)]
pub(super) struct Witness(Arc<Record>);

#[derive(Debug)]
struct Record {
    public: Arc<WebPkiServerVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
    vouched: Mutex<Vouched>,
}

impl Vouched {
    /// Whether a provider with these thumbprints takes the certificates.
    pub(super) fn satisfies(&self, thumbprints: &[String]) -> bool {
        self.private.iter().all(|top| {
            thumbprints
                .iter()
                .any(|thumbprint| thumbprint.eq_ignore_ascii_case(top))
        })
    }
}

impl Authorities {
    pub(super) fn new(roots: RootCertStore) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let public = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { provider, public })
    }

    /// TLS for one fetch, and what will be known of its certificates.
    pub(super) fn client(&self) -> Result<(ClientConfig, Witness), Error> {
        let witness = Witness(Arc::new(Record {
            public: Arc::clone(&self.public),
            algorithms: self.provider.signature_verification_algorithms,
            vouched: Mutex::default(),
        }));
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness.0) as _)
            .with_no_client_auth();
        Ok((config, witness))
    }
}

impl Witness {
    pub(super) fn vouched(&self) -> Vouched {
        self.0.vouched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Record {
    /// A chain that ends at no authority that AWS trusts is verified up to the top certificate that was sent. Whether
    /// that one is trusted is up to each provider's thumbprints, so that it can be known only after the fetch.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self
            .public
            .verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let Err(Error::InvalidCertificate(_)) = verdict else {
            return verdict;
        };
        let top = intermediates.last().unwrap_or(end_entity);
        let mut anchor = RootCertStore::empty();
        anchor.add(top.clone().into_owned())?;
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&certificate, &anchor, intermediates, now, self.algorithms.all)?;
        verify_server_name(&certificate, name)?;
        let mut vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        vouched.private.insert(thumbprint(top));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.public.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.public.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.public.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_private_host_must_be_known() {
        let vouched = Vouched {
            private: ["aa".to_owned(), "bb".to_owned()].into(),
        };
        assert!(vouched.satisfies(&["BB".to_owned(), "cc".to_owned(), "AA".to_owned()]));
        assert!(!vouched.satisfies(&["aa".to_owned()]));
        assert!(Vouched::default().satisfies(&[]));
    }
}

//! The certificates that a host sends, whether or not anybody trusts them: what thumbprints of OIDC providers are of.

use std::{io, sync::Arc, time::Duration};

use ::aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::resolve::Hosts;

/// Asks hosts for their certificates. Nothing is sent to a host and nothing is read from it but the handshake, so that
/// not trusting what it shows does no harm.
pub(crate) struct CertificateChains {
    connector: TlsConnector,
    hosts: Hosts,
}

/// The certificates of one host, its own first. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateChain(Vec<CertificateDer<'static>>);

/// Why a host's certificates were not had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoChain {
    #[error("it did not answer within {} s", LIMIT.as_secs())]
    Slow,
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    #[error("its name is none that TLS has: {0}")]
    Name(#[from] InvalidDnsNameError),
    #[error("it sent no certificate")]
    Empty,
}

/// How long connection and handshake may take together. AWS gives an issuer's keys as long.
const LIMIT: Duration = Duration::from_secs(5);

impl CertificateChains {
    /// Finds hosts by `hosts`.
    pub(crate) fn new(hosts: &Hosts) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(tls)),
            hosts: hosts.clone(),
        })
    }

    /// The certificates that `host` sends. An address of the resolve map brings its own port, as it does for the
    /// issuers' keys.
    pub(crate) async fn of(&self, host: &str, port: u16) -> Result<CertificateChain, NoChain> {
        timeout(LIMIT, self.fetch(host, port))
            .await
            .map_err(|_| NoChain::Slow)?
    }

    async fn fetch(&self, host: &str, port: u16) -> Result<CertificateChain, NoChain> {
        let name = ServerName::try_from(host.to_owned())?;
        let socket = match self.hosts.address(host) {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect((host, port)).await?,
        };
        let connection = self.connector.connect(name, socket).await?;
        let chain = connection.get_ref().1.peer_certificates().unwrap_or_default();
        CertificateChain::new(chain)
    }
}

impl CertificateChain {
    fn new(chain: &[CertificateDer<'_>]) -> Result<Self, NoChain> {
        if chain.is_empty() {
            return Err(NoChain::Empty);
        }
        Ok(Self(chain.iter().map(|der| der.clone().into_owned()).collect()))
    }

    /// The certificates in DER, the host's own first.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    /// The thumbprint of the last certificate that the host sends, which is the top intermediate authority's (IAM user
    /// guide, "Obtain the thumbprint for an OpenID Connect identity provider"): SHA-1 in 40 hexadecimal digits.
    pub(crate) fn top_thumbprint(&self) -> String {
        self.certificates()
            .last()
            .map(|der| thumbprint(der))
            .unwrap_or_default()
    }
}

/// SHA-1 of a certificate in 40 hexadecimal digits. A name for it, and no proof of anything else.
pub(crate) fn thumbprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes any certificate, but only from somebody who has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::{ServerConfig, pki_types::PrivateKeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// A host whose certificate an authority made that nobody knows, and which sends both.
    async fn host() -> (SocketAddr, Vec<CertificateDer<'static>>) {
        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let top = params.self_signed(&authority).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["issuer.example.test".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(params, authority)).unwrap();
        let chain = vec![leaf.der().clone(), top.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let (connection, _) = socket.accept().await.unwrap();
            let _ = TlsAcceptor::from(Arc::new(config)).accept(connection).await;
        });
        (address, chain)
    }

    fn at(address: SocketAddr) -> Hosts {
        let mut hosts = Hosts::default();
        hosts.add("Issuer.example.test", address);
        hosts
    }

    #[tokio::test]
    async fn a_chain_is_had_of_a_host_that_nobody_trusts() {
        let (address, sent) = host().await;
        let chains = CertificateChains::new(&at(address)).unwrap();
        let chain = chains.of("issuer.example.test", 443).await.unwrap();
        assert_eq!(chain.certificates(), sent);
        assert_eq!(chain.top_thumbprint(), thumbprint(&sent[1]));
        assert_ne!(chain.top_thumbprint(), thumbprint(&sent[0]));
        assert_eq!(chain.top_thumbprint().len(), 40);
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_has_no_chain() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let chains = CertificateChains::new(&at(closed)).unwrap();
        let error = chains.of("issuer.example.test", 443).await.unwrap_err();
        assert!(matches!(error, NoChain::Unreachable(_)), "{error}");
        let error = chains.of("not a name", 443).await.unwrap_err();
        assert!(matches!(error, NoChain::Name(_)), "{error}");
    }

    #[test]
    fn thumbprints_are_sha_1_in_hexadecimal() {
        let certificate = CertificateDer::from(b"abc".as_slice());
        assert_eq!(thumbprint(&certificate), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{Acceptor, ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use crate::{credential::write_secret, host::Host};

/// The private certificate authority: it makes a certificate for every host name that this AWS answers to, when the
/// name is first asked for, and for no other.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// One key serves all names: what tells the hosts apart is the certificate.
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    minted: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// What makes the authority the same one again.
#[derive(Serialize, Deserialize)]
pub(crate) struct AuthoritySecret {
    pub(crate) certificate_pem: String,
    #[serde(serialize_with = "write_secret")]
    key_pem: SecretString,
}

impl AuthoritySecret {
    /// A new authority with a new key.
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        Ok(Self {
            certificate_pem: authority_params().self_signed(&key)?.pem(),
            key_pem: key.serialize_pem().into(),
        })
    }
}

/// TLS as a server, by the name that the client asks for.
#[derive(Clone)]
pub(crate) struct Tls {
    /// HTTP/2 preferred.
    service: Arc<ServerConfig>,
    /// S3 speaks HTTP/1.1 only: whoever wants several objects at once opens several connections.
    bucket: Arc<ServerConfig>,
}

impl Authority {
    /// How many certificates are kept; there are more accounts and regions than anybody wants to remember.
    const CAPACITY: usize = 1024;

    pub(crate) fn new(secret: &AuthoritySecret) -> Result<Self, rcgen::Error> {
        let key = KeyPair::from_pem(secret.key_pem.expose_secret())?;
        Ok(Self {
            // Of the authority's certificate its name and its key are in those that it makes, and both are the same.
            issuer: Issuer::new(authority_params(), key),
            key: KeyPair::generate()?,
            provider: Arc::new(aws_lc_rs::default_provider()),
            minted: Mutex::default(),
        })
    }

    /// TLS as a server for all names.
    pub(crate) fn tls(self: Arc<Self>) -> Result<Tls, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(BySni(self)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let bucket = Arc::new(config.clone());
        config.alpn_protocols.insert(0, b"h2".to_vec());
        Ok(Tls {
            service: Arc::new(config),
            bucket,
        })
    }

    fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        // The canonical spelling is the key, so that spellings do not fill the table.
        let name = Host::parse(name)?.to_string();
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = minted.get(&name) {
            return Some(Arc::clone(certificate));
        }
        let certificate = Arc::new(self.mint(&name)?);
        if minted.len() >= Self::CAPACITY {
            minted.clear();
        }
        minted.insert(name, Arc::clone(&certificate));
        Some(certificate)
    }

    fn mint(&self, name: &str) -> Option<CertifiedKey> {
        let mut params = CertificateParams::new([name.to_owned()]).ok()?;
        // A common name has 64 characters at most; the names of buckets are longer. The subject alternative name counts.
        params
            .distinguished_name
            .push(DnType::CommonName, name.chars().take(64).collect::<String>());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, Duration::from_hours(24 * 365));
        let certificate = params.signed_by(&self.key, &self.issuer).ok()?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        CertifiedKey::from_der(vec![certificate.der().clone()], key, &self.provider).ok()
    }
}

impl Tls {
    /// Shakes hands with a client.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let host = start.client_hello().server_name().and_then(Host::parse);
        let config = match host {
            Some(Host::LayerBucket { .. }) => &self.bucket,
            _ => &self.service,
        };
        start.into_stream(Arc::clone(config)).await
    }
}

/// Chooses the certificate by the name in the TLS handshake.
struct BySni(Arc<Authority>);

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.certificate(hello.server_name()?)
    }
}

impl std::fmt::Debug for BySni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BySni")
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Simulated AWS private CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, Duration::from_hours(24 * 3650));
    params
}

/// Certificates are judged by the clients' clocks, which the simulated time does not move; a day in the past is for
/// clients whose clock is late.
fn set_validity(params: &mut CertificateParams, lifetime: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_hours(24)).into();
    params.not_after = (now + lifetime).into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_aws_get_a_certificate_and_only_one() {
        let authority = Authority::new(&AuthoritySecret::generate().unwrap()).unwrap();
        let first = authority.certificate("sts.us-east-1.amazonaws.com").unwrap();
        let again = authority.certificate("STS.us-east-1.amazonaws.com").unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(authority.certificate("example.com").is_none());
        assert!(authority.certificate("s3.amazonaws.com.example.org").is_none());
    }

    #[test]
    fn the_table_of_certificates_is_bounded() {
        let authority = Authority::new(&AuthoritySecret::generate().unwrap()).unwrap();
        for number in 0..Authority::CAPACITY + 1 {
            let name = format!("{number:012}.dkr.ecr.us-east-1.amazonaws.com");
            assert!(authority.certificate(&name).is_some());
        }
        assert!(authority.minted.lock().unwrap().len() <= Authority::CAPACITY);
    }
}

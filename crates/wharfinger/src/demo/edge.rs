use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// What stands in for a public certificate authority in front of the proxy: a private one, and the certificate that it
/// gave for the proxy's names.
#[derive(Debug)]
pub struct Edge {
    /// The authority's certificate (PEM), which clients and the simulated AWS trust.
    pub ca: PathBuf,
    /// The proxy's certificate (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
}

impl Edge {
    /// Makes both, and puts them into `folder`: the authority's certificate into a folder of its own, as skopeo and
    /// podman want it for `--cert-dir`.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn create(folder: &Path, names: &[&str]) -> io::Result<Self> {
        let edge = Self {
            ca: folder.join("ca").join("ca.crt"),
            certificate: folder.join("proxy.crt"),
            key: folder.join("proxy.key"),
        };
        let (ca, certificate, key) = mint(names).map_err(io::Error::other)?;
        fs::create_dir_all(folder.join("ca"))?;
        fs::write(&edge.ca, ca)?;
        fs::write(&edge.certificate, certificate)?;
        fs::write(&edge.key, key)?;
        Ok(edge)
    }

    /// The folder with the authority's certificate and nothing else.
    pub fn ca_folder(&self) -> &Path {
        self.ca.parent().unwrap_or(&self.ca)
    }
}

fn mint(names: &[&str]) -> Result<(String, String, String), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = params(&[], "Wharfinger demo CA")?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let key = KeyPair::generate()?;
    let mut certificate = params(names, names.first().copied().unwrap_or_default())?;
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    certificate.use_authority_key_identifier_extension = true;
    let certificate_pem = certificate.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
    Ok((ca_pem, certificate_pem, key.serialize_pem()))
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + 30 * DAY).into();
    Ok(params)
}

const DAY: Duration = Duration::from_hours(24);

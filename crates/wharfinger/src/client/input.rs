use std::{fs, io::Read, path::Path};

use aws::RegistryHost;
use state::ResourceName;

use super::{Common, login::Login, proxy::Proxy};

/// What was given on the command line, understood.
#[derive(Debug)]
pub(super) struct Input {
    /// At least one, and none twice.
    pub(super) hosts: Vec<RegistryHost>,
    pub(super) proxy: Proxy,
    /// Certificates as PEM.
    pub(super) ca: Option<String>,
    pub(super) login: Option<Login>,
}

impl Input {
    /// Reads options and the files that they name.
    ///
    /// # Errors
    /// One line: the option, its value, and what is expected.
    pub(super) fn read(common: &Common, stdin: impl Read) -> Result<Self, String> {
        let mut hosts: Vec<RegistryHost> = Vec::new();
        for host in &common.hosts {
            let host = host.parse().map_err(|error| format!("HOST: {error}"))?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let proxy = common.proxy.parse().map_err(|error| format!("--proxy: {error}"))?;
        let ca = common.ca.as_deref().map(certificates).transpose()?;
        let login = common
            .password_file
            .as_deref()
            .map(|file| Login::read(&common.username, file, stdin))
            .transpose()?;
        Ok(Self {
            hosts,
            proxy,
            ca,
            login,
        })
    }

    /// What stands for each registry in the path form of an image's name: the upstream's name, or the registry's host.
    ///
    /// # Errors
    /// Where the upstream is none, or there are several registries: it stands for one.
    pub(super) fn places<'a>(&'a self, upstream: Option<&'a str>) -> Result<Vec<(&'a str, &'a str)>, String> {
        let Some(upstream) = upstream else {
            return Ok(self.hosts.iter().map(|host| (host.as_str(), host.as_str())).collect());
        };
        upstream
            .parse::<ResourceName>()
            .map_err(|error| format!("--upstream: {error}"))?;
        let [host] = &self.hosts[..] else {
            return Err(format!(
                "--upstream `{upstream}` stands for one registry and {} are given; expected one HOST, its `registry`",
                self.hosts.len()
            ));
        };
        Ok(vec![(host.as_str(), upstream)])
    }
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let expected = "expected a file with certificates (PEM)";
    let unreadable = |error: &dyn std::fmt::Display| format!("--ca `{shown}` cannot be read: {error}; {expected}");
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_CERTIFICATES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_CERTIFICATES {
        return Err(format!(
            "--ca `{shown}` has more than {MAX_CERTIFICATES} bytes; {expected}"
        ));
    }
    let roots = net::Roots::system().with_pem(&format!("--ca `{shown}`"), &bytes);
    roots.map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| format!("--ca `{shown}` is not text; {expected}"))?;
    // The file is copied to where everybody may read it.
    if text.contains("PRIVATE KEY-----") {
        return Err(format!(
            "--ca `{shown}` holds a private key; expected certificates alone"
        ));
    }
    Ok(text)
}

/// The most bytes of a file with certificates; a whole system's authorities are a quarter of this.
const MAX_CERTIFICATES: u64 = 1024 * 1024;

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use aws::{Allowance, Endpoints};
use net::Resolve;
use oidc::{IssuerUrl, SealKey};
use serde::{Deserialize, Deserializer};

use super::PublicUrl;
use crate::{
    size::Size,
    toml_file::{self, InvalidConfig},
};

/// What `serve` is told, complete and checked as far as that is possible without touching anything.
#[derive(Debug)]
pub struct Config {
    /// Where clients find the registry.
    pub public_url: PublicUrl,
    /// Where to listen.
    pub listen: Listen,
    /// The listener for whoever runs the server.
    pub admin: Admin,
    /// Where content and keys are kept.
    pub data_dir: PathBuf,
    /// Files and directories with the resources.
    pub resources: Vec<PathBuf>,
    /// How much content is kept.
    pub cache: Cache,
    /// The issuer.
    pub issuer: Issuer,
    /// How to connect out.
    pub connect: Connect,
    /// Where AWS's APIs are.
    pub aws: Endpoints,
    /// What the sources of upstreams may use of this machine.
    pub sources: Allowance,
}

/// Where to listen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub address: SocketAddr,
    /// Certificate chain (PEM); without it the listener speaks plain HTTP.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key (PEM).
    pub key: Option<PathBuf>,
}

/// The listener for whoever runs the server.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address and port; there is no such listener where it is missing.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
}

/// How much content is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// How much may lie on disk; there is no limit where it is missing.
    pub max_size: Option<Size>,
}

/// The issuer of the tokens that AWS is shown.
#[derive(Debug)]
pub struct Issuer {
    /// Its URL.
    pub url: IssuerUrl,
    /// The key under which the signing key lies on disk.
    pub seal_key: SealKeySource,
}

/// Where the seal key comes from.
#[derive(Debug)]
pub enum SealKeySource {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
}

/// How to connect out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Connect {
    /// Where names are found that the system's resolver does not know, or knows otherwise.
    #[serde(deserialize_with = "resolve")]
    pub resolve: Resolve,
    /// Certificates to trust beside the system's (PEM).
    pub ca_bundle: Option<PathBuf>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(deserialize_with = "parsed")]
    public_url: PublicUrl,
    data_dir: PathBuf,
    resources: Vec<PathBuf>,
    listen: Listen,
    #[serde(default)]
    admin: Admin,
    #[serde(default)]
    cache: Cache,
    issuer: IssuerTable,
    #[serde(default)]
    connect: Connect,
    #[serde(default)]
    aws: Endpoints,
    #[serde(default)]
    sources: Allowance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerTable {
    url: Option<String>,
    seal_key_file: Option<PathBuf>,
    seal_key_env: Option<String>,
}

impl Config {
    /// Reads a configuration file (TOML). Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`InvalidConfig`] with file, key, value and what is expected.
    pub fn load(path: &Path) -> Result<Self, InvalidConfig> {
        let text = toml_file::read(path).map_err(|error| {
            InvalidConfig(format!(
                "--config `{}` cannot be read: {error}; expected a file in TOML",
                path.display()
            ))
        })?;
        let mut config = Self::parse(&text).map_err(|error| InvalidConfig(format!("{}: {error}", path.display())))?;
        // Absolute, so that what is watched is named as its changes are reported.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        config.resolve_paths(path.parent().unwrap_or(Path::new("/")));
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let file: File = toml_file::parse(text)?;
        if file.listen.certificate.is_some() != file.listen.key.is_some() {
            return Err(InvalidConfig("listen.certificate and listen.key: one is there without the other; expected both, or none for plain HTTP".to_owned()));
        }
        if let Some(admin) = file.admin.listen
            && overlap(admin, file.listen.address)
        {
            return Err(InvalidConfig(format!(
                "admin.listen: `{admin}` is where listen.address is, `{}`, which clients reach; expected another port, such as 127.0.0.1:9464",
                file.listen.address
            )));
        }
        if file.resources.is_empty() {
            return Err(InvalidConfig(
                "resources: the list is empty; expected one or more files or directories".to_owned(),
            ));
        }
        if file.cache.max_size == Some(Size(0)) {
            return Err(InvalidConfig(
                "cache.max_size: it is 0; expected a size such as 100GiB, or no such key for no limit".to_owned(),
            ));
        }
        let issuer = file.issuer.checked(&file.public_url)?;
        Ok(Self {
            public_url: file.public_url,
            listen: file.listen,
            admin: file.admin,
            data_dir: file.data_dir,
            resources: file.resources,
            cache: file.cache,
            issuer,
            connect: file.connect,
            aws: file.aws,
            sources: file.sources,
        })
    }

    fn resolve_paths(&mut self, folder: &Path) {
        let seal_key = match &mut self.issuer.seal_key {
            SealKeySource::File(path) => Some(path),
            SealKeySource::Environment(_) => None,
        };
        let optional = [
            &mut self.listen.certificate,
            &mut self.listen.key,
            &mut self.connect.ca_bundle,
        ];
        let paths = std::iter::once(&mut self.data_dir)
            .chain(&mut self.resources)
            .chain(&mut self.sources.folders)
            .chain(optional.into_iter().flatten())
            .chain(seal_key);
        for path in paths {
            *path = folder.join(&path);
        }
    }
}

impl IssuerTable {
    fn checked(self, public_url: &PublicUrl) -> Result<Issuer, InvalidConfig> {
        let url = match &self.url {
            Some(url) => url
                .parse()
                .map_err(|error| InvalidConfig(format!("issuer.url: {error}")))?,
            None => public_url.as_str().parse().map_err(|error| {
                InvalidConfig(format!(
                    "issuer.url: it is missing, and public_url cannot stand for it: {error}"
                ))
            })?,
        };
        let seal_key = match (self.seal_key_file, self.seal_key_env) {
            (Some(file), None) => SealKeySource::File(file),
            (None, Some(variable)) => SealKeySource::Environment(variable),
            (None, None) => {
                return Err(InvalidConfig("issuer.seal_key_file: it is missing; expected a file with 32 bytes in base64 (`openssl rand -base64 32`), or issuer.seal_key_env with the name of a variable that holds them".to_owned()));
            }
            (Some(_), Some(_)) => {
                return Err(InvalidConfig(
                    "issuer.seal_key_file and issuer.seal_key_env: both are there; expected one of them".to_owned(),
                ));
            }
        };
        Ok(Issuer { url, seal_key })
    }
}

impl SealKeySource {
    /// The key.
    ///
    /// # Errors
    /// [`InvalidConfig`] where it is not there or not one. What was found is not repeated, nor is the name of file or
    /// variable where the key itself was written there.
    pub(crate) fn key(self) -> Result<SealKey, InvalidConfig> {
        const EXPECTED: &str = "expected 32 bytes in base64, as `openssl rand -base64 32` prints them";
        let (key, name, text) = match self {
            Self::File(path) => {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string());
                ("issuer.seal_key_file", path.display().to_string(), text)
            }
            Self::Environment(name) => {
                let text = std::env::var(&name).map_err(|error| error.to_string());
                ("issuer.seal_key_env", name, text)
            }
        };
        if name
            .rsplit_once('/')
            .map_or(name.as_str(), |(_, last)| last)
            .parse::<SealKey>()
            .is_ok()
            || name.ends_with('=')
        {
            return Err(InvalidConfig(format!(
                "{key}: it looks like the seal key itself; expected the name of what holds it"
            )));
        }
        let text =
            text.map_err(|error| InvalidConfig(format!("{key} `{name}` cannot be read: {error}; {EXPECTED}")))?;
        let line = text.lines().next().unwrap_or_default();
        line.parse()
            .map_err(|error| InvalidConfig(format!("{key} `{name}`: {error}")))
    }
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is not an address; expected ADDRESS:PORT, such as 0.0.0.0:443"
        ))
    })
}

fn some_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}

/// Whether two listeners would be in each other's way. An unspecified address has all others in it, and that of IPv6
/// mostly those of IPv4 as well.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_everywhere || one.ip() == other.ip())
}

fn resolve<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resolve, D::Error> {
    Resolve::parse(Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
public_url = "https://images.example.com"
data_dir = "data"
resources = ["resources"]

[listen]
address = "127.0.0.1:8443"
certificate = "/etc/tls.crt"
key = "/etc/tls.key"

[issuer]
seal_key_env = "SEAL_KEY"

[connect]
resolve = ["*.amazonaws.com=127.0.0.1:4566"]
ca_bundle = "ca.pem"
"#;

    #[test]
    fn a_file_is_read_and_its_paths_are_relative_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wharfinger.toml");
        fs::write(&path, FULL).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.issuer.url.as_str(), "https://images.example.com");
        assert_eq!(config.data_dir, directory.path().join("data"));
        assert_eq!(config.resources, [directory.path().join("resources")]);
        assert_eq!(config.connect.ca_bundle, Some(directory.path().join("ca.pem")));
        assert_eq!(config.cache.max_size, None);
        assert_eq!(config.listen.key, Some("/etc/tls.key".into()));
        assert!(config.connect.resolve.address("sts.amazonaws.com").is_some());
    }

    #[test]
    fn an_error_is_one_line_with_the_key_the_value_and_what_is_expected() {
        for (change, parts) in [
            (
                ("data_dir", "data_folder"),
                &["data_folder", "expected", "data_dir"][..],
            ),
            (("address =", "adress ="), &["adress", "address"]),
            (("\"127.0.0.1:8443\"", "\"8443\""), &["line 7: ", "listen.address: "]),
            (
                ("https://images.example.com", "images.example.com"),
                &["public_url: ", "`images.example.com`", "expected https://HOST"],
            ),
            (
                ("https://images.example.com", "https://images.example.com/x"),
                &["public_url: ", "without a path"],
            ),
            (
                ("https://images.example.com", "http://images.example.com"),
                &["issuer.url: ", "https://"],
            ),
            (
                ("https://images.example.com", "https://images.example.com:8443"),
                &["issuer.url: ", "port"],
            ),
            (
                ("[issuer]\n", "[issuer]\nurl = \"https://images.example.com:8443\"\n"),
                &["issuer.url: ", "`https://images.example.com:8443`", "port"],
            ),
            (
                ("[issuer]\n", "[issuer]\nurl = \"http://images.example.com\"\n"),
                &["issuer.url: ", "`http://images.example.com`", "https://"],
            ),
            (("[\"resources\"]", "[]"), &["resources: ", "expected one or more"]),
            (
                ("key = \"/etc/tls.key\"\n", ""),
                &["listen.certificate", "listen.key", "expected both"],
            ),
            (
                ("seal_key_env = \"SEAL_KEY\"\n", ""),
                &["issuer.seal_key_file: ", "openssl rand -base64 32"],
            ),
            (
                ("seal_key_env", "seal_key_file = \"x\"\nseal_key_env"),
                &["both are there"],
            ),
            (
                ("127.0.0.1:4566", "localhost"),
                &[
                    "connect.resolve: ",
                    "`*.amazonaws.com=localhost`",
                    "expected NAME=ADDRESS:PORT",
                ],
            ),
            (
                ("[issuer]\n", "[cache]\nmax_size = \"100 gigs\"\n[issuer]\n"),
                &["cache.max_size: ", "`100 gigs`", "100GiB"],
            ),
            (
                ("[issuer]\n", "[cache]\nmax_size = \"0B\"\n[issuer]\n"),
                &["cache.max_size: ", "expected a size"],
            ),
            (
                ("[issuer]\n", "[admin]\nlisten = \"9464\"\n[issuer]\n"),
                &["admin.listen: ", "`9464`", "expected ADDRESS:PORT"],
            ),
            (
                ("[issuer]\n", "[admin]\nlisten = \"127.0.0.1:8443\"\n[issuer]\n"),
                &[
                    "admin.listen: ",
                    "`127.0.0.1:8443`",
                    "listen.address",
                    "expected another port",
                ],
            ),
            (
                ("[issuer]\n", "[admin]\naddress = \"127.0.0.1:9464\"\n[issuer]\n"),
                &["admin.address", "listen"],
            ),
            (("[listen]", "[listen"), &["line 6: "]),
        ] {
            let text = FULL.replace(change.0, change.1);
            assert_ne!(text, FULL);
            let message = Config::parse(&text).unwrap_err().to_string();
            assert!(!message.contains('\n'), "{message}");
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in: {message}");
            }
        }
    }

    #[test]
    fn listeners_that_would_be_in_each_others_way_are_told() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("127.0.0.1:1", "0.0.0.0:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(
                overlap(one.parse().unwrap(), other.parse().unwrap()),
                expected,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn there_is_no_admin_listener_unless_it_is_asked_for() {
        assert_eq!(Config::parse(FULL).unwrap().admin.listen, None);
        let text = format!("{FULL}[admin]\nlisten = \"127.0.0.1:0\"\n");
        assert_eq!(
            Config::parse(&text).unwrap().admin.listen,
            Some(([127, 0, 0, 1], 0).into())
        );
    }

    #[test]
    fn a_seal_key_that_is_none_is_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seal");
        fs::write(&path, "not a key").unwrap();
        let message = SealKeySource::File(path.clone()).key().unwrap_err().to_string();
        assert!(
            message.contains("issuer.seal_key_file") && !message.contains("not a key"),
            "{message}"
        );
        assert!(
            SealKeySource::File(directory.path().join("missing"))
                .key()
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
        let variable = "WHARFINGER_TEST_VARIABLE_THAT_NOBODY_SETS".to_owned();
        assert!(
            SealKeySource::Environment(variable.clone())
                .key()
                .unwrap_err()
                .to_string()
                .contains(&variable)
        );
    }
}

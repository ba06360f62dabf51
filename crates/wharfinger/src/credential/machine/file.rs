use std::path::{Path, PathBuf};

use aws::{Endpoints, Hop, Secret, Source, Whereabouts};
use serde::Deserialize;
use toml::Value;

use super::{Credential, Machine, Pattern, Registry};
use crate::{
    credential::server::ServerName,
    serve::Connect,
    toml_file::{self, InvalidConfig},
};

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    connect: Connect,
    #[serde(default)]
    aws: Endpoints,
    #[serde(default, rename = "credential")]
    credentials: Vec<CredentialTable>,
    #[serde(default, rename = "registry")]
    registries: Vec<RegistryTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialTable {
    #[serde(default = "Pattern::any")]
    host: Pattern,
    /// Read when its paths are whole: a source takes no others.
    source: Option<Value>,
    #[serde(default)]
    hops: Vec<Hop>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryTable {
    host: String,
    #[serde(default = "username")]
    username: String,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
}

/// Reads the text. Relative paths in it are relative to `folder`.
///
/// # Errors
/// [`InvalidConfig`] with key, value and what is expected. No secret is repeated.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Machine, InvalidConfig> {
    let file: File = toml_file::parse(text)?;
    let mut connect = file.connect;
    connect.ca_bundle = connect.ca_bundle.map(|bundle| folder.join(bundle));
    let credentials = file.credentials.into_iter().enumerate();
    let registries = file.registries.into_iter().enumerate();
    Ok(Machine {
        connect,
        aws: file.aws,
        path: None,
        credentials: credentials
            .map(|(at, table)| {
                Ok(Credential {
                    host: table.host,
                    source: table
                        .source
                        .map_or(Ok(Source::Ambient {}), |source| self::source(source, at, folder))?,
                    hops: table.hops,
                })
            })
            .collect::<Result<_, _>>()?,
        registries: registries
            .map(|(at, table)| table.checked(at, folder))
            .collect::<Result<_, _>>()?,
    })
}

fn source(mut source: Value, at: usize, folder: &Path) -> Result<Source, InvalidConfig> {
    for (kind, field) in FILES {
        let file = source
            .get_mut(kind)
            .and_then(|kind| kind.get_mut(field))
            .and_then(|field| field.get_mut("file"));
        if let Some(Value::String(path)) = file {
            *path = folder.join(&path).display().to_string();
        }
    }
    serde_path_to_error::deserialize(source).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { format!(".{path}") };
        let message = error.inner().message().split_whitespace().collect::<Vec<_>>().join(" ");
        InvalidConfig(format!("credential[{at}].source{path}: {}", discreet(&message)))
    })
}

/// The message without a value in the place of a table: it can be a key that was written a level too high.
fn discreet(message: &str) -> String {
    match message.split_once(" \"") {
        Some((before, rest)) if message.starts_with("invalid type: ") => {
            let behind = rest.rsplit_once('"').map_or("", |(_, behind)| behind);
            format!("{before}{behind}")
        }
        _ => message.to_owned(),
    }
}

impl RegistryTable {
    fn checked(self, at: usize, folder: &Path) -> Result<Registry, InvalidConfig> {
        let invalid = |text: String| InvalidConfig(format!("registry[{at}].{text}"));
        let host = ServerName::parse(&self.host).map_err(|error| invalid(format!("host: {error}")))?;
        if self.username.is_empty() || self.username.contains(char::is_control) {
            return Err(invalid(
                "username: it is empty or of several lines; expected a name, such as wharfinger".to_owned(),
            ));
        }
        let token = match (self.token_file, self.token_env) {
            (Some(file), None) => Whereabouts::File(folder.join(file)),
            (None, Some(variable)) => Whereabouts::Env(variable),
            (found, _) => {
                let reason = if found.is_some() {
                    "both are there"
                } else {
                    "neither is there"
                };
                return Err(invalid(format!(
                    "token_file and token_env: {reason}; expected one of them, which says where the token of the client is"
                )));
            }
        };
        let (key, name) = match &token {
            Whereabouts::File(path) => ("token_file", path.file_name().unwrap_or_default().to_string_lossy()),
            Whereabouts::Env(name) => ("token_env", name.into()),
        };
        if name.starts_with("whr_") {
            return Err(invalid(format!(
                "{key}: it looks like the token itself; expected the name of what holds it"
            )));
        }
        Ok(Registry {
            host,
            username: self.username,
            token: Secret::Elsewhere(token),
        })
    }
}

fn username() -> String {
    "wharfinger".to_owned()
}

/// The places of a source that may name a file.
const FILES: [(&str, &str); 4] = [
    ("webIdentity", "token"),
    ("accessKey", "accessKeyId"),
    ("accessKey", "secretAccessKey"),
    ("accessKey", "sessionToken"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use aws::TokenOrigin;

    fn error(text: &str) -> String {
        parse(text, Path::new("/etc/w")).unwrap_err().to_string()
    }

    #[test]
    fn every_source_is_read_and_paths_are_relative_to_the_folder() {
        let text = r#"
[connect]
ca_bundle = "ca.pem"
[aws]
fips = true
[[credential]]
source = { webIdentity = { roleArn = "arn:aws:iam::111122223333:role/pull", token = { file = "token" } } }
[[credential]]
[credential.source.accessKey]
accessKeyId = "AKIA"
secretAccessKey = { file = "/run/key" }
[[credential]]
source = { anonymous = {} }
[[credential]]
source = { webIdentity = { roleArn = "arn:aws:iam::111122223333:role/pull", token = "issuer" } }
[[registry]]
host = "images.example.com"
token_file = "robot.token"
"#;
        let machine = parse(text, Path::new("/etc/w")).unwrap();
        assert_eq!(machine.connect.ca_bundle, Some("/etc/w/ca.pem".into()));
        assert!(machine.aws.fips);
        let Source::WebIdentity(identity) = &machine.credentials[0].source else {
            panic!("a web identity")
        };
        assert_eq!(identity.token, TokenOrigin::File("/etc/w/token".into()));
        let Source::AccessKey(key) = &machine.credentials[1].source else {
            panic!("an access key")
        };
        assert_eq!(key.secret_access_key.file(), Some(&"/run/key".into()));
        assert_eq!(machine.registries[0].token.file(), Some(&"/etc/w/robot.token".into()));
    }

    #[test]
    fn an_error_is_one_line_with_the_key_the_value_and_what_is_expected() {
        for (text, parts) in [
            ("[[credentials]]\n", &["credentials", "`credential`"][..]),
            (
                "[[credential]]\nhost = \"docker.io\"\n",
                &["line 2", "credential[0].host", "`docker.io`", "expected"],
            ),
            (
                "[[credential]]\nsource = { vault = {} }\n",
                &["credential[0].source", "vault", "`ambient`"],
            ),
            (
                "[[credential]]\nhops = [{ roleArn = \"x\" }]\n",
                &["credential[0].hops[0].roleArn", "`x`", "expected"],
            ),
            (
                "[[credential]]\nsource = { webIdentity = { roleArn = \"x\" } }\n",
                &["credential[0].source.webIdentity", "`x`", "expected"],
            ),
            (
                "[[registry]]\nhost = \"a b\"\ntoken_env = \"T\"\n",
                &["registry[0].host", "`a b`", "expected"],
            ),
            (
                "[[registry]]\nhost = \"a.test\"\n",
                &["registry[0].token_file", "neither", "expected"],
            ),
            (
                "[[registry]]\nhost = \"a.test\"\ntoken_env = \"T\"\ntoken_file = \"f\"\n",
                &["registry[0].token_file", "both", "expected"],
            ),
            (
                "[connect]\nresolve = [\"x\"]\n",
                &["connect.resolve", "`x`", "expected"],
            ),
            ("[aws]\nsts = \"x\"\n", &["aws.sts", "`x`", "expected"]),
        ] {
            let error = error(text);
            for part in parts {
                assert!(error.contains(part), "{part:?} is not in: {error}");
            }
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn secrets_in_wrong_places_are_not_repeated() {
        for text in [
            "[[credential]]\nsource = { accessKey = \"hunter2\" }\n",
            "[[credential]]\nsource = { accessKey = { accessKeyId = \"A\", secretAccessKey = { vault = \"hunter2\" } } }\n",
            "[[registry]]\nhost = \"a.test\"\ntoken = \"hunter2\"\n",
            "[[registry]]\nhost = \"a.test\"\ntoken_file = \"whr_hunter2\"\n",
            "[[registry]]\nhost = \"a.test\"\ntoken_env = \"whr_hunter2\"\n",
            "[[registry]]\nhost = \"me:hunter2@a.test\"\ntoken_env = \"T\"\n",
        ] {
            let error = error(text);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

mod file;
mod pattern;

use std::path::{Path, PathBuf};

use aws::{Endpoints, Hop, RegistryHost, Secret, Source};

use super::server::ServerName;
use crate::{
    serve::Connect,
    toml_file::{self, InvalidConfig},
};
use pattern::Pattern;

/// What this machine's configuration says of logins.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// How to connect out.
    pub(crate) connect: Connect,
    /// Where AWS's APIs are.
    pub(crate) aws: Endpoints,
    /// Where it stands, if it stands anywhere.
    path: Option<PathBuf>,
    credentials: Vec<Credential>,
    registries: Vec<Registry>,
}

/// How an identity for the registries of some hosts comes about.
#[derive(Debug)]
struct Credential {
    host: Pattern,
    source: Source,
    hops: Vec<Hop>,
}

/// A registry at which this machine is a client with a login of its own, such as a Wharfinger.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Where it is.
    pub(crate) host: ServerName,
    /// As whom.
    pub(crate) username: String,
    /// The password: never in the configuration itself.
    pub(crate) token: Secret,
}

impl Machine {
    /// The variable that names the configuration.
    pub(crate) const VARIABLE: &'static str = "WHARFINGER_CREDENTIALS";

    /// The configuration: of this file, else of the file that the environment names, else of the user's own, which does
    /// not have to be there.
    ///
    /// # Errors
    /// [`InvalidConfig`] with file, key, value and what is expected.
    pub(crate) fn load(file: Option<&Path>, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = file {
            return Self::read(path, "--config");
        }
        if let Some(path) = variable(Self::VARIABLE) {
            return Self::read(&path, Self::VARIABLE);
        }
        let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        match folder.map(|folder| folder.join("wharfinger/credentials.toml")) {
            Some(path) if path.exists() => Self::read(&path, "the configuration"),
            _ => Ok(Self::default()),
        }
    }

    fn read(path: &Path, named_by: &str) -> Result<Self, InvalidConfig> {
        let text = toml_file::read(path).map_err(|error| {
            InvalidConfig(format!(
                "{named_by} `{}` cannot be read: {error}; expected a file in TOML",
                path.display()
            ))
        })?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let machine = file::parse(&text, absolute.parent().unwrap_or(Path::new("/")))
            .map_err(|error| InvalidConfig(format!("{}: {error}", path.display())))?;
        Ok(Self {
            path: Some(path.to_owned()),
            ..machine
        })
    }

    /// How the identity for a registry comes about, and which entry says so. Where there is no entry at all, it is what
    /// AWS's own tools find on the machine.
    ///
    /// # Errors
    /// [`InvalidConfig`] where none of the entries is for this registry.
    pub(crate) fn identity(&self, registry: &RegistryHost) -> Result<(String, Source, Vec<Hop>), InvalidConfig> {
        if self.credentials.is_empty() {
            return Ok(("without a [[credential]]".to_owned(), Source::Ambient {}, Vec::new()));
        }
        let found = self
            .credentials
            .iter()
            .position(|credential| credential.host.matches(registry.as_str()));
        let Some(at) = found else {
            return Err(InvalidConfig(format!(
                "{}: credential: none of the {} is for `{registry}`; expected a [[credential]] with this host, or with a `*` that covers it",
                self.place(),
                self.credentials.len()
            )));
        };
        let Credential { source, hops, .. } = &self.credentials[at];
        Ok((
            format!("{}: credential[{at}]", self.place()),
            source.clone(),
            hops.clone(),
        ))
    }

    /// Whether an entry says anything of a registry of ECR.
    pub(crate) fn knows(&self, registry: &RegistryHost) -> bool {
        self.credentials
            .iter()
            .any(|credential| credential.host.matches(registry.as_str()))
    }

    /// Whether there is no entry for ECR at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.credentials.is_empty()
    }

    /// The registry at which this machine has a login of its own.
    pub(crate) fn registry(&self, host: &ServerName) -> Option<&Registry> {
        self.registries.iter().find(|registry| registry.host == *host)
    }

    /// The hosts for which there is a login, each with its user name. Hosts with a `*` are too many to tell.
    pub(crate) fn logins(&self) -> impl Iterator<Item = (&str, &str)> {
        let exact = self.credentials.iter().filter_map(|credential| {
            let is_nobody = matches!(credential.source, Source::Anonymous {});
            credential.host.exact().filter(|_| !is_nobody)
        });
        let registries = self.registries.iter();
        registries
            .map(|registry| (registry.host.as_str(), registry.username.as_str()))
            .chain(exact.map(|host| (host, "AWS")))
    }

    /// Where the configuration is, or where it would be.
    pub(crate) fn place(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "~/.config/wharfinger/credentials.toml".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
[[credential]]
host = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
source = { accessKey = { accessKeyId = "AKIA", secretAccessKey = { file = "key" } } }
[[credential]]
host = "public.ecr.aws"
source = { anonymous = {} }
[[credential]]
host = "*.dkr.ecr.us-east-1.amazonaws.com"
hops = [{ roleArn = "arn:aws:iam::111122223333:role/pull", externalId = "acme-1" }]
[[registry]]
host = "https://Images.example.com/"
token_env = "TOKEN"
"#;

    fn machine() -> Machine {
        file::parse(CONFIG, Path::new("/etc")).unwrap()
    }

    fn registry(name: &str) -> RegistryHost {
        name.parse().unwrap()
    }

    #[test]
    fn the_first_entry_that_matches_counts() {
        let machine = machine();
        let entry = |host: &str| {
            machine
                .identity(&registry(host))
                .map(|(_, source, hops)| (source, hops))
        };
        let (source, hops) = entry("111122223333.dkr.ecr.us-east-1.amazonaws.com").unwrap();
        assert!(matches!(source, Source::AccessKey(_)) && hops.is_empty());
        let (source, hops) = entry("444455556666.dkr.ecr.us-east-1.amazonaws.com").unwrap();
        assert_eq!((source, hops.len()), (Source::Ambient {}, 1));
        let error = entry("444455556666.dkr.ecr.eu-west-1.amazonaws.com").unwrap_err();
        assert!(error.to_string().contains("eu-west-1"), "{error}");
    }

    #[test]
    fn without_entries_the_machine_is_what_it_is() {
        let (_, source, hops) = Machine::default().identity(&registry("public.ecr.aws")).unwrap();
        assert_eq!((source, hops), (Source::Ambient {}, Vec::new()));
    }

    #[test]
    fn logins_are_those_of_registries_and_of_exact_hosts() {
        let machine = machine();
        let logins: Vec<_> = machine.logins().collect();
        assert_eq!(
            logins,
            [
                ("images.example.com", "wharfinger"),
                ("111122223333.dkr.ecr.us-east-1.amazonaws.com", "AWS")
            ]
        );
    }

    #[test]
    fn the_file_is_the_nearest_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("wharfinger/credentials.toml");
        std::fs::create_dir(own.parent().unwrap()).unwrap();
        std::fs::write(&own, CONFIG).unwrap();
        let load = |variable: &dyn Fn(&str) -> Option<String>| Machine::load(None, variable);
        let home = folder.path().display().to_string();
        let user = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.clone());
        assert_eq!(load(&user).unwrap().credentials.len(), 3);
        let nowhere = |name: &str| (name == "HOME").then(|| home.clone());
        assert!(load(&nowhere).unwrap().is_silent());
        let named = |name: &str| Some(format!("/nonexistent/{name}"));
        let error = load(&named).unwrap_err().to_string();
        assert!(error.starts_with("WHARFINGER_CREDENTIALS `/nonexistent/"), "{error}");
    }
}

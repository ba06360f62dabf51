//! Who asks: user name and password, and where they are found.

mod auth_file;

use std::{
    fmt,
    io::{self, Read},
    path::PathBuf,
};

use iam::RoleArn;
use oci::ImageReference;
use secrecy::SecretString;

pub(crate) use auth_file::AuthFileError;

use super::registry::Proxy;

/// A user name and a password.
#[derive(Clone)]
pub(crate) struct Credentials {
    /// The user's name.
    pub(crate) username: String,
    /// The password, or a token in its place.
    pub(crate) password: SecretString,
    /// Where the password was found, for messages: an option, a variable or a file.
    pub(crate) origin: String,
}

/// Where credentials are looked for, the first that has some counts: standard input where that is asked for, the
/// variable `WHARFINGER_TOKEN`, the files of docker and of podman and skopeo.
pub(crate) struct Search<'a> {
    /// The name that `--username` gives.
    pub(crate) username: Option<String>,
    /// The role in which a proxy is to pull. It is told by the user name, whichever password goes with it.
    pub(crate) role: Option<&'a RoleArn>,
    /// Whether `--password-stdin` was given.
    pub(crate) from_stdin: bool,
    /// The image that is asked for.
    pub(crate) image: &'a ImageReference,
    /// The proxy that is asked for it.
    pub(crate) proxy: Option<&'a Proxy>,
    /// The process's environment variables.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Credentials that were asked for and cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// Standard input cannot be read.
    #[error("--password-stdin: standard input cannot be read: {0}")]
    Stdin(io::Error),
    /// There is no password, or something else.
    #[error("--password-stdin: expected one line with the password on standard input, found {0}")]
    NoPassword(&'static str),
    /// A user name by itself.
    #[error("--username {0} needs a password; give it with --password-stdin or in WHARFINGER_TOKEN")]
    OnlyUsername(String),
    /// A role by itself.
    #[error(
        "--role-arn {0} needs the password of a client of the proxy; give it with --password-stdin or in WHARFINGER_TOKEN, or log in"
    )]
    OnlyRole(RoleArn),
    /// See [`AuthFileError`].
    #[error(transparent)]
    File(#[from] AuthFileError),
}

impl Credentials {
    /// The user name that goes with a token where none was given. A proxy knows the robot by its token.
    pub(crate) const DEFAULT_USERNAME: &'static str = "robot";

    /// The variable in which a robot's token is found.
    pub(crate) const VARIABLE: &'static str = "WHARFINGER_TOKEN";
}

impl Search<'_> {
    /// Looks for credentials; nothing where there are none.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub(crate) fn find(self, stdin: impl Read) -> Result<Option<Credentials>, CredentialsError> {
        let role = self.role;
        match (self.nearest(stdin)?, role) {
            (Some(credentials), Some(role)) => Ok(Some(Credentials {
                username: role.to_string(),
                ..credentials
            })),
            (None, Some(role)) => Err(CredentialsError::OnlyRole(role.clone())),
            (found, None) => Ok(found),
        }
    }

    fn nearest(self, stdin: impl Read) -> Result<Option<Credentials>, CredentialsError> {
        let username = || {
            let default = || Credentials::DEFAULT_USERNAME.to_owned();
            self.username.clone().unwrap_or_else(default)
        };
        if self.from_stdin {
            return Ok(Some(Credentials {
                username: username(),
                password: password(stdin)?,
                origin: "--password-stdin".to_owned(),
            }));
        }
        let token = (self.variable)(Credentials::VARIABLE).filter(|token| !token.is_empty());
        if let Some(token) = token
            && (self.username.is_some() || self.asks_a_proxy())
        {
            return Ok(Some(Credentials {
                username: username(),
                password: token.trim_end_matches(['\r', '\n']).into(),
                origin: Credentials::VARIABLE.to_owned(),
            }));
        }
        if let Some(username) = self.username {
            return Err(CredentialsError::OnlyUsername(username));
        }
        let (host, repository) = match self.proxy {
            Some(proxy) => (proxy.host(), format!("{}/{}", self.image.host, self.image.repository)),
            None => (self.image.host.clone(), self.image.repository.to_string()),
        };
        for path in self.files() {
            if let Some(credentials) = auth_file::find(&path, &host, &repository)? {
                return Ok(Some(credentials));
            }
        }
        Ok(None)
    }

    /// A robot's token is for a proxy. Without `--proxy`, and without a role or a user name that says that it is meant for
    /// this registry, an image tells that it lies behind a proxy by the host of another registry in its repository
    /// (`PROXY/REGISTRY HOST/REPOSITORY`); any other registry is not given the token.
    fn asks_a_proxy(&self) -> bool {
        let first = self.image.repository.components().next();
        self.proxy.is_some() || self.role.is_some() || first.is_some_and(|component| component.contains('.'))
    }

    /// The files in the order in which podman and skopeo look at them; docker's is the last.
    fn files(&self) -> Vec<PathBuf> {
        let path = |name: &str| {
            let value = (self.variable)(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        if let Some(file) = path("REGISTRY_AUTH_FILE") {
            return vec![file];
        }
        let home = path("HOME");
        let below_home = |folder: &str| home.as_ref().map(|home| home.join(folder));
        [
            path("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            path("XDG_CONFIG_HOME")
                .or_else(|| below_home(".config"))
                .map(|folder| folder.join("containers/auth.json")),
            path("DOCKER_CONFIG")
                .or_else(|| below_home(".docker"))
                .map(|folder| folder.join("config.json")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

fn password(stdin: impl Read) -> Result<SecretString, CredentialsError> {
    let mut text = String::new();
    let read = stdin.take(MAX_PASSWORD + 1).read_to_string(&mut text);
    let mut password = SecretString::from(text);
    read.map_err(CredentialsError::Stdin)?;
    let line = secrecy::ExposeSecret::expose_secret(&password).trim_end_matches(['\r', '\n']);
    let wrong = match line {
        "" => Some("nothing"),
        _ if line.len() as u64 > MAX_PASSWORD => Some("more than 64 KiB"),
        _ if line.contains(char::is_control) => Some("more than one line, or a control character"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        return Err(CredentialsError::NoPassword(wrong));
    }
    password = line.into();
    Ok(password)
}

/// The longest password in bytes.
const MAX_PASSWORD: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const IMAGE: &str = "r.test/team/app:1";

    struct Case<'a> {
        image: &'a str,
        proxy: Option<&'a str>,
        username: Option<&'a str>,
        role: Option<&'a str>,
        stdin: Option<&'a str>,
        token: Option<&'a str>,
    }

    const NOTHING: Case<'_> = Case {
        image: IMAGE,
        proxy: None,
        username: None,
        role: None,
        stdin: None,
        token: None,
    };

    fn find(case: &Case<'_>) -> Result<Option<String>, String> {
        let proxy = case.proxy.map(|proxy| proxy.parse().unwrap());
        let variable = |name: &str| match name {
            "WHARFINGER_TOKEN" => case.token.map(str::to_owned),
            _ => None,
        };
        let role = case.role.map(|role| role.parse().unwrap());
        let search = Search {
            role: role.as_ref(),
            username: case.username.map(str::to_owned),
            from_stdin: case.stdin.is_some(),
            image: &case.image.parse().unwrap(),
            proxy: proxy.as_ref(),
            variable: &variable,
        };
        let found = search.find(case.stdin.unwrap_or_default().as_bytes());
        let show = |c: Credentials| format!("{}:{} {}", c.username, c.password.expose_secret(), c.origin);
        found.map(|found| found.map(show)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_nearest_source_counts() {
        let proxy = Some("https://p.test");
        let stdin = Case {
            stdin: Some("s\n"),
            username: Some("u"),
            token: Some("t"),
            ..NOTHING
        };
        assert_eq!(find(&stdin).unwrap().unwrap(), "u:s --password-stdin");
        let token = Case {
            token: Some("t\n"),
            proxy,
            ..NOTHING
        };
        assert_eq!(find(&token).unwrap().unwrap(), "robot:t WHARFINGER_TOKEN");
        let named = Case {
            token: Some("t"),
            username: Some("u"),
            ..NOTHING
        };
        assert_eq!(find(&named).unwrap().unwrap(), "u:t WHARFINGER_TOKEN");
        assert_eq!(find(&NOTHING), Ok(None));
    }

    #[test]
    fn a_robots_token_goes_to_proxies_only() {
        let token = Some("t");
        assert_eq!(find(&Case { token, ..NOTHING }), Ok(None));
        let path_form = Case {
            token,
            image: "p.test/r.test/team/app:1",
            ..NOTHING
        };
        assert!(find(&path_form).unwrap().is_some());
    }

    #[test]
    fn a_role_is_the_user_name_of_whichever_password_is_found() {
        let role = Some("arn:aws:iam::111122223333:role/pull");
        let token = Case {
            role,
            token: Some("t"),
            ..NOTHING
        };
        let expected = "arn:aws:iam::111122223333:role/pull:t WHARFINGER_TOKEN";
        assert_eq!(find(&token).unwrap().unwrap(), expected);
        let stdin = Case {
            role,
            stdin: Some("s"),
            ..NOTHING
        };
        let expected = "arn:aws:iam::111122223333:role/pull:s --password-stdin";
        assert_eq!(find(&stdin).unwrap().unwrap(), expected);
        let error = find(&Case { role, ..NOTHING }).unwrap_err();
        assert!(
            error.contains("--role-arn arn:aws:iam::111122223333:role/pull needs"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_password_is_an_error() {
        let only_name = Case {
            username: Some("u"),
            ..NOTHING
        };
        assert!(find(&only_name).unwrap_err().contains("--username u needs a password"));
        let long = "x".repeat(70_000);
        for (stdin, found) in [
            ("", "nothing"),
            ("\n", "nothing"),
            ("a\nb", "more than one line"),
            (&long, "64 KiB"),
        ] {
            let error = find(&Case {
                stdin: Some(stdin),
                ..NOTHING
            })
            .unwrap_err();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn debug_output_holds_no_password() {
        let credentials = Credentials {
            username: "u".to_owned(),
            password: "hunter2".into(),
            origin: "o".to_owned(),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }

    #[test]
    fn the_files_are_those_of_podman_then_dockers() {
        let files = |variable: &dyn Fn(&str) -> Option<String>| {
            let image = IMAGE.parse().unwrap();
            let search = Search {
                username: None,
                role: None,
                from_stdin: false,
                image: &image,
                proxy: None,
                variable,
            };
            let shown = search.files().into_iter().map(|path| path.display().to_string());
            shown.collect::<Vec<_>>()
        };
        let home = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        assert_eq!(
            files(&home),
            ["/h/.config/containers/auth.json", "/h/.docker/config.json"]
        );
        let all = |name: &str| Some(format!("/{name}"));
        assert_eq!(files(&all), ["/REGISTRY_AUTH_FILE"]);
        let set = |name: &str| (name != "REGISTRY_AUTH_FILE").then(|| format!("/{name}"));
        let expected = [
            "/XDG_RUNTIME_DIR/containers/auth.json",
            "/XDG_CONFIG_HOME/containers/auth.json",
            "/DOCKER_CONFIG/config.json",
        ];
        assert_eq!(files(&set), expected);
        assert!(files(&|_| None).is_empty());
    }
}

use std::{ffi::OsString, path::PathBuf};

use secrecy::{ExposeSecret, zeroize::Zeroizing};
use serde_json::{Value, json};

use super::{login::Login, proxy::Proxy};

/// What one client is told.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) client: &'static str,
    pub(super) files: Vec<File>,
    /// What else somebody has to know or to do, a paragraph each.
    pub(super) notes: Vec<String>,
}

/// A file that the client reads.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) content: Content,
}

/// What is in it.
#[derive(Debug)]
pub(super) enum Content {
    /// The whole file.
    Whole(String),
    /// The whole file, around a login: what stands before it, the login, what stands behind it.
    WithLogin(String, Login, String),
    /// An entry of a file of logins, which has others.
    Entry(Entry),
}

/// An entry of docker's `config.json` or podman's `auth.json`, which have the same form (containers-auth.json(5)).
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) proxy: Proxy,
    pub(super) way: Way,
}

/// How the client comes by the login.
#[derive(Debug)]
pub(super) enum Way {
    /// It is in the file.
    Login(Login),
    /// `docker-credential-wharfinger` is asked.
    Helper,
}

/// A variable of the environment.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl File {
    pub(super) fn whole(path: PathBuf, text: impl Into<String>) -> Self {
        Self {
            path,
            content: Content::Whole(text.into()),
        }
    }

    /// Whether others than its owner must not read it.
    pub(super) fn is_secret(&self) -> bool {
        match &self.content {
            Content::Whole(_) => false,
            Content::WithLogin(..) => true,
            // Whoever looks at logins finds others' beside the own one.
            Content::Entry(_) => true,
        }
    }

    /// The mode of a file that is new.
    pub(super) fn mode(&self) -> u32 {
        if self.is_secret() { 0o600 } else { 0o644 }
    }

    /// The text: of an entry, a file that has nothing else.
    pub(super) fn text(&self) -> Zeroizing<String> {
        self.text_with(exposed)
    }

    /// The same for eyes: an ellipsis stands for the password.
    pub(super) fn text_without_password(&self) -> Zeroizing<String> {
        self.text_with(|_| "…".to_owned())
    }

    fn text_with(&self, shown: impl Fn(&Login) -> String) -> Zeroizing<String> {
        Zeroizing::new(match &self.content {
            Content::Whole(text) => text.clone(),
            Content::WithLogin(before, login, behind) => format!("{before}{}{behind}", shown(login)),
            Content::Entry(entry) => {
                let value = entry.value(&shown);
                pretty(&json!({ entry.section(): { entry.proxy.name(): value } }))
            }
        })
    }
}

impl Entry {
    /// The file's key under which the entry lies.
    pub(super) fn section(&self) -> &'static str {
        match self.way {
            Way::Login(_) => "auths",
            Way::Helper => "credHelpers",
        }
    }

    /// What lies there, with the login's form from `shown`.
    pub(super) fn value(&self, shown: impl Fn(&Login) -> String) -> Value {
        match &self.way {
            Way::Login(login) => json!({ "auth": shown(login) }),
            Way::Helper => json!(HELPER),
        }
    }

    /// The entry that `--credential-helper` or a password asks for; none where neither is given.
    pub(super) fn asked(proxy: &Proxy, login: Option<&Login>, is_helper: bool) -> Option<Self> {
        let way = match (login, is_helper) {
            (Some(login), _) => Way::Login(login.clone()),
            (None, true) => Way::Helper,
            (None, false) => return None,
        };
        Some(Self {
            proxy: proxy.clone(),
            way,
        })
    }

    /// What else the helper needs.
    pub(super) fn note(&self) -> Option<String> {
        let name = self.proxy.name();
        matches!(self.way, Way::Helper).then(|| {
            format!(
                "The login comes from docker-credential-wharfinger, which has to be in the PATH: name it in \
                 credentials.toml\n\n[[registry]]\nhost = \"{name}\"\ntoken_file = \"robot.token\""
            )
        })
    }
}

/// The login as it stands in files.
pub(super) fn exposed(login: &Login) -> String {
    login.encoded().expose_secret().to_owned()
}

/// JSON as docker writes it.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The folder for a user's configuration: of a variable, else of the home.
pub(super) fn folder(variable: Variable<'_>, name: &str, below_home: &str) -> Result<PathBuf, String> {
    let of = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of(name)
        .or_else(|| of("HOME").map(|home| home.join(below_home)))
        .ok_or_else(|| format!("neither {name} nor HOME is set; expected --folder DIR"))
}

/// What `docker-credential-wharfinger` is called in a client's configuration.
const HELPER: &str = "wharfinger";

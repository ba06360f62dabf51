use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use iam::RoleArn;
use secrecy::zeroize::{Zeroize, Zeroizing};
use serde::Deserialize;

use super::Credentials;

/// A file of credentials that is there and cannot be used. What stands in it is not repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthFileError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{path} {reason}; expected the config.json of docker or the auth.json of podman")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
struct Entry {
    /// base64 of `USER:PASSWORD`
    #[serde(default)]
    auth: String,
}

/// Looks up a registry in docker's `config.json` or containers' `auth.json` (containers-auth.json(5)): the entry for the
/// longest piece of `HOST/REPOSITORY` counts. Only entries with a user name and a password are understood; credential
/// helpers are not called.
pub(super) fn find(path: &Path, host: &str, repository: &str) -> Result<Option<Credentials>, AuthFileError> {
    let malformed = |reason: String| AuthFileError::Malformed {
        path: path.to_owned(),
        reason,
    };
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => {
            let path = path.to_owned();
            return Err(AuthFileError::Unreadable { path, source });
        }
    };
    if text.len() as u64 > MAX_LENGTH {
        return Err(malformed("is longer than 1 MiB".to_owned()));
    }
    // The parser's own message can repeat a value, so only the place is told.
    let file: AuthFile = serde_json::from_slice(&text).map_err(|error| {
        malformed(format!(
            "has a mistake in line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let Some((key, entry)) = file.entry(host, repository) else {
        return Ok(None);
    };
    let (username, password) = entry.pair().ok_or_else(|| {
        malformed(format!(
            "holds something else than base64 of USER:PASSWORD in the entry `{key}`"
        ))
    })?;
    Ok(Some(Credentials {
        username,
        password,
        origin: path.display().to_string(),
    }))
}

impl AuthFile {
    fn entry(&self, host: &str, repository: &str) -> Option<(&str, &Entry)> {
        let full = format!("{host}/{repository}");
        let mut wanted = full.as_str();
        loop {
            let found = self
                .auths
                .iter()
                .find(|(key, entry)| !entry.auth.is_empty() && registry(key) == wanted);
            if let Some((key, entry)) = found {
                return Some((key, entry));
            }
            wanted = wanted.rsplit_once('/')?.0;
        }
    }
}

impl Entry {
    fn pair(&self) -> Option<(String, secrecy::SecretString)> {
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(self.auth.trim()).ok()?);
        let text = std::str::from_utf8(&decoded).ok()?;
        // A role's ARN in the place of the user name has colons itself, the token behind it has none.
        let role = text
            .rsplit_once(':')
            .filter(|(user, _)| user.parse::<RoleArn>().is_ok());
        let (username, password) = role.or_else(|| text.split_once(':'))?;
        // Old versions of docker pad the pair with NUL.
        Some((username.to_owned(), password.trim_end_matches('\0').into()))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.auth.zeroize();
    }
}

/// What a key means: docker writes old keys as `https://HOST/v1/`.
fn registry(key: &str) -> &str {
    let Some(rest) = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) else {
        return key;
    };
    rest.split('/').next().unwrap_or_default()
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    File::open(path)?.take(MAX_LENGTH + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// How many bytes of a file are read.
const MAX_LENGTH: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    fn find_in(content: &str, host: &str, repository: &str) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, content).unwrap();
        let show = |c: Credentials| format!("{}:{}", c.username, c.password.expose_secret());
        let found = find(&path, host, repository).map(|found| found.map(show));
        found.map_err(|error| error.to_string())
    }

    fn auth(pair: &str) -> serde_json::Value {
        json!({ "auth": BASE64_STANDARD.encode(pair) })
    }

    #[test]
    fn the_longest_piece_of_the_name_counts() {
        let content = json!({ "auths": {
            "r.test": auth("host:1"), "r.test/team": auth("team:2"), "https://old.test/v1/": auth("old:a:b"),
            "r.test:5000": auth("port:3"), "helped.test": {},
        }, "credsStore": "pass" })
        .to_string();
        for (host, repository, expected) in [
            ("r.test", "app", Some("host:1")),
            ("r.test", "team/app", Some("team:2")),
            ("r.test", "teams/app", Some("host:1")),
            ("r.test:5000", "app", Some("port:3")),
            ("old.test", "app", Some("old:a:b")),
            ("helped.test", "app", None),
            ("other.test", "app", None),
        ] {
            let found = find_in(&content, host, repository);
            assert_eq!(found.unwrap().as_deref(), expected, "{host}/{repository}");
        }
    }

    #[test]
    fn a_role_in_the_place_of_the_user_name_is_whole() {
        let role = "arn:aws:iam::111122223333:role/pull";
        let entry = Entry {
            auth: BASE64_STANDARD.encode(format!("{role}:whr_x")),
        };
        let (username, password) = entry.pair().unwrap();
        assert_eq!((username.as_str(), password.expose_secret()), (role, "whr_x"));
    }

    #[test]
    fn a_missing_file_holds_nothing() {
        assert!(
            find(Path::new("/nonexistent/auth.json"), "r.test", "app")
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_repeated() {
        for content in [
            "",
            "{\"auths\":[\"hunter2\"]}",
            "{\"auths\":{\"r.test\":\"hunter2\"}}",
            "{\"auths\":{\"r.test\":{\"auth\":\"hunter2!\"}}}",
            "{\"auths\":{\"r.test\":{\"auth\":\"aHVudGVyMg==\"}}}",
        ] {
            let error = find_in(content, "r.test", "app").unwrap_err();
            assert!(
                error.contains("auth.json") && error.contains("expected") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_entry_panics(auth in "\\PC{0,30}") {
            let _ = Entry { auth }.pair();
        }
    }
}

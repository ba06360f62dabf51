use std::{
    fmt,
    hash::{Hash, Hasher},
    io::{self, Read},
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A secret, or where it is: in a file or in a variable of the environment, which are read at every use, so that what is
/// renewed there is used without a restart.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself.
    Inline(SecretString),
    /// Where it is.
    Elsewhere(Whereabouts),
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Whereabouts {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

/// The longest secret in bytes: session tokens have a few hundred, tokens of web identities at most 20,000.
const MAX_LENGTH: u64 = 32 * 1024;

impl Secret {
    /// The file that it is in, if it is in one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Elsewhere(Whereabouts::File(path)) => Some(path),
            _ => None,
        }
    }

    /// Whether it is taken from the environment.
    pub fn is_of_environment(&self) -> bool {
        matches!(self, Self::Elsewhere(Whereabouts::Env(_)))
    }

    /// The secret.
    ///
    /// # Errors
    /// One line that names the place and not what is in it.
    pub fn read(&self) -> Result<SecretString, String> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::Elsewhere(Whereabouts::File(path)) => {
                read_line(path).map_err(|error| format!("the file {} cannot be read: {error}", path.display()))
            }
            Self::Elsewhere(Whereabouts::Env(name)) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value.into()),
                _ => Err(format!("the variable {name} is not set in the environment")),
            },
        }
    }
}

/// The first line of a file that holds a secret.
pub(crate) fn read_line(path: &std::path::Path) -> io::Result<SecretString> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_LENGTH + 1)
        .read_to_string(&mut text)?;
    let text = zeroize::Zeroizing::new(text);
    if text.len() as u64 > MAX_LENGTH {
        return Err(io::Error::other(format!("it has more than {MAX_LENGTH} bytes")));
    }
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.into()),
        _ => Err(io::Error::other("its first line is empty")),
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Repeats nothing of what it finds in its errors.
struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret in quotes, { file: PATH } or { env: NAME }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        if text.is_empty() || text.len() as u64 > MAX_LENGTH || text.contains(char::is_control) {
            return Err(E::custom(
                "the secret is empty, too long or of several lines; expected one line of at most 32768 bytes",
            ));
        }
        Ok(Secret::Inline(text.into()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Secret, M::Error> {
        Whereabouts::deserialize(MapAccessDeserializer::new(map)).map(Secret::Elsewhere)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(unquoted())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(unquoted())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(unquoted())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(unquoted())
    }
}

fn unquoted<E: Error>() -> E {
    E::custom("a number or a truth value is no secret; expected the secret in quotes")
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(one), Self::Inline(other)) => one.expose_secret() == other.expose_secret(),
            (Self::Elsewhere(one), Self::Elsewhere(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Inline(secret) => secret.expose_secret().hash(state),
            Self::Elsewhere(place) => place.hash(state),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline"),
            Self::Elsewhere(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(value: serde_json::Value) -> Secret {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_file_is_read_anew_at_every_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let secret = secret(json!({ "file": path }));
        assert!(secret.read().unwrap_err().contains("cannot be read"));
        for value in ["one", "other"] {
            std::fs::write(&path, format!("{value}\n")).unwrap();
            assert_eq!(secret.read().unwrap().expose_secret(), value);
        }
        for nothing in ["".to_owned(), "\nlater".to_owned(), "x".repeat(40_000)] {
            std::fs::write(&path, nothing).unwrap();
            assert!(secret.read().is_err());
        }
    }

    #[test]
    fn nothing_shows_it() {
        let secret = secret(json!("hunter2"));
        assert_eq!(secret.read().unwrap().expose_secret(), "hunter2");
        assert_eq!(format!("{secret:?}"), "Inline");
        for value in [
            json!(""),
            json!("hunter2\nhunter3"),
            json!({"vault": "hunter2"}),
            json!(["hunter2"]),
            json!({"file": "/a", "env": "hunter2"}),
        ] {
            let error = serde_json::from_value::<Secret>(value.clone()).unwrap_err().to_string();
            assert!(!error.contains("hunter"), "{value}: {error}");
        }
        for value in [json!(123_456), json!(-123_456), json!(1234.5), json!(true)] {
            let error = serde_json::from_value::<Secret>(value).unwrap_err().to_string();
            assert!(
                error.contains("in quotes") && !error.contains("1234") && !error.contains("true"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let secret = secret(json!({"env": "WHARFINGER_NO_SUCH_VARIABLE"}));
        assert!(secret.read().unwrap_err().contains("WHARFINGER_NO_SUCH_VARIABLE"));
        assert!(secret.is_of_environment());
    }
}

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{SecretString, zeroize::Zeroizing};

/// A client's user name and password, in the one form in which HTTP Basic, hosts.toml and auth.json have them.
#[derive(Clone, Debug)]
pub(super) struct Login(SecretString);

impl Login {
    /// Reads the password, one line, from a file, or from standard input where the file is `-`.
    ///
    /// # Errors
    /// One line that names the option, and never repeats what was read.
    pub(super) fn read(username: &str, file: &Path, stdin: impl Read) -> Result<Self, String> {
        if username.is_empty() || username.contains(char::is_control) {
            return Err("--username is empty or has a control character; expected a name, such as robot".to_owned());
        }
        let (place, text) = if file == Path::new("-") {
            ("-".to_owned(), limited(stdin))
        } else {
            (file.display().to_string(), File::open(file).and_then(limited))
        };
        let wrong = |what: &str| format!("--password-file `{place}` {what}; expected one line with a robot's token");
        let text = text.map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(wrong("holds nothing"));
        }
        if password.contains(char::is_control) {
            return Err(wrong("holds more than one line, or a control character"));
        }
        let pair = Zeroizing::new(format!("{username}:{password}"));
        Ok(Self(STANDARD.encode(pair.as_bytes()).into()))
    }

    /// `USER:PASSWORD` in base64.
    pub(super) fn encoded(&self) -> &SecretString {
        &self.0
    }
}

fn limited(file: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_LENGTH as usize + 1));
    file.take(MAX_LENGTH + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LENGTH {
        return Err(io::Error::other(format!("it has more than {MAX_LENGTH} bytes")));
    }
    Ok(text)
}

/// The longest password in bytes. A robot's token has 47; other registries' fit as well.
const MAX_LENGTH: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(text: &str) -> Result<Login, String> {
        Login::read("robot", Path::new("-"), text.as_bytes())
    }

    #[test]
    fn one_line_is_a_password_whatever_ends_it() {
        for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            let login = read(text).unwrap();
            assert_eq!(login.encoded().expose_secret(), "cm9ib3Q6aHVudGVyMg==");
            assert!(!format!("{login:?}").contains("cm9ib3Q6"));
        }
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        let long = "hunter2".repeat(2000);
        for text in ["", "\n", "hunter2\nhunter2", "hunter2\tx", &long] {
            let error = read(text).unwrap_err();
            assert!(error.contains("--password-file `-`") && error.contains("expected one line"));
            assert!(!error.contains("hunter2"), "{error}");
        }
        let missing = Login::read("robot", Path::new("/nowhere/token"), io::empty()).unwrap_err();
        assert!(
            missing.contains("`/nowhere/token` cannot be read: No such file"),
            "{missing}"
        );
        assert!(Login::read("", Path::new("-"), "x".as_bytes()).is_err());
    }
}

use aws::{Login, Pass, RegistryHost, Session};
use clap::ValueEnum;
use jiff::Timestamp;
use secrecy::{ExposeSecret, zeroize::Zeroizing};
use serde::Serialize;

/// What `wharfinger credential get` prints.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// The login, as docker's credential helpers print it: ServerURL, Username, Secret
    #[default]
    Docker,
    /// The role session, as AWS's SDKs take it from a `credential_process`
    Aws,
    /// The role session as commands for a shell: export AWS_ACCESS_KEY_ID=…
    Env,
    /// The login: registry, principal, username, password, expiresAt
    Json,
}

/// A credential on its way out; it is gone from memory when it was written.
pub(crate) type Printed = Zeroizing<String>;

/// What docker reads from a helper: `credentials.Credentials` of docker-credential-helpers.
pub(crate) fn docker(server: &str, login: &Login) -> Printed {
    let (username, password) = pair(login);
    docker_pair(server, username, password)
}

/// The same for any user name and password.
pub(crate) fn docker_pair(server: &str, username: &str, password: &str) -> Printed {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Docker<'a> {
        #[serde(rename = "ServerURL")]
        server_url: &'a str,
        username: &'a str,
        secret: &'a str,
    }
    line(&Docker {
        server_url: server,
        username,
        secret: password,
    })
}

/// An object of one line.
pub(crate) fn json(registry: &RegistryHost, login: &Login) -> Printed {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Json<'a> {
        registry: &'a str,
        principal: &'a str,
        username: &'a str,
        password: &'a str,
        expires_at: String,
    }
    let (username, password) = pair(login);
    line(&Json {
        registry: registry.as_str(),
        principal: &login.principal,
        username,
        password,
        expires_at: shown(login.expires_at),
    })
}

/// What AWS's SDKs read from a `credential_process` (AWS SDKs and Tools Reference Guide, process credential provider).
pub(crate) fn aws(session: &Session) -> Printed {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Aws<'a> {
        version: u8,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        session_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expiration: Option<String>,
    }
    let (key, token) = (session.secret_access_key(), session.session_token());
    line(&Aws {
        version: 1,
        access_key_id: session.access_key_id(),
        secret_access_key: key.expose_secret(),
        session_token: token.as_ref().map(ExposeSecret::expose_secret),
        expiration: session.expires_at.map(shown),
    })
}

/// Commands for a shell. What another session left there goes.
pub(crate) fn env(session: &Session) -> Printed {
    let (key, token) = (session.secret_access_key(), session.session_token());
    let end = session.expires_at.map(shown);
    let variables = [
        ("AWS_ACCESS_KEY_ID", Some(session.access_key_id())),
        ("AWS_SECRET_ACCESS_KEY", Some(key.expose_secret())),
        ("AWS_SESSION_TOKEN", token.as_ref().map(ExposeSecret::expose_secret)),
        ("AWS_CREDENTIAL_EXPIRATION", end.as_deref()),
    ];
    let mut printed = Zeroizing::new(String::with_capacity(ROOM));
    for (name, value) in variables {
        match value {
            Some(value) => {
                printed.push_str("export ");
                printed.push_str(name);
                printed.push('=');
                quote(value, &mut printed);
            }
            None => {
                printed.push_str("unset ");
                printed.push_str(name);
            }
        }
        printed.push('\n');
    }
    printed
}

/// In single quotes a shell takes every character as it is but the single quote itself.
fn quote(value: &str, out: &mut String) {
    out.push('\'');
    for (at, piece) in value.split('\'').enumerate() {
        if at > 0 {
            out.push_str(r"'\''");
        }
        out.push_str(piece);
    }
    out.push('\'');
}

fn pair(login: &Login) -> (&str, &str) {
    match &login.pass {
        Pass::Basic { username, password } => (username, password.expose_secret()),
        // `Broker::basic_login` gives none of these. docker knows such a token by this user name.
        Pass::Bearer(token) => ("<token>", token.expose_secret()),
    }
}

fn shown(time: Timestamp) -> String {
    // Whole seconds, as AWS writes them; rounded down, so that nothing is used for longer than it is good.
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn line(value: &impl Serialize) -> Printed {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    serde_json::to_writer(&mut *bytes, value).expect("a struct of texts is JSON");
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() + 1));
    text.push_str(std::str::from_utf8(&bytes).expect("JSON is UTF-8"));
    text.push('\n');
    text
}

/// More than a login has, so that no piece of it is left behind in memory where a buffer grew.
const ROOM: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn docker_reads_what_it_asked_for() {
        let printed = docker_pair("https://images.example.com", "wharfinger", "whr_\"x");
        assert_eq!(
            *printed,
            "{\"ServerURL\":\"https://images.example.com\",\"Username\":\"wharfinger\",\"Secret\":\"whr_\\\"x\"}\n"
        );
    }

    #[test]
    fn an_end_is_told_in_whole_seconds_and_not_later() {
        let end = "2026-08-01T12:00:00.9Z".parse().unwrap();
        assert_eq!(shown(end), "2026-08-01T12:00:00Z");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_shell_reads_every_value_as_it_is(value in "[ -~]{0,40}") {
            let mut quoted = String::new();
            quote(&value, &mut quoted);
            let script = format!("printf %s {quoted}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }
}

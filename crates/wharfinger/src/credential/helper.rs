//! docker's credential helper: the program by the name `docker-credential-wharfinger`.
//!
//! The protocol is that of docker-credential-helpers: the action is the argument, its input is on standard input, its
//! result on standard output. So are its errors, with the exit status 1: docker and podman show what stands there.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use secrecy::{ExposeSecret, zeroize::Zeroizing};
use serde::Deserialize;

use super::{
    format::{self, Printed},
    identity::{Identity, Trouble},
    machine::Machine,
    server::ServerName,
};

/// What docker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Get,
    Store,
    Erase,
    List,
    Version,
    /// No action of the protocol.
    Unknown,
}

/// The action, where the process was started as the helper.
pub(crate) fn action(arguments: impl IntoIterator<Item = OsString>) -> Option<Action> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next()?;
    if Path::new(&program).file_name()? != NAME {
        return None;
    }
    let (asked, more) = (arguments.next(), arguments.next());
    let action = match asked.as_ref().and_then(|asked| asked.to_str()) {
        _ if more.is_some() => Action::Unknown,
        Some("get") => Action::Get,
        Some("store") => Action::Store,
        Some("erase") => Action::Erase,
        Some("list") => Action::List,
        Some("version" | "--version" | "-v") => Action::Version,
        _ => Action::Unknown,
    };
    Some(action)
}

/// Runs the helper.
pub(crate) async fn command(action: Action) -> ExitCode {
    let (printed, code) = match answer(action, io::stdin(), &|name| std::env::var(name).ok()).await {
        Ok(printed) => (printed, ExitCode::SUCCESS),
        Err(complaint) => (Zeroizing::new(complaint + "\n"), ExitCode::FAILURE),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(printed.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn answer(
    action: Action,
    stdin: impl Read,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Printed, String> {
    let machine = || Machine::load(None, variable).map_err(|error| format!("wharfinger: {error}"));
    match action {
        Action::Get => get(&input(stdin)?, machine()?).await,
        Action::Store => Err(nothing_is_stored(&input(stdin)?, &machine()?)),
        Action::Erase => input(stdin).map(|_| Printed::default()),
        Action::List => {
            let machine = machine()?;
            let logins: BTreeMap<_, _> = machine
                .logins()
                .map(|(host, username)| (format!("https://{host}"), username))
                .collect();
            Ok(Zeroizing::new(serde_json::json!(logins).to_string() + "\n"))
        }
        Action::Version => Ok(Zeroizing::new(format!("{NAME} {}\n", env!("CARGO_PKG_VERSION")))),
        Action::Unknown => Err(format!("Usage: {NAME} get|store|erase|list|version")),
    }
}

async fn get(input: &str, machine: Machine) -> Result<Printed, String> {
    let asked = input.trim();
    if asked.is_empty() {
        return Err(NO_SERVER.to_owned());
    }
    // Names for which nobody has configured anything are none of this helper's business, whatever they look like.
    let Ok(name) = ServerName::parse(asked) else {
        return Err(NOT_FOUND.to_owned());
    };
    if let Some(registry) = machine.registry(&name) {
        let token = registry
            .token
            .read()
            .map_err(|error| format!("wharfinger: the token for {name}: {error}"))?;
        return Ok(format::docker_pair(asked, &registry.username, token.expose_secret()));
    }
    let Ok(host) = name.registry() else {
        return Err(NOT_FOUND.to_owned());
    };
    if !machine.is_silent() && !machine.knows(&host) {
        return Err(NOT_FOUND.to_owned());
    }
    // Nobody said that this machine has an identity, and ECR Public lets everybody in.
    let may_be_nobody = machine.is_silent() && host.is_public();
    let login = async { Identity::new(machine, host, None)?.login().await };
    match login.await {
        Ok(login) => Ok(format::docker(asked, &login)),
        Err(Trouble::Anonymous(_)) => Err(NOT_FOUND.to_owned()),
        Err(Trouble::Aws(_)) if may_be_nobody => Err(NOT_FOUND.to_owned()),
        Err(trouble) => Err(format!("wharfinger: {trouble}")),
    }
}

/// What whoever ran `docker login` reads.
fn nothing_is_stored(input: &str, machine: &Machine) -> String {
    #[derive(Deserialize)]
    struct Stored {
        #[serde(rename = "ServerURL")]
        server_url: String,
    }
    let name = serde_json::from_str::<Stored>(input)
        .ok()
        .and_then(|stored| ServerName::parse(&stored.server_url).ok());
    let Some(name) = name else {
        return NO_SERVER.to_owned();
    };
    let place = machine.place();
    if name.registry().is_ok() {
        return format!(
            "wharfinger: nothing is stored: logins for {name} are made here when they are needed, so docker login is not; {place} says from which identity"
        );
    }
    format!(
        "wharfinger: nothing is stored: the login for {name} comes from {place}; expected there a [[registry]] with host = \"{name}\" and token_file or token_env"
    )
}

fn input(stdin: impl Read) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::new());
    stdin
        .take(MAX_INPUT + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("wharfinger: standard input cannot be read: {error}"))?;
    if text.len() as u64 > MAX_INPUT {
        return Err("wharfinger: standard input has more than 64 KiB".to_owned());
    }
    Ok(text)
}

const NAME: &str = "docker-credential-wharfinger";

/// By these words docker knows that it may go on without a login.
const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_SERVER: &str = "no credentials server URL";

const MAX_INPUT: u64 = 64 * 1024;

#[cfg(test)]
mod tests;

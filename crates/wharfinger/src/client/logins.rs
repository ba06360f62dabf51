//! A file of logins, docker's `config.json` or podman's `auth.json`, gets an entry more.

use std::path::Path;

use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value};

use super::settings::{Entry, Way, exposed, pretty};

/// The text with the entry. Whatever else is in it stays.
///
/// # Errors
/// One line, where the text is no such file, where the proxy has another entry and `force` is not given, and where
/// the client would not look at this one. No login is repeated.
pub(super) fn merged(path: &Path, text: &str, entry: &Entry, force: bool) -> Result<Zeroizing<String>, String> {
    let (shown, proxy) = (path.display(), entry.proxy.name());
    let wrong = |what: &str| format!("`{shown}` {what}; expected the config.json of docker or the auth.json of podman");
    let mut file: Map<String, Value> = if text.trim().is_empty() {
        Map::new()
    } else {
        // The error's own text may repeat what stands in the file.
        serde_json::from_str(text).map_err(|error| {
            wrong(&format!(
                "is no object in JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?
    };
    if let Way::Login(_) = entry.way {
        let helper = |name: &Value| name.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let own = file
            .get("credHelpers")
            .and_then(|helpers| helpers.get(proxy))
            .and_then(helper);
        let every = file.get("credsStore").and_then(helper);
        if let Some((key, name)) = own
            .map(|name| ("credHelpers", name))
            .or(every.map(|name| ("credsStore", name)))
        {
            return Err(format!(
                "`{shown}` has the client ask `{name}` for logins ({key}), so a password in it would not be read; expected --credential-helper, or the client's own `login {proxy}`"
            ));
        }
    }
    let section = file
        .entry(entry.section())
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
        .ok_or_else(|| wrong(&format!("has something else than an object as `{}`", entry.section())))?;
    let value = entry.value(exposed);
    if section.get(proxy) == Some(&value) {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    if section.contains_key(proxy) && !force {
        return Err(format!(
            "`{shown}` has another login for {proxy}; expected none, or --force to overwrite it"
        ));
    }
    section.insert(proxy.to_owned(), value);
    Ok(Zeroizing::new(pretty(&Value::Object(file))))
}

#[cfg(test)]
#[path = "logins/tests.rs"]
mod tests;

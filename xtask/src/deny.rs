//! The rules in `deny.toml`.
//!
//! The format is cargo-deny's (<https://embarkstudios.github.io/cargo-deny/checks/cfg.html>), and only the keys that
//! are honoured here can be read: a rule that nobody enforces is worse than none.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, de};
use spdx::Licensee;

use crate::finding::Level;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deny {
    pub(crate) graph: GraphRules,
    pub(crate) bans: Bans,
    pub(crate) licenses: Licences,
    pub(crate) sources: Sources,
    /// For cargo-deny alone: these rules are about the advisory database, which takes a network to read.
    #[serde(rename = "advisories")]
    _advisories: toml::Table,
}

/// Which platforms count.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphRules {
    pub(crate) targets: Vec<String>,
}

/// Which crates are not wanted, and which are wanted once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Bans {
    pub(crate) multiple_versions: Level,
    pub(crate) deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Ban {
    #[serde(rename = "crate")]
    pub(crate) name: CrateName,
    pub(crate) reason: Option<String>,
    pub(crate) use_instead: Option<String>,
    /// Not the crate is banned, but a second version of it.
    #[serde(default)]
    pub(crate) deny_multiple_versions: bool,
}

/// Which licences may be among the dependencies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Licences {
    #[serde(deserialize_with = "licensees")]
    pub(crate) allow: Vec<Licensee>,
    #[serde(default)]
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) unused_allowed_license: Level,
    pub(crate) unused_license_exception: Level,
    #[serde(rename = "include-dev")]
    _include_dev: Always,
    #[serde(rename = "include-build")]
    _include_build: Always,
}

/// Licences that one crate may have beyond those that every crate may have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exception {
    #[serde(rename = "crate")]
    pub(crate) name: CrateName,
    #[serde(deserialize_with = "licensees")]
    pub(crate) allow: Vec<Licensee>,
}

/// Whether crates may come from elsewhere than the registry of the Rust project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sources {
    pub(crate) unknown_registry: Level,
    pub(crate) unknown_git: Level,
}

/// The name of a crate without a version: a rule holds for all versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CrateName(String);

/// A switch that this checker cannot turn off.
#[derive(Debug, Deserialize)]
#[serde(try_from = "bool")]
struct Always;

impl Deny {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml cannot be read")?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let deny: Self = toml::from_str(text).context("deny.toml")?;
        let mut names = BTreeSet::new();
        if let Some(twice) = deny.bans.deny.iter().find(|ban| !names.insert(&ban.name)) {
            anyhow::bail!("deny.toml: bans.deny names the crate {} twice", twice.name);
        }
        Ok(deny)
    }
}

impl CrateName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CrateName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("`{name}`: expected the name of a crate without a version"));
        }
        Ok(Self(name))
    }
}

impl fmt::Display for CrateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<bool> for Always {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value {
            Ok(Self)
        } else {
            Err("expected true: dependencies of builds and tests are always looked at")
        }
    }
}

fn licensees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Licensee>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names
        .iter()
        .map(|name| Licensee::parse(name).map_err(de::Error::custom))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const SMALL: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [advisories]
        yanked = "deny"
        [bans]
        multiple-versions = "allow"
        deny = [
            { crate = "ring", use-instead = "aws-lc-rs", reason = "one is enough" },
            { crate = "rustls", deny-multiple-versions = true },
        ]
        [licenses]
        allow = ["Apache-2.0", "MIT"]
        exceptions = [{ crate = "notify", allow = ["CC0-1.0"] }]
        unused-allowed-license = "warn"
        unused-license-exception = "warn"
        include-dev = true
        include-build = true
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
    "#;

    /// The small set of rules that other tests work with.
    pub(crate) fn small() -> Deny {
        Deny::parse(SMALL).unwrap()
    }

    fn error(replace: &str, by: &str) -> String {
        assert!(SMALL.contains(replace), "{replace}");
        format!("{:#}", Deny::parse(&SMALL.replace(replace, by)).unwrap_err())
    }

    #[test]
    fn the_file_of_this_workspace_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let deny = Deny::read(root).unwrap();
        for name in [
            "ring",
            "openssl-sys",
            "native-tls",
            "rsa",
            "rustls-pemfile",
            "serde_yaml",
            "serde_yml",
        ] {
            let ban = deny.bans.deny.iter().find(|ban| ban.name.as_str() == name).expect(name);
            assert!(!ban.deny_multiple_versions, "{name}");
        }
    }

    #[test]
    fn rules_are_read() {
        let deny = small();
        assert_eq!(deny.bans.deny[0].use_instead.as_deref(), Some("aws-lc-rs"));
        assert!(deny.bans.deny[1].deny_multiple_versions);
        assert_eq!(deny.licenses.exceptions[0].name.as_str(), "notify");
    }

    #[test]
    fn keys_that_are_not_honoured_are_refused() {
        for (replace, by, key) in [
            ("[sources]", "[source]", "source"),
            ("targets = ", "all-features = true\ntargets = ", "all-features"),
            ("use-instead", "use_instead", "use_instead"),
            ("deny-multiple-versions = true", "wrappers = [\"aws\"]", "wrappers"),
            ("include-dev", "private = { ignore = true }\ninclude-dev", "private"),
            ("unknown-git", "allow-git = []\nunknown-git", "allow-git"),
        ] {
            let error = error(replace, by);
            assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
        }
    }

    #[test]
    fn values_that_mean_nothing_here_are_refused() {
        let cases = [
            (
                "\"ring\"",
                "\"ring@0.17\"",
                "`ring@0.17`: expected the name of a crate without a version",
            ),
            ("\"rustls\"", "\"ring\"", "bans.deny names the crate ring twice"),
            ("include-dev = true", "include-dev = false", "expected true"),
            ("\"MIT\"", "\"MITT\"", "unknown term"),
            (
                "unknown-git = \"deny\"",
                "unknown-git = \"forbid\"",
                "unknown variant `forbid`",
            ),
        ];
        for (replace, by, expected) in cases {
            let error = error(replace, by);
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! What a check has to say, and whether the check fails for it.

use serde::Deserialize;

/// How much a rule weighs, as `deny.toml` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Allow,
    Warn,
    Deny,
}

/// One thing found, in whole sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn deny(text: String) -> Self {
        Self {
            level: Level::Deny,
            text,
        }
    }
}

/// Prints the findings. Fails when one of them is more than a warning.
pub(crate) fn settle(findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        match finding.level {
            Level::Allow => {}
            Level::Warn => println!("warning: {}", finding.text),
            Level::Deny => println!("error: {}", finding.text),
        }
    }
    match findings.iter().filter(|finding| finding.level == Level::Deny).count() {
        0 => Ok(()),
        1 => anyhow::bail!("one rule is broken"),
        many => anyhow::bail!("{many} rules are broken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_denied_fails() {
        let warning = Finding {
            level: Level::Warn,
            text: "odd".to_owned(),
        };
        assert!(settle(std::slice::from_ref(&warning)).is_ok());
        let error = settle(&[warning, Finding::deny("wrong".to_owned())]).unwrap_err();
        assert_eq!(error.to_string(), "one rule is broken");
    }
}

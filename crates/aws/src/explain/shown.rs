//! Explanations as the snapshots of the tests hold them.

use std::fmt::Write;

use super::Failure;
use crate::AwsError;

/// All parts of an explanation.
pub(crate) fn shown(error: &AwsError) -> String {
    let mut text = format!("{:?}\ntried: {}\nsaid: {}\n", error.kind, error.tried, error.said);
    for cause in &error.causes {
        let _ = write!(
            text,
            "- {}\n  tell: {}\n  fix: {}\n",
            cause.why, cause.how_to_tell, cause.fix
        );
        if let Some(document) = &cause.document {
            let _ = writeln!(text, "  {}:\n{}", document.purpose, document.text);
        }
    }
    text
}

/// Rows of a table of errors and what is said to each.
pub(crate) fn table(
    rows: impl IntoIterator<Item = (u16, &'static str, &'static str)>,
    explain: impl Fn(&Failure) -> AwsError,
) -> String {
    let mut text = String::new();
    for (status, code, message) in rows {
        let error = explain(&answered(status, code, message));
        assert!(!error.causes.is_empty(), "{code}");
        let _ = writeln!(text, "{}", shown(&error));
    }
    text
}

pub(crate) fn answered(status: u16, code: &str, message: &str) -> Failure {
    Failure::Answered {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

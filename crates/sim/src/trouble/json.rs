use serde::de::DeserializeOwned;

/// Why a text is no fault rule, or no network: on one line, with the place in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFault(String);

/// Reads JSON; the message says where in `what` the mistake is.
pub(super) fn read<T: DeserializeOwned>(json: &str, what: &str) -> Result<T, InvalidFault> {
    if json.len() > MAX_TEXT {
        return Err(InvalidFault(format!(
            "{what}: {} bytes are too many, at most {MAX_TEXT} are expected",
            json.len()
        )));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let place = match path.as_str() {
            // Where the text is no JSON, it is not known where in a rule that would have been.
            path if path == "." || !error.inner().is_data() => what.to_owned(),
            path if path.starts_with('[') => format!("{what}{path}"),
            path => format!("{what}.{path}"),
        };
        InvalidFault(one_line(&format!("{place}: {}", told(error.inner()))))
    })?;
    deserializer
        .end()
        .map_err(|error| InvalidFault(one_line(&format!("{what}: {error}"))))?;
    Ok(value)
}

/// Reads a JSON object. Without this a list of values in the order of the members would be one too.
pub(crate) fn read_object<T: DeserializeOwned>(json: &str, what: &str) -> Result<T, InvalidFault> {
    if json.trim_start().starts_with('[') {
        return Err(InvalidFault(format!(
            "{what}: invalid type: sequence, expected an object"
        )));
    }
    read(json, what)
}

/// What is wrong with JSON. Line and column are told where it is none; where a member is wrong, its name says more.
fn told(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&position) {
        Some(told) if error.is_data() => told.to_owned(),
        _ => message,
    }
}

/// Messages quote what was written, line ends included.
fn one_line(message: &str) -> String {
    let message = message.chars().take(MAX_MESSAGE);
    message
        .map(|sign| match sign {
            '\u{2028}' | '\u{2029}' => ' ',
            sign if sign.is_control() => ' ',
            sign => sign,
        })
        .collect()
}

/// The longest text that is read as rules, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// The longest message, in characters: what is quoted in it was written by somebody else.
const MAX_MESSAGE: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(json: &str, expected: &str) {
        let error = read::<Vec<u8>>(json, "numbers").unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        refused("[1, 2, 300]", "numbers[2]: invalid value: integer `300`, expected u8");
        refused("{}", "numbers: invalid type: map, expected a sequence");
        refused("[1", "numbers: EOF while parsing a list at line 1 column 2");
        refused("[1] [2]", "numbers: trailing characters at line 1 column 5");
        refused(&" ".repeat(MAX_TEXT + 1), "numbers: 1048577 bytes are too many");
    }

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        let long = format!("[\"a\\nb\u{2028}{}\"]", "c".repeat(1000));
        let error = read::<Vec<u8>>(&long, "numbers").unwrap_err().to_string();
        assert!(error.contains("a") && !error.contains(['\n', '\u{2028}']), "{error}");
        assert_eq!(error.chars().count(), MAX_MESSAGE);
    }
}

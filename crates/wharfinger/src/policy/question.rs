use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use iam::{
    Position,
    wire::{MAX_BYTES, Problem, Question},
};

/// Reads the question in a file, or from standard input where the file is `-`.
pub(super) fn read(path: &Path) -> io::Result<Result<Question, Problem>> {
    let mut bytes = Vec::new();
    // One byte more than may be: whoever reads the question tells that it is too long.
    let limit = MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(parse(&bytes))
}

/// The question in bytes that ought to be UTF-8.
pub(super) fn parse(bytes: &[u8]) -> Result<Question, Problem> {
    if bytes.len() > MAX_BYTES {
        let start = Position { line: 1, column: 1 };
        return Err(Problem::new(
            start,
            format!("the request is longer than {MAX_BYTES} bytes"),
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Question::parse(text),
        Err(error) => Err(Problem::new(end(&bytes[..error.valid_up_to()]), "this is not UTF-8")),
    }
}

/// The place behind a text.
fn end(text: &[u8]) -> Position {
    let text = String::from_utf8_lossy(text);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position {
        line: count(text.matches('\n').count() + 1),
        column: count(last.chars().count() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_has_a_place() {
        let problem = parse(b"{\n\"\xc3\xbc\": \"\xff\"}").unwrap_err();
        assert_eq!(problem.to_string(), "line 2, column 7: this is not UTF-8");
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let problem = parse(&vec![0xff; MAX_BYTES + 1]).unwrap_err();
        assert!(problem.message().contains("longer than 4194304 bytes"));
        let problem = parse(&vec![b' '; MAX_BYTES]).unwrap_err();
        assert!(problem.message().contains("expected a JSON value"));
    }
}

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use iam::Position;
use iam::wire::{Answer, MAX_BYTES, Problem};

use super::question;

/// Answers every line of the input by one line of the output, in order, to the end of the input.
///
/// A line that is no request, an empty one included, is answered by an error: the answers keep step with the lines. Of a
/// line no more is kept than a request may be long. What has been answered is written before more input is waited for,
/// so that somebody may ask and wait in turn.
///
/// # Errors
/// If the input cannot be read, or the output not be written.
pub(super) fn answer<R: Read, W: Write>(mut input: BufReader<R>, output: W) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    let mut line = Line::default();
    while line.read(&mut input)? {
        writeln!(output, "{}", line.answer())?;
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()
}

#[derive(Default)]
struct Line {
    /// Without its end.
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Line {
    /// Reads the next line; false at the end of the input.
    fn read(&mut self, input: &mut impl BufRead) -> io::Result<bool> {
        self.bytes.clear();
        self.is_too_long = false;
        let mut has_begun = false;
        loop {
            let chunk = match input.fill_buf() {
                Ok([]) => return Ok(has_begun),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            has_begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.bytes.len() + part.len() > MAX_BYTES {
                self.is_too_long = true;
            } else if !self.is_too_long {
                self.bytes.extend_from_slice(part);
            }
            let read = end.map_or(chunk.len(), |end| end + 1);
            input.consume(read);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn answer(&self) -> String {
        if self.is_too_long {
            let message = format!("the line is longer than {MAX_BYTES} bytes");
            let problem = Problem::new(Position { line: 1, column: 1 }, message);
            return format!("{:#}", problem.answer());
        }
        match question::parse(&self.bytes) {
            Ok(question) => format!("{:#}", Answer::new(&question.request, &question.evaluate())),
            Err(problem) => format!("{:#}", problem.answer()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &str = r#"{"principal":{"AWS":"111122223333"},"action":"s3:GetObject","resource":"arn:aws:s3:::b/k","resourceAccount":"111122223333"}"#;

    fn answers(input: &[u8]) -> Vec<String> {
        let mut output = Vec::new();
        answer(BufReader::with_capacity(16, input), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| line.chars().take(90).collect()).collect()
    }

    #[test]
    fn every_line_has_its_answer_in_order() {
        let input = format!("{ALLOWED}\n\nnonsense\r\n\u{ff}\n{ALLOWED}");
        let answers = answers(&[input.as_bytes(), b"\n\xff\n"].concat());
        let begins = [
            r#"{"decision":"Allowed","#,
            r#"{"error":{"message":"expected a JSON value, found the end"#,
            r#"{"error":{"message":"expected a JSON value, found `nonsense`""#,
            r#"{"error":{"message":"expected a JSON value, found"#,
            r#"{"decision":"Allowed","#,
            r#"{"error":{"message":"this is not UTF-8","line":1,"column":1,"#,
        ];
        assert_eq!(answers.len(), begins.len());
        for (answer, begin) in answers.iter().zip(begins) {
            assert!(answer.starts_with(begin), "{answer}");
        }
    }

    #[test]
    fn nothing_is_answered_by_nothing() {
        assert!(answers(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_is_neither_kept_nor_in_the_way() {
        let endless = io::repeat(b' ').take(MAX_BYTES as u64 * 3);
        let input = endless.chain(io::Cursor::new(format!("\n{ALLOWED}\n")));
        let mut output = Vec::new();
        answer(BufReader::new(input), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().contains("the line is longer than 4194304 bytes"));
        assert!(lines.next().unwrap().starts_with(r#"{"decision":"Allowed""#));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn an_output_that_is_closed_ends_the_stream() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input = BufReader::new(ALLOWED.as_bytes());
        assert_eq!(answer(input, Closed).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

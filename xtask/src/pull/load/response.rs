//! Just enough of HTTP/1.1 to know where an answer ends.

use anyhow::{Result, bail};

/// An answer while it comes in.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// The head, as long as it is not complete.
    head: Vec<u8>,
    /// What is missing of the body; `None` as long as the head is not complete.
    missing: Option<u64>,
}

/// Far above what a registry sends.
const LONGEST_HEAD: usize = 64 * 1024;

impl Response {
    /// Takes what came in; `true` when the answer is complete.
    ///
    /// Fails where the status is not 200, or the length of the body is not said beforehand.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<bool> {
        let missing = match self.missing {
            Some(missing) => missing,
            None if self.head.is_empty() && end_of_head(bytes).is_some() => {
                // The usual case, without a copy.
                let (head, body) = bytes.split_at(end_of_head(bytes).unwrap_or_default());
                bytes = body;
                length(head)?
            }
            None => {
                let before = self.head.len();
                self.head.extend_from_slice(bytes);
                let Some(end) = end_of_head(&self.head) else {
                    if self.head.len() > LONGEST_HEAD {
                        bail!("the head of an answer does not end");
                    }
                    return Ok(false);
                };
                // The end was not there before, so it lies in what came in now.
                bytes = &bytes[end - before..];
                length(&self.head[..end])?
            }
        };
        let come = bytes.len() as u64;
        if come > missing {
            bail!("an answer is longer than it said");
        }
        self.missing = Some(missing - come);
        if come < missing {
            return Ok(false);
        }
        self.head.clear();
        self.missing = None;
        Ok(true)
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(at + 4)
}

fn length(head: &[u8]) -> Result<u64> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("an answer is `{status}`");
    }
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("an answer has no content-length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";

    #[test]
    fn an_answer_ends_where_it_said_however_it_is_cut() {
        for cut in 1..ANSWER.len() {
            let mut response = Response::default();
            // Twice: the second answer on a connection finds nothing left of the first.
            for _ in 0..2 {
                assert!(!response.take(&ANSWER[..cut]).unwrap(), "{cut}");
                assert!(response.take(&ANSWER[cut..]).unwrap(), "{cut}");
            }
        }
        assert!(Response::default().take(ANSWER).unwrap());
    }

    #[test]
    fn what_is_no_success_is_refused() {
        let error = |bytes: &[u8]| Response::default().take(bytes).unwrap_err().to_string();
        assert_eq!(
            error(b"HTTP/1.1 401 Unauthorized\r\n\r\n"),
            "an answer is `HTTP/1.1 401 Unauthorized`"
        );
        assert_eq!(
            error(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "an answer has no content-length"
        );
        assert_eq!(error(&[ANSWER, b"!"].concat()), "an answer is longer than it said");
    }
}

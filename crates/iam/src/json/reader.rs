use super::{Limits, MAX_MEMBERS, Member, Node, ParseError, Position, Value};

/// Reads one JSON value (RFC 8259) that makes up the whole text.
///
/// Stricter than the RFC in one point: a key may stand in an object only once, because readers disagree about which
/// of two counts, and a policy must mean one thing.
pub(crate) fn read(text: &str) -> Result<Node, ParseError> {
    read_within(text, Limits::DOCUMENT)
}

/// As [`read`], within other limits.
pub(crate) fn read_within(text: &str, limits: Limits) -> Result<Node, ParseError> {
    let mut reader = Reader {
        rest: text,
        at: Position { line: 1, column: 1 },
        length: text.len(),
        deepest: limits.depth,
    };
    if text.len() > limits.bytes {
        return Err(reader.at.error(format!(
            "the document is {} bytes long, at most {} are read",
            text.len(),
            limits.bytes
        )));
    }
    reader.skip_space();
    let node = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader
            .at
            .error(format!("expected the end of the document, found {}", reader.found()))),
    }
}

struct Reader<'a> {
    rest: &'a str,
    at: Position,
    /// Of the whole text.
    length: usize,
    deepest: usize,
}

impl Reader<'_> {
    fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.at = Position {
                line: self.at.line + 1,
                column: 1,
            };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn accept(&mut self, wanted: char) -> bool {
        let accepted = self.peek() == Some(wanted);
        if accepted {
            self.next();
        }
        accepted
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.next();
        }
    }

    /// The next character or word, for messages.
    fn found(&self) -> String {
        let word: String = self
            .rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || "_-".contains(*c))
            .take(32)
            .collect();
        match self.peek() {
            None => "the end of the document".to_owned(),
            Some(c) if word.is_empty() => format!("`{}`", c.escape_debug()),
            Some(_) => format!("`{word}`"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        let (at, start) = (self.at, self.offset());
        if depth > self.deepest {
            return Err(at.error(format!("nested deeper than {} levels", self.deepest)));
        }
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('t') => self.word("true", Value::Bool(true))?,
            Some('f') => self.word("false", Value::Bool(false))?,
            Some('n') => self.word("null", Value::Null)?,
            _ => return Err(at.error(format!("expected a JSON value, found {}", self.found()))),
        };
        let span = start..self.offset();
        Ok(Node { at, span, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.next();
        let mut members: Vec<Member> = Vec::new();
        self.skip_space();
        if self.accept('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let at = self.at;
            if self.peek() != Some('"') {
                return Err(at.error(format!("expected a key in double quotes, found {}", self.found())));
            }
            let start = self.offset();
            let key = self.string()?;
            let span = start..self.offset();
            if let Some(first) = members.iter().find(|member| member.key == key) {
                return Err(at.error(format!(
                    "`{key}` stands here for the second time, first at {}",
                    first.at
                )));
            }
            self.skip_space();
            if !self.accept(':') {
                return Err(self
                    .at
                    .error(format!("expected `:` after the key `{key}`, found {}", self.found())));
            }
            self.skip_space();
            let node = self.value(depth + 1)?;
            if members.len() == MAX_MEMBERS {
                return Err(at.error(format!("an object of more than {MAX_MEMBERS} keys")));
            }
            members.push(Member { at, span, key, node });
            self.skip_space();
            if self.accept('}') {
                return Ok(Value::Object(members));
            }
            if !self.accept(',') {
                return Err(self.at.error(format!("expected `,` or `}}`, found {}", self.found())));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.next();
        let mut nodes = Vec::new();
        self.skip_space();
        if self.accept(']') {
            return Ok(Value::Array(nodes));
        }
        loop {
            self.skip_space();
            nodes.push(self.value(depth + 1)?);
            self.skip_space();
            if self.accept(']') {
                return Ok(Value::Array(nodes));
            }
            if !self.accept(',') {
                return Err(self.at.error(format!("expected `,` or `]`, found {}", self.found())));
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        let at = self.at;
        let whole: String = self
            .rest
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect();
        if whole != word {
            return Err(at.error(format!("expected a JSON value, found {}", self.found())));
        }
        for _ in word.chars() {
            self.next();
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let at = self.at;
        let mut text = String::new();
        while let Some(c) = self
            .peek()
            .filter(|c| matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'))
        {
            text.push(c);
            self.next();
        }
        if is_number(&text) {
            Ok(Value::Number(text))
        } else {
            Err(at.error(format!("`{text}` is not a number")))
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.next() {
                None => return Err(start.error("this string has no closing quote")),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(at)?),
                Some(c) if c < ' ' => {
                    return Err(at.error(format!(
                        "a string may not contain `{}` unescaped; is the closing quote missing?",
                        c.escape_debug()
                    )));
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, at: Position) -> Result<char, ParseError> {
        Ok(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hex(at)?;
                let code = if (0xd800..0xdc00).contains(&first) && self.rest.starts_with("\\u") {
                    self.next();
                    self.next();
                    let second = self.hex(at)?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(at.error("half of a surrogate pair"));
                    }
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| at.error("half of a surrogate pair"))?
            }
            _ => {
                return Err(at.error("an unknown escape sequence; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"));
            }
        })
    }

    fn hex(&mut self, at: Position) -> Result<u32, ParseError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|c| c.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| at.error("expected four hexadecimal digits after \\u"))?;
        }
        Ok(code)
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns_of_characters() {
        let node = read("{\n  \"ü\": [1, \"x\"]\n}").unwrap();
        let Value::Object(members) = node.value else { panic!() };
        assert_eq!(members[0].at, Position { line: 2, column: 3 });
        let Value::Array(items) = &members[0].node.value else {
            panic!()
        };
        assert_eq!(items[1].at, Position { line: 2, column: 12 });
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, message) in [
            (
                "",
                "line 1, column 1: expected a JSON value, found the end of the document",
            ),
            (
                "{Version: 1}",
                "line 1, column 2: expected a key in double quotes, found `Version`",
            ),
            (
                "{\"a\":1,\n\"a\":2}",
                "line 2, column 1: `a` stands here for the second time, first at line 1, column 2",
            ),
            (
                "{\"a\" 1}",
                "line 1, column 6: expected `:` after the key `a`, found `1`",
            ),
            ("[1 2]", "line 1, column 4: expected `,` or `]`, found `2`"),
            ("[1,]", "line 1, column 4: expected a JSON value, found `]`"),
            (
                "{\"a\":1,}",
                "line 1, column 8: expected a key in double quotes, found `}`",
            ),
            ("[1] x", "line 1, column 5: expected the end of the document, found `x`"),
            ("[01]", "line 1, column 2: `01` is not a number"),
            ("[1.]", "line 1, column 2: `1.` is not a number"),
            ("[truex]", "line 1, column 2: expected a JSON value, found `truex`"),
            ("\"a", "line 1, column 1: this string has no closing quote"),
            ("\"\\ud800x\"", "line 1, column 2: half of a surrogate pair"),
            (
                "\"\\x\"",
                "line 1, column 2: an unknown escape sequence; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn escapes() {
        let Value::String(text) = read(r#""\u00fc\ud83d\ude00\n\/""#).unwrap().value else {
            panic!()
        };
        assert_eq!(text, "ü😀\n/");
    }

    #[test]
    fn limits() {
        let wide = |keys: usize| {
            let members: Vec<String> = (0..keys).map(|key| format!("\"{key}\":0")).collect();
            read(&format!("{{{}}}", members.join(",")))
        };
        assert!(wide(MAX_MEMBERS).is_ok());
        assert!(
            wide(MAX_MEMBERS + 1)
                .unwrap_err()
                .message()
                .contains("more than 1000 keys")
        );
        assert!(
            read(&"[".repeat(Limits::DOCUMENT.depth + 2))
                .unwrap_err()
                .message()
                .contains("nested deeper")
        );
        assert!(
            read(&format!(
                "{}1{}",
                "[".repeat(Limits::DOCUMENT.depth),
                "]".repeat(Limits::DOCUMENT.depth)
            ))
            .is_ok()
        );
        assert!(
            read(&" ".repeat(Limits::DOCUMENT.bytes + 1))
                .unwrap_err()
                .message()
                .contains("bytes long")
        );
    }
}

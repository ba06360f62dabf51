//! JSON that lost its quotes, as pages show it: `{ Version: 2012-10-17, Statement: [ … ] }`.

use std::ops::Range;

use crate::condition::Operator;
use crate::json::{self, Position};

use super::finding::{Edit, apply};

/// The text with its quotes.
pub(super) struct Quoted {
    pub(super) text: String,
    /// The insertions that lead to it.
    pub(super) edits: Vec<Edit>,
}

/// Puts keys and texts into quotes. None if that does not make a policy document of it.
pub(super) fn quote(text: &str) -> Option<Quoted> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut reader = Reader {
        text,
        at: 0,
        edits: Vec::new(),
    };
    reader.skip_space();
    reader.value(Place::Element, 0)?;
    reader.skip_space();
    if reader.at < text.len() || reader.edits.is_empty() {
        return None;
    }
    let edits = reader.edits;
    let quoted = apply(text, &edits);
    let node = json::read(&quoted).ok()?;
    let known = ["Statement", "PolicyVersion", "Document", "AssumeRolePolicyDocument"];
    known
        .iter()
        .any(|key| node.member(key).is_some())
        .then_some(Quoted { text: quoted, edits })
}

impl Quoted {
    /// Where a place of the quoted text stands in the text as it was.
    pub(super) fn place_in(&self, text: &str, at: Position) -> Position {
        let mut line_start = 0;
        for _ in 1..at.line {
            line_start += text[line_start..].find('\n').map_or(0, |end| end + 1);
        }
        // Insertions are one character each, come in the order of their places, and stay within their line.
        let mut edits = &self.edits[self.edits.partition_point(|edit| edit.span.start < line_start)..];
        let mut column = 1;
        let mut left = at.column.saturating_sub(1);
        for (offset, c) in text[line_start..].char_indices() {
            let here = edits.partition_point(|edit| edit.span.start <= line_start + offset);
            edits = &edits[here..];
            left = left.saturating_sub(u32::try_from(here).unwrap_or(left));
            if left == 0 || c == '\n' {
                break;
            }
            column += 1;
            left -= 1;
        }
        Position { line: at.line, column }
    }
}

/// What the keys of an object are: where a colon may be a part of one.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// `Statement`, `AWS`.
    Element,
    /// Within `Condition`: `ForAnyValue:StringLike`.
    Operator,
    /// Within an operator: `sts:ExternalId`.
    ConditionKey,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    edits: Vec<Edit>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn accept(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn value(&mut self, place: Place, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(place, depth),
            b'[' => self.list(place, depth),
            b'"' => self.string().map(|_| ()),
            _ => {
                let end = bare_end(self.rest());
                let span = self.at..self.at + self.rest()[..end].trim_end().len();
                self.at += end;
                self.quote(span)
            }
        }
    }

    fn list(&mut self, place: Place, depth: usize) -> Option<()> {
        self.accept(b'[')?;
        self.skip_space();
        if self.accept(b']').is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            self.value(place, depth + 1)?;
            self.skip_space();
            if self.accept(b']').is_some() {
                return Some(());
            }
            self.accept(b',')?;
        }
    }

    fn object(&mut self, place: Place, depth: usize) -> Option<()> {
        self.accept(b'{')?;
        self.skip_space();
        if self.accept(b'}').is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            let key = self.key(place)?;
            self.skip_space();
            self.accept(b':')?;
            self.skip_space();
            let below = match place {
                Place::Element if key == "Condition" => Place::Operator,
                Place::Operator => Place::ConditionKey,
                _ => Place::Element,
            };
            self.value(below, depth + 1)?;
            self.skip_space();
            if self.accept(b'}').is_some() {
                return Some(());
            }
            self.accept(b',')?;
        }
    }

    fn key(&mut self, place: Place) -> Option<String> {
        if self.peek()? == b'"' {
            return self.string();
        }
        let length = key_length(&self.rest()[..bare_end(self.rest())], place)?;
        let key = self.rest()[..length].trim_end().to_owned();
        let span = self.at..self.at + key.len();
        self.at += length;
        self.quote(span)?;
        Some(key)
    }

    /// What stands in quotes already.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.accept(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                b'\n' => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start + 1..self.at - 1).map(str::to_owned)
    }

    fn quote(&mut self, span: Range<usize>) -> Option<()> {
        let bare = self.text.get(span.clone())?;
        if bare.is_empty() || bare.contains(['"', '\\']) || bare.chars().any(char::is_control) {
            return None;
        }
        for at in [span.start, span.end] {
            self.edits.push(Edit {
                span: at..at,
                text: "\"".to_owned(),
            });
        }
        Some(())
    }
}

/// Where a value without quotes ends: at what separates it, or with its line. Policy variables have braces of their own.
fn bare_end(text: &str) -> usize {
    let mut within_variable = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => within_variable = true,
            '}' if within_variable => within_variable = false,
            ',' | '}' | ']' if !within_variable => return at,
            '\n' => return at,
            _ => {}
        }
        before = c;
    }
    text.len()
}

/// How much of the line is the key, up to its colon.
fn key_length(line: &str, place: Place) -> Option<usize> {
    let mut colons = line.match_indices(':').map(|(at, _)| at);
    match place {
        Place::Element => colons.next(),
        Place::Operator => colons.find(|at| line[..*at].trim().parse::<Operator>().is_ok()),
        Place::ConditionKey => {
            let before_space = |at: &usize| {
                let after = line[at + 1..].chars().next();
                after.is_none_or(|c| c.is_whitespace() || matches!(c, '[' | '"'))
            };
            let clear = colons.clone().find(before_space);
            // Every condition key has one colon of its own.
            clear.or_else(|| colons.clone().nth(1)).or_else(|| colons.next())
        }
    }
}

const MAX_DEPTH: usize = 32;
/// What is pasted from a page is far shorter.
const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> Option<String> {
        quote(text).map(|quoted| quoted.text)
    }

    #[test]
    fn keys_with_colons() {
        let text = "{ Statement: [{ Action:sts:AssumeRole, Condition:{ ForAnyValue:StringLike: { aws:TagKeys: [ a b, c ] },\n\
                    StringEquals:{\n sts:ExternalId:optional external ID\n} } }] }";
        assert_eq!(
            quoted(text).unwrap(),
            "{ \"Statement\": [{ \"Action\":\"sts:AssumeRole\", \"Condition\":{ \"ForAnyValue:StringLike\": { \
             \"aws:TagKeys\": [ \"a b\", \"c\" ] },\n\"StringEquals\":{\n \"sts:ExternalId\":\"optional external ID\"\n} } }] }"
        );
    }

    #[test]
    fn variables_and_what_is_quoted_already_stay_whole() {
        assert_eq!(
            quoted("{\"Statement\": [{Resource: arn:aws:s3:::b/${aws:username}/*, \"Sid\": \"a,b\"}]}").unwrap(),
            "{\"Statement\": [{\"Resource\": \"arn:aws:s3:::b/${aws:username}/*\", \"Sid\": \"a,b\"}]}"
        );
    }

    #[test]
    fn what_is_no_policy_is_left() {
        for text in [
            "",
            "{",
            "hello: world",
            "{ Version: 2012-10-17,\n Statement: [",
            "{a: b}",
            "{\"Statement\": []}",
            "{Statement: [}",
        ] {
            assert_eq!(quoted(text), None, "{text}");
        }
    }

    #[test]
    fn places_are_those_of_the_text_as_it_was() {
        let text = "{ Statement: [{ Effect: Allow,\n  Action: x } ] }";
        let quoted = quote(text).unwrap();
        let place = |line, column| quoted.place_in(text, Position { line, column });
        // `"Action"` begins where `Action` does, and its value stands two insertions later.
        assert_eq!(place(2, 3), Position { line: 2, column: 3 });
        assert_eq!(place(2, 13), Position { line: 2, column: 11 });
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), soup in "[{}\\[\\]:,\"a$ \n\\\\ü]{0,60}") {
            let _ = quoted(&text);
            let _ = quoted(&format!("{{Statement: [{soup}]}}"));
            let _ = quoted(&soup);
        }
    }
}

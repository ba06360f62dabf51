use std::fmt::{self, Write};

use super::{Node, Value};

/// A JSON value that is only written: by `{}` in the pretty form of AWS's consoles, four spaces a level, and by `{:#}`
/// without white space.
#[derive(Clone, Debug)]
pub(crate) enum Printed<'a> {
    Number(u64),
    Text(&'a str),
    /// What is written without quotes: a number as it was read, `true`, `null`.
    Bare(&'a str),
    List(Vec<Printed<'a>>),
    Object(Vec<(&'a str, Printed<'a>)>),
}

impl<'a> Printed<'a> {
    /// One value stands by itself, several as a list.
    pub(crate) fn one_or_many(mut values: Vec<Printed<'a>>) -> Printed<'a> {
        if values.len() == 1 {
            values.remove(0)
        } else {
            Printed::List(values)
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Printed::Number(number) => write!(f, "{number}"),
            Printed::Text(text) => quoted(f, text),
            Printed::Bare(text) => f.write_str(text),
            Printed::List(items) if items.is_empty() => f.write_str("[]"),
            Printed::Object(members) if members.is_empty() => f.write_str("{}"),
            Printed::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    separate(f, index, depth + 1)?;
                    item.write(f, depth + 1)?;
                }
                separate(f, 0, depth)?;
                f.write_char(']')
            }
            Printed::Object(members) => {
                f.write_char('{')?;
                for (index, (key, value)) in members.iter().enumerate() {
                    separate(f, index, depth + 1)?;
                    quoted(f, key)?;
                    f.write_str(if f.alternate() { ":" } else { ": " })?;
                    value.write(f, depth + 1)?;
                }
                separate(f, 0, depth)?;
                f.write_char('}')
            }
        }
    }
}

/// Writes what was read, in the form of [`Printed`].
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Node {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let (open, close, count) = match &self.value {
            Value::Null => return f.write_str("null"),
            Value::Bool(flag) => return write!(f, "{flag}"),
            Value::Number(text) => return f.write_str(text),
            Value::String(text) => return quoted(f, text),
            Value::Array(items) => ('[', ']', items.len()),
            Value::Object(members) => ('{', '}', members.len()),
        };
        f.write_char(open)?;
        for (index, item) in self.items().iter().enumerate() {
            separate(f, index, depth + 1)?;
            item.write(f, depth + 1)?;
        }
        for (index, member) in self.members().iter().enumerate() {
            separate(f, index, depth + 1)?;
            quoted(f, &member.key)?;
            f.write_str(if f.alternate() { ":" } else { ": " })?;
            member.node.write(f, depth + 1)?;
        }
        if count > 0 {
            separate(f, 0, depth)?;
        }
        f.write_char(close)
    }
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn separate(f: &mut fmt::Formatter<'_>, index: usize, depth: usize) -> fmt::Result {
    if index > 0 {
        f.write_char(',')?;
    }
    if f.alternate() {
        return Ok(());
    }
    write!(f, "\n{:indent$}", "", indent = depth * 4)
}

/// Writes a text as a JSON string.
fn quoted(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::read;

    #[test]
    fn pretty() {
        let value = Printed::Object(vec![
            ("a", Printed::one_or_many(vec![Printed::Text("x")])),
            ("b", Printed::List(vec![Printed::Text("y"), Printed::Object(vec![])])),
        ]);
        assert_eq!(format!("{value:#}"), r#"{"a":"x","b":["y",{}]}"#);
        assert_eq!(
            value.to_string(),
            "{\n    \"a\": \"x\",\n    \"b\": [\n        \"y\",\n        {}\n    ]\n}"
        );
    }

    #[test]
    fn what_was_read_is_written_again() {
        let text = r#"{"a":[1.50,true,null,"x"],"b":{}}"#;
        assert_eq!(format!("{:#}", read(text).unwrap()), text);
    }

    proptest! {
        #[test]
        fn every_string_is_read_back(text in any::<String>()) {
            let Value::String(back) = read(&Printed::Text(&text).to_string()).unwrap().value else { panic!() };
            prop_assert_eq!(back, text);
        }
    }
}
